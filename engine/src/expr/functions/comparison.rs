//! Comparison. NaN equals NaN and is greater than every number, in frames as in SQL.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::window;
use gradframe_plan::functions::frame;

use super::super::call::Call;
use super::super::resolve::{common_number, shown};
use super::super::structure::{Mark, mark_of};
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit, when};
use super::windows::rows_in_order;
use super::{binary, cast, deferred_call};
use crate::{Error, Result};

/// Which ends of an interval belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Both.
    Both,
    /// The lower one.
    Left,
    /// The upper one.
    Right,
    /// Neither.
    None,
}

/// Comparison with Polars's names.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let same = frame.filter(col("x").eq_missing(col("x")))?; // null is like null here
/// assert_eq!(session.block_on(same.count())?, 3);
/// let closed = gradframe::expr::call("is_between", vec![col("n"), lit(1), lit(2)], Default::default())?;
/// assert_eq!(session.block_on(frame.filter(closed)?.count())?, 2);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[expect(clippy::wrong_self_convention, reason = "expressions are taken by value, as DataFusion's own methods do")]
pub trait Comparison: Into<Expr> + Sized {
    /// Equal, or both null: never null itself.
    fn eq_missing(self, other: impl IntoExpr) -> Expr {
        operation(self.into(), Operator::IsNotDistinctFrom, other.into_expr())
    }

    /// Different, one of them null included: never null itself.
    fn ne_missing(self, other: impl IntoExpr) -> Expr {
        operation(self.into(), Operator::IsDistinctFrom, other.into_expr())
    }

    /// Whether the value is in the row's list; or, of a column of values, among all of its values. A null is nowhere.
    ///
    /// ```
    /// use gradframe::{Session, expr::prelude::*};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (1, [1, 2], 5), (2, [3], 1)) AS t(n, l, m)"))?;
    /// assert_eq!(session.block_on(frame.filter(col("n").is_in(col("l")))?.count())?, 1);
    /// assert_eq!(session.block_on(frame.filter(col("n").is_in(col("m")))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    fn is_in(self, other: impl IntoExpr) -> Expr {
        deferred_call!("is_in", [self.into(), other.into_expr()])
    }

    /// Whether the value is in an interval.
    fn is_between(self, lower: impl IntoExpr, upper: impl IntoExpr, closed: Closed) -> Expr {
        let value = self.into();
        let (low, high) = match closed {
            Closed::Both => (Operator::GtEq, Operator::LtEq),
            Closed::Left => (Operator::GtEq, Operator::Lt),
            Closed::Right => (Operator::Gt, Operator::LtEq),
            Closed::None => (Operator::Gt, Operator::Lt),
        };
        operation(value.clone(), low, lower.into_expr()).and(operation(value, high, upper.into_expr()))
    }
}

impl Comparison for Expr {}

fn operation(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

pub(super) const TABLE: &[FunctionRow] = &[
    binary!("eq", Expr::eq),
    binary!("ne", Expr::not_eq),
    binary!("lt", Expr::lt),
    binary!("le", Expr::lt_eq),
    binary!("gt", Expr::gt),
    binary!("ge", Expr::gt_eq),
    binary!("eq_missing", |left, right| left.eq_missing(right)),
    binary!("ne_missing", |left, right| left.ne_missing(right)),
    FunctionRow::typed("is_between", is_between),
    FunctionRow::typed("is_in", is_in),
];

fn is_between(call: &mut Call) -> Result<Expr> {
    let (value, lower, upper) = (call.expr("the expression")?, call.expr("the lower bound")?, call.expr("the upper bound")?);
    let choices = [("both", Closed::Both), ("left", Closed::Left), ("right", Closed::Right), ("none", Closed::None)];
    Ok(value.is_between(lower, upper, call.choice("closed", &choices)?))
}

/// A null among the values equals nothing, unless `nulls_equal`.
fn is_in(call: &mut Call) -> Result<Expr> {
    let (value, others) = (call.expr("the expression")?, call.rest());
    if let [other] = others.as_slice()
        && !matches!(other, Expr::Literal(..))
    {
        return is_in_column(call, value, other);
    }
    let (nulls, values): (Vec<Expr>, Vec<Expr>) = others.into_iter().partition(is_null_constant);
    let null = Expr::Literal(ScalarValue::Boolean(None), None);
    let found = if values.is_empty() {
        when(value.clone().is_null()).then(null).otherwise(lit(false))
    } else {
        value.clone().in_list(values, false)
    };
    Ok(if call.flag("nulls_equal", false)? { when(value.is_null()).then(lit(!nulls.is_empty())).otherwise(found) } else { found })
}

/// In the row's list, or, of a column of values or one that was imploded, among all of its values.
fn is_in_column(call: &mut Call, value: Expr, other: &Expr) -> Result<Expr> {
    let nulls_equal = call.flag("nulls_equal", false)?;
    let (own, theirs) = (call.type_of(&value)?, call.type_of(other)?);
    let list = matches!(theirs, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
    let values = match imploded(other) {
        Some(values) if (!nulls_equal || !is_kept(values)) && !sees_kept(values) => of_kept(values),
        _ if list && !own.is_nested() => {
            let found = frame::call("list.contains", vec![other.clone(), value.clone(), lit(nulls_equal)]);
            // A null is nowhere, unless it is told to be.
            return Ok(if nulls_equal { found } else { when(value.is_not_null()).then(found).end() });
        }
        _ => other.clone(),
    };
    let theirs = call.type_of(&values)?;
    let alike = own == theirs
        || own.is_null()
        || theirs.is_null()
        || own.is_numeric() && theirs.is_numeric()
        || own.is_string() && theirs.is_string();
    if !alike {
        let what = format!("`{}` is {own} and `{}` is {theirs}, which has none of its values", shown(&value), shown(&values));
        return Err(Error::dtype(call.name(), what).hint("cast one of them"));
    }
    let common = common_number(&[(&value, &own), (&values, &theirs)]);
    let cast_both = |expr: Expr| common.clone().map_or(expr.clone(), |common| cast(expr, common));
    Ok(rows_in_order(window("is_among", vec![cast_both(value), cast_both(values)], vec![nulls_equal.into()])))
}

/// The column whose values a list for the whole frame holds.
fn imploded(list: &Expr) -> Option<&Expr> {
    let Expr::ScalarFunction(or_empty) = list else { return None };
    let Some(Expr::AggregateFunction(gathered)) = or_empty.args.first().filter(|_| or_empty.name() == "coalesce") else {
        return None;
    };
    let whole = gathered.func.name() == "array_agg" && gathered.params.filter.is_none() && !gathered.params.distinct;
    gathered.params.args.first().filter(|_| whole)
}

fn is_kept(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if mark_of(function) == Some(&Mark::Keep))
}

/// Whether rows are kept by what is computed of rows that were kept before, which has no value on the others.
fn sees_kept(values: &Expr) -> bool {
    match values {
        Expr::ScalarFunction(function) if is_kept(values) => {
            let predicates = function.args.iter().skip(1);
            let mut sees = predicates.map(|predicate| predicate.exists(|part| Ok(is_kept(part))).unwrap_or(true));
            sees.any(|sees| sees) || function.args.first().is_some_and(sees_kept)
        }
        _ => false,
    }
}

/// The values of some rows on all of them, null on those that are left out.
fn of_kept(values: &Expr) -> Expr {
    match values {
        Expr::ScalarFunction(function) if is_kept(values) && function.args.len() == 2 => {
            when(function.args[1].clone()).then(of_kept(&function.args[0])).end()
        }
        other => other.clone(),
    }
}

fn is_null_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}
