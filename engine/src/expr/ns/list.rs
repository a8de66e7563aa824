//! The namespace `list`.

use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use super::{IntoValue, kernel, simple};
use crate::Result;
use crate::expr::{Call, FunctionRow};

/// Functions of the elements of each row's list. A null list gives null.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let best = col("scores").list().sort(true, true).list().get(0, true);
/// let tags = col("tags").list().unique().list().join(", ", true);
/// # let _ = (best, tags);
/// ```
#[derive(Debug, Clone)]
pub struct ListNamespace(pub(super) Expr);

simple!(ListNamespace {
    /// How many elements there are, nulls included: UInt32.
    len => "list.len" from "list.len",
    /// The sum of the elements that are not null; 0 where there are none.
    sum => "list.sum" from "list.sum",
    /// The mean of the elements that are not null.
    mean => "list.mean" from "list.mean",
    /// The median of the elements that are not null.
    median => "list.median" from "list.median",
    /// The least element; NaNs are passed over.
    min => "list.min" from "list.min",
    /// The greatest element; NaNs are passed over.
    max => "list.max" from "list.max",
    /// Where the least element is: UInt32.
    arg_min => "list.arg_min" from "list.arg_min",
    /// Where the greatest element is: UInt32.
    arg_max => "list.arg_max" from "list.arg_max",
    /// The elements backwards.
    reverse => "list.reverse" from "list.reverse",
    /// Each value once, where it stands first.
    unique => "list.unique" from "list.unique",
    /// How many different values there are, null among them: UInt32.
    n_unique => "list.n_unique" from "list.n_unique",
    /// The elements that are not null.
    drop_nulls => "list.drop_nulls" from "list.drop_nulls",
});

impl ListNamespace {
    /// The element at an index, which counts from the end where it is negative. Out of bounds: null, or an error.
    pub fn get(self, index: impl IntoValue, null_on_oob: bool) -> Expr {
        kernel("list.get", [self.0, index.into_value(), null_on_oob.into_value()])
    }

    /// The first element; null where there is none.
    pub fn first(self) -> Expr {
        self.get(0, true)
    }

    /// The last element; null where there is none.
    pub fn last(self) -> Expr {
        self.get(-1, true)
    }

    /// The only element. Where there is none: null if `allow_empty`. Errors: `Execution` for any other number of them.
    pub fn item(self, allow_empty: bool) -> Expr {
        kernel("list.item", [self.0, allow_empty.into_value()])
    }

    /// The values of an expression over [`element`](crate::expr::element), as a list for each list.
    pub fn eval(self, expr: Expr) -> Expr {
        crate::expr::element::deferred("list.eval", self.0, expr)
    }

    /// The value of an expression over [`element`](crate::expr::element) that has one for each list; of another, a list.
    pub fn agg(self, expr: Expr) -> Expr {
        crate::expr::element::deferred("list.agg", self.0, expr)
    }

    /// The elements for which a condition over [`element`](crate::expr::element) is true.
    pub fn filter(self, predicate: Expr) -> Expr {
        crate::expr::element::deferred("list.filter", self.0, predicate)
    }

    /// So many elements from an offset, which counts from the end where it is negative; all that follow if null.
    pub fn slice(self, offset: impl IntoValue, length: impl IntoValue) -> Expr {
        kernel("list.slice", [self.0, offset.into_value(), length.into_value()])
    }

    /// The first n elements.
    pub fn head(self, n: impl IntoValue) -> Expr {
        self.slice(0, n)
    }

    /// The last n elements.
    pub fn tail(self, n: impl IntoValue) -> Expr {
        kernel("list.tail", [self.0, n.into_value()])
    }

    /// The elements at a list of indices.
    pub fn gather(self, indices: impl IntoValue, null_on_oob: bool) -> Expr {
        kernel("list.gather", [self.0, indices.into_value(), null_on_oob.into_value()])
    }

    /// Every n-th element from an offset on.
    pub fn gather_every(self, n: impl IntoValue, offset: impl IntoValue) -> Expr {
        kernel("list.gather_every", [self.0, n.into_value(), offset.into_value()])
    }

    /// The elements n places on; what comes from outside is null.
    pub fn shift(self, n: impl IntoValue) -> Expr {
        kernel("list.shift", [self.0, n.into_value()])
    }

    /// Each element less the one n places before it. `null_behavior`: `ignore`, or `drop` those that have none.
    pub fn diff(self, n: i64, null_behavior: &str) -> Expr {
        kernel("list.diff", [self.0, n.into_value(), null_behavior.into_value()])
    }

    /// The elements in order; nulls first unless asked otherwise.
    pub fn sort(self, descending: bool, nulls_last: bool) -> Expr {
        kernel("list.sort", [self.0, descending.into_value(), nulls_last.into_value()])
    }

    /// The sample variance, with the divisor n - ddof.
    pub fn var(self, ddof: i64) -> Expr {
        kernel("list.var", [self.0, ddof.into_value()])
    }

    /// The sample standard deviation, with the divisor n - ddof.
    pub fn std(self, ddof: i64) -> Expr {
        kernel("list.std", [self.0, ddof.into_value()])
    }

    /// Whether an element equals a value. A null is found among nulls if `nulls_equal`, else nobody can say.
    pub fn contains(self, item: impl IntoValue, nulls_equal: bool) -> Expr {
        kernel("list.contains", [self.0, item.into_value(), nulls_equal.into_value()])
    }

    /// How many elements equal a value: UInt32.
    pub fn count_matches(self, element: impl IntoValue) -> Expr {
        kernel("list.count_matches", [self.0, element.into_value()])
    }

    /// Whether an element is true. If nulls are not ignored, one may leave it open.
    pub fn any(self, ignore_nulls: bool) -> Expr {
        kernel("list.any", [self.0, ignore_nulls.into_value()])
    }

    /// Whether all elements are true. If nulls are not ignored, one may leave it open.
    pub fn all(self, ignore_nulls: bool) -> Expr {
        kernel("list.all", [self.0, ignore_nulls.into_value()])
    }

    /// A list of texts as one text. If nulls are not ignored, one makes the result null.
    pub fn join(self, separator: impl IntoValue, ignore_nulls: bool) -> Expr {
        kernel("list.join", [self.0, separator.into_value(), ignore_nulls.into_value()])
    }

    /// The elements of this and of other lists, one after the other; what is no list is an element.
    pub fn concat(self, others: impl IntoIterator<Item = Expr>) -> Expr {
        kernel("list.concat", [self.0].into_iter().chain(others))
    }

    /// The values that are in one of two lists.
    pub fn set_union(self, other: impl IntoValue) -> Expr {
        kernel("list.set_union", [self.0, other.into_value()])
    }

    /// The values that are in both lists.
    pub fn set_intersection(self, other: impl IntoValue) -> Expr {
        kernel("list.set_intersection", [self.0, other.into_value()])
    }

    /// The values that are not in the other list.
    pub fn set_difference(self, other: impl IntoValue) -> Expr {
        kernel("list.set_difference", [self.0, other.into_value()])
    }

    /// The values that are in just one of two lists.
    pub fn set_symmetric_difference(self, other: impl IntoValue) -> Expr {
        kernel("list.set_symmetric_difference", [self.0, other.into_value()])
    }

    /// n elements, or a fraction of them (the other is null), drawn at random: the same ones for the same seed and list.
    pub fn sample(self, n: impl IntoValue, fraction: impl IntoValue, options: SampleOptions) -> Expr {
        let SampleOptions { with_replacement, shuffle, seed } = options;
        let arguments = [self.0, n.into_value(), fraction.into_value(), with_replacement.into_value()];
        kernel("list.sample", arguments.into_iter().chain([shuffle.into_value(), seed.into_value()]))
    }

    /// Lists of one length as arrays. Errors: `Execution` for a list of another.
    pub fn to_array(self, width: i64) -> Expr {
        kernel("list.to_array", [self.0, width.into_value()])
    }

    /// The first elements as the fields of a struct; null where a list is shorter.
    pub fn to_struct(self, fields: &[&str]) -> Expr {
        kernel("list.to_struct", [self.0, fields.into_value()])
    }
}

/// How elements are drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleOptions {
    /// Whether an element may be drawn again.
    pub with_replacement: bool,
    /// Whether they come in any order, else in the list's.
    pub shuffle: bool,
    /// Of the draws.
    pub seed: i64,
}

fn list(call: &mut Call) -> Result<ListNamespace> {
    Ok(ListNamespace(call.expr("the list")?))
}

/// Constant names as a list.
pub(super) fn names(call: &mut Call, name: &str) -> Result<Expr> {
    let names: Vec<ScalarValue> = call.texts(name)?.unwrap_or_default().into_iter().map(ScalarValue::from).collect();
    let names = ScalarValue::new_list_nullable(&names, &arrow::datatypes::DataType::Utf8);
    Ok(Expr::Literal(ScalarValue::List(names), None))
}

fn sample(call: &mut Call) -> Result<Expr> {
    let (list, n, fraction) = (list(call)?, call.expr("n")?, call.expr("the fraction")?);
    let options = SampleOptions {
        with_replacement: call.flag("with_replacement", false)?,
        shuffle: call.flag("shuffle", false)?,
        seed: call.optional_int("seed")?.unwrap_or_default(),
    };
    Ok(list.sample(n, fraction, options))
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("list.get", |call| Ok(list(call)?.get(call.expr("the index")?, call.flag("null_on_oob", false)?))),
    FunctionRow::new("list.item", |call| Ok(list(call)?.item(call.flag("allow_empty", false)?))),
    FunctionRow::new("list.slice", |call| Ok(list(call)?.slice(call.expr("the offset")?, call.expr("the length")?))),
    FunctionRow::new("list.tail", |call| Ok(list(call)?.tail(call.expr("n")?))),
    FunctionRow::new("list.gather", |call| Ok(list(call)?.gather(call.expr("the indices")?, call.flag("null_on_oob", false)?))),
    FunctionRow::new("list.gather_every", |call| Ok(list(call)?.gather_every(call.expr("n")?, call.expr("the offset")?))),
    FunctionRow::new("list.shift", |call| Ok(list(call)?.shift(call.expr("n")?))),
    FunctionRow::new("list.diff", |call| {
        let (list, n) = (list(call)?, call.optional_int("n")?.unwrap_or(1));
        Ok(list.diff(n, &call.optional_text("null_behavior")?.unwrap_or_else(|| "ignore".into())))
    }),
    FunctionRow::new("list.sort", |call| Ok(list(call)?.sort(call.flag("descending", false)?, call.flag("nulls_last", false)?))),
    FunctionRow::new("list.var", |call| Ok(list(call)?.var(call.optional_int("ddof")?.unwrap_or(1)))),
    FunctionRow::new("list.std", |call| Ok(list(call)?.std(call.optional_int("ddof")?.unwrap_or(1)))),
    FunctionRow::new("list.contains", |call| Ok(list(call)?.contains(call.expr("the item")?, call.flag("nulls_equal", true)?))),
    FunctionRow::new("list.count_matches", |call| Ok(list(call)?.count_matches(call.expr("the element")?))),
    FunctionRow::new("list.any", |call| Ok(list(call)?.any(call.flag("ignore_nulls", true)?))),
    FunctionRow::new("list.all", |call| Ok(list(call)?.all(call.flag("ignore_nulls", true)?))),
    FunctionRow::new("list.join", |call| Ok(list(call)?.join(call.expr("the separator")?, call.flag("ignore_nulls", true)?))),
    FunctionRow::new("list.concat", |call| Ok(list(call)?.concat(call.rest()))),
    FunctionRow::new("list.set_union", |call| Ok(list(call)?.set_union(call.expr("the other list")?))),
    FunctionRow::new("list.set_intersection", |call| Ok(list(call)?.set_intersection(call.expr("the other list")?))),
    FunctionRow::new("list.set_difference", |call| Ok(list(call)?.set_difference(call.expr("the other list")?))),
    FunctionRow::new("list.set_symmetric_difference", |call| {
        Ok(list(call)?.set_symmetric_difference(call.expr("the other list")?))
    }),
    FunctionRow::new("list.sample", sample),
    FunctionRow::new("list.to_array", |call| Ok(list(call)?.to_array(call.int("width")?))),
    FunctionRow::new("list.to_struct", |call| Ok(kernel("list.to_struct", [list(call)?.0, names(call, "fields")?]))),
];
