//! Rows in another order, some of the rows, and where values stand.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, SortExpr};
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::{Answer, aggregate, window};
use gradframe_plan::functions::frame::call as frame_function;
use gradframe_plan::functions::{first_value, min as least, required};
use gradframe_plan::names::type_name;

use super::super::call::Call;
use super::super::resolve::{cast_to, common_type, shown};
use super::super::structure::{by_row, is_within, items, keep, length, position};
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit, when};
use super::aggregates::of_rows;
use super::cast;
use super::comparison::Comparison;
use super::windows::rows_in_order;
use crate::Result;

/// Rows in another order, and some of the rows.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let first = frame.select([col("n").sorted(true, true).head(2)])?;
/// assert_eq!(session.block_on(first.count())?, 2);
/// let by_n = frame.select([Ordering::sort_by(col("k"), ["n"], true)])?.limit(1)?;
/// assert_eq!(session.block_on(by_n.filter(col("k").eq(lit("a")))?.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Ordering: Into<Expr> + Sized {
    /// The values sorted. (DataFusion's own `sort` makes a sort key.)
    fn sorted(self, descending: bool, nulls_last: bool) -> Expr {
        let value = self.into();
        sort_by(value.clone(), vec![value], &[(descending, nulls_last)])
    }

    /// The values in the order of others.
    fn sort_by(self, by: impl IntoIterator<Item = impl IntoExpr>, descending: bool) -> Expr {
        let by: Vec<Expr> = by.into_iter().map(IntoExpr::into_expr).collect();
        let flags = vec![(descending, false); by.len()];
        sort_by(self.into(), by, &flags)
    }

    /// The values from the last to the first.
    fn reverse(self) -> Expr {
        rows_in_order(window("reverse", vec![self.into()], vec![]))
    }

    /// At most the first `n` values.
    fn head(self, n: i64) -> Expr {
        sliced(self.into(), 0, Some(n))
    }

    /// At most the last `n` values.
    fn tail(self, n: i64) -> Expr {
        // An offset of -0 would be the beginning.
        if n == 0 { sliced(self.into(), 0, Some(0)) } else { sliced(self.into(), -n, None) }
    }

    /// At most `length` values from `offset` on, which counts from the end if it is negative.
    fn slice(self, offset: i64, length: Option<i64>) -> Expr {
        sliced(self.into(), offset, length)
    }
}

impl Ordering for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("sort", |call| {
        let value = call.expr("the expression")?;
        let flags = [(call.flag("descending", false)?, call.flag("nulls_last", false)?)];
        let key = call.ordered(value.clone());
        Ok(sort_by(value, vec![key], &flags))
    }),
    FunctionRow::typed("arg_sort", |call| {
        let value = call.expr("the expression")?;
        let flags = [(call.flag("descending", false)?, call.flag("nulls_last", false)?)];
        let key = call.ordered(value.clone());
        Ok(rows_in_order(window("arg_sort_by", vec![value, key], flag_constants(&flags))))
    }),
    FunctionRow::typed("sort_by", |call| {
        let value = call.expr("the expression")?;
        let by = call.rest();
        let flags = sort_flags(call, by.len())?;
        Ok(sort_by(value, by, &flags))
    })
    .spread(1),
    FunctionRow::typed("arg_sort_by", |call| {
        let by = call.rest();
        let flags = sort_flags(call, by.len())?;
        let first = by.first().cloned().ok_or_else(|| call.wrong("got no keys, expected at least one"))?;
        Ok(rows_in_order(window("arg_sort_by", [vec![first], by].concat(), flag_constants(&flags))))
    })
    .spread(0),
    FunctionRow::typed("reverse", |call| Ok(call.expr("the expression")?.reverse())),
    FunctionRow::typed("shuffle", |call| {
        let value = call.expr("the expression")?;
        Ok(rows_in_order(window("shuffle", vec![value], vec![call.optional_int("seed")?.unwrap_or(0).into()])))
    }),
    FunctionRow::typed("sample", sample),
    FunctionRow::typed("slice", slice),
    FunctionRow::typed("gather_every", gather_every),
    FunctionRow::typed("top_k", |call| extreme_rows(call, true)),
    FunctionRow::typed("bottom_k", |call| extreme_rows(call, false)),
    FunctionRow::typed("arg_true", |call| {
        let value = call.expr("the expression")?;
        Ok(keep(position(value.clone()), value))
    }),
    FunctionRow::typed("arg_unique", |call| {
        let value = call.expr("the expression")?;
        let first = super::super::call("is_first_distinct", vec![value.clone()], Default::default())?;
        Ok(keep(position(value), first))
    }),
    FunctionRow::typed("index_of", |call| {
        let (value, element) = (call.expr("the expression")?, call.expr("the element")?);
        let place = keep(position(value.clone()), value.eq_missing(element));
        Ok(least(place))
    }),
    FunctionRow::typed("arg_min", |call| place_of_extreme(call, true)),
    FunctionRow::typed("arg_max", |call| place_of_extreme(call, false)),
    FunctionRow::typed("min_by", |call| value_at_extreme(call, true)),
    FunctionRow::typed("max_by", |call| value_at_extreme(call, false)),
    FunctionRow::typed("get", |call| {
        let value = call.expr("the expression")?;
        let null_outside = ScalarValue::from(call.flag("null_on_oob", false)?);
        if let Some(index) = call.optional_expr() {
            let place = cast(index, DataType::Int64);
            return Ok(aggregate("get_by", vec![value, place], by_row().expr, vec![null_outside], Answer::Value));
        }
        let constants = vec![call.int("index")?.into(), null_outside];
        Ok(aggregate("get", vec![value], by_row().expr, constants, Answer::Value))
    }),
    FunctionRow::typed("item", |call| {
        let value = call.expr("the expression")?;
        let pivoted = call.optional_text("pivoted")?.unwrap_or_default();
        let constants = vec![call.flag("allow_empty", false)?.into(), pivoted.as_str().into()];
        Ok(aggregate("item", vec![value], by_row().expr, constants, Answer::Value))
    }),
    FunctionRow::typed("gather", |call| {
        let value = call.expr("the expression")?;
        if let Some(places) = call.optional_expr() {
            return gathered(call, value, places);
        }
        let oob = [ScalarValue::from(call.flag("null_on_oob", false)?)];
        let constants = oob.into_iter().chain(call.values("indices")?).collect();
        Ok(items(aggregate("gather_at", vec![value], by_row().expr, constants, Answer::List)))
    }),
    FunctionRow::typed("append", appended),
    FunctionRow::typed("explode", |call| {
        let value = call.expr("the expression")?;
        let (empty_as_null, keep_nulls) = (call.flag("empty_as_null", false)?, call.flag("keep_nulls", true)?);
        if !matches!(call.type_of(&value)?, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) {
            // What is no list is there once.
            return Ok(value);
        }
        let is_one_list = value.exists(|node| Ok(matches!(node, Expr::AggregateFunction(_)))).unwrap_or(false);
        if is_one_list && !empty_as_null && keep_nulls {
            return Ok(items(value));
        }
        let constants = vec![empty_as_null.into(), (!keep_nulls).into()];
        Ok(items(aggregate("flatten", vec![value], by_row().expr, constants, Answer::List)))
    }),
    FunctionRow::typed("reshape", |call| {
        let value = call.expr("the expression")?;
        let arrays = vec![call.int("arrays")?.into(), call.int("width")?.into()];
        Ok(items(aggregate("arrays", vec![value], by_row().expr, arrays, Answer::List)))
    }),
    FunctionRow::typed("extend_constant", |call| {
        let value = call.expr("the expression")?;
        let constant = call.values("value")?.into_iter().next().unwrap_or(ScalarValue::Null);
        let constants = vec![constant, call.int("n")?.into()];
        Ok(items(aggregate("extend", vec![value], by_row().expr, constants, Answer::List)))
    }),
    FunctionRow::typed("is_sorted", |call| {
        let value = call.expr("the expression")?;
        let constants = vec![call.flag("descending", false)?.into(), call.flag("nulls_last", false)?.into()];
        Ok(aggregate("is_sorted", vec![value], by_row().expr, constants, Answer::Value))
    }),
];

fn sort_by(value: Expr, by: Vec<Expr>, flags: &[(bool, bool)]) -> Expr {
    rows_in_order(window("sort_by", [vec![value], by].concat(), flag_constants(flags)))
}

fn flag_constants(flags: &[(bool, bool)]) -> Vec<ScalarValue> {
    flags.iter().flat_map(|(descending, last)| [(*descending).into(), (*last).into()]).collect()
}

/// The values at places that are computed.
fn gathered(call: &mut Call, value: Expr, places: Expr) -> Result<Expr> {
    let own = call.type_of(&places)?;
    if !(own.is_integer() || own.is_null()) {
        let what = format!("`{}` is {own}, expected whole numbers", shown(&places), own = type_name(&own));
        return Err(crate::Error::dtype(call.name(), what));
    }
    let places = if is_one_value(&places) { made_list(cast(places, DataType::Int64)) } else { call.imploded(places)? };
    let null_on_oob = lit(call.flag("null_on_oob", false)?);
    Ok(items(frame_function("list.gather", vec![call.imploded(value)?, places, null_on_oob])))
}

/// The values, then others, in their common type; one value is there once.
fn appended(call: &mut Call) -> Result<Expr> {
    let (value, other) = (call.expr("the expression")?, call.expr("the other")?);
    let (own, others) = (call.type_of(&value)?, call.type_of(&other)?);
    let known: Vec<(&Expr, &DataType)> =
        [(&value, &own), (&other, &others)].into_iter().filter(|(_, own)| !own.is_null()).collect();
    let common = if known.is_empty() { own.clone() } else { common_type(call.name(), &known)? };
    let (value, other) = (cast_to(value, &own, &common), cast_to(other, &others, &common));
    let other = if is_one_value(&other) { made_list(other) } else { call.imploded(other)? };
    Ok(items(frame_function("list.concat", vec![call.imploded(value)?, other])))
}

fn made_list(value: Expr) -> Expr {
    datafusion::functions_nested::expr_fn::make_array(vec![value])
}

/// Whether an expression has one value, however many rows there are.
pub(super) fn is_one_value(expr: &Expr) -> bool {
    let mut is_one = true;
    let visited = expr.apply(|node| {
        Ok(match node {
            Expr::AggregateFunction(_) => TreeNodeRecursion::Jump,
            Expr::Column(_) | Expr::WindowFunction(_) => {
                is_one = false;
                TreeNodeRecursion::Stop
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    visited.is_ok() && is_one
}

/// One flag for all keys, or one a key.
fn sort_flags(call: &mut Call, keys: usize) -> Result<Vec<(bool, bool)>> {
    Ok(flags_of(call, "descending", keys)?.into_iter().zip(flags_of(call, "nulls_last", keys)?).collect())
}

fn flags_of(call: &mut Call, name: &str, keys: usize) -> Result<Vec<bool>> {
    let flags = call.flags(name)?;
    match flags.len() {
        0 => Ok(vec![false; keys]),
        1 => Ok(vec![flags[0]; keys]),
        given if given == keys => Ok(flags),
        given => Err(call.wrong(format!("{keys} keys, {given} flags of `{name}`"))),
    }
}

/// Offset and length are numbers, or expressions of one value.
fn slice(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let (offset, count) = (call.optional_int("offset")?, call.optional_count("length")?.map(|length| length as i64));
    let computed_offset = if offset.is_none() { Some(call.expr("the offset")?) } else { None };
    let computed_count = call.optional_expr();
    if let (Some(offset), None) = (offset, &computed_count) {
        return Ok(sliced(value, offset, count));
    }
    let start = match (offset, computed_offset) {
        (Some(offset), _) => lit(offset),
        (None, computed) => whole_number(call, "offset", computed.unwrap_or_else(|| lit(0_i64)))?,
    };
    let from_end = length(value.clone()) + start.clone();
    let start = when(start.clone().lt(lit(0_i64))).then(from_end).otherwise(start);
    let place = position(value.clone());
    let begun = place.clone().gt_eq(start.clone());
    let count = match computed_count {
        Some(computed) => Some(whole_number(call, "length", computed)?),
        None => count.map(lit),
    };
    Ok(keep(value, count.map_or(begun.clone(), |count| begun.and(place.lt(start + count)))))
}

fn whole_number(call: &Call, name: &str, value: Expr) -> Result<Expr> {
    let own = call.type_of(&value)?;
    if own.is_integer() {
        return Ok(cast(value, DataType::Int64));
    }
    let what = format!("`{name}` is `{}`, which is {}, expected a whole number", shown(&value), type_name(&own));
    Err(crate::Error::dtype(call.name(), what))
}

fn sliced(value: Expr, offset: i64, length_: Option<i64>) -> Expr {
    let place = position(value.clone());
    let start = if offset < 0 { length(value.clone()) + lit(offset) } else { lit(offset) };
    let kept = match length_ {
        Some(length) => is_within(place, start, length),
        None => place.gt_eq(start),
    };
    keep(value, kept)
}

fn gather_every(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let (n, offset) = (call.count("n")?, call.optional_count("offset")?.unwrap_or(0));
    if n == 0 {
        return Err(call.wrong("`n` is 0, expected 1 or more"));
    }
    let beyond = position(value.clone()) - lit(offset as i64);
    let kept = beyond.clone().gt_eq(lit(0_i64)).and((beyond % lit(n as i64)).eq(lit(0_i64)));
    Ok(keep(value, kept))
}

/// Rows chosen by a permutation of their places, which the seed determines; where a row may be drawn again, out of the list of them.
fn sample(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let seed = ScalarValue::from(call.optional_int("seed")?.unwrap_or(0));
    let (count, fraction) = (call.optional_count("n")?, call.optional_float("fraction")?);
    if call.flag("with_replacement", false)? {
        let count = count.or_else(|| fraction.is_none().then_some(1)).map(|n| n as i64);
        let again = [ScalarValue::from(count), fraction.into(), true.into(), call.flag("shuffle", false)?.into(), seed];
        let again = again.map(|constant| Expr::Literal(constant, None));
        return Ok(items(frame_function("list.sample", [vec![call.imploded(value)?], again.to_vec()].concat())));
    }
    let size = match (count, fraction) {
        (Some(n), None) => lit(n as i64),
        (None, Some(fraction)) => cast(cast(length(value.clone()), DataType::Float64) * lit(fraction), DataType::Int64),
        (None, None) => lit(1_i64),
        _ => return Err(call.wrong("got `n` and `fraction`, expected one of them")),
    };
    let place = rows_in_order(window("shuffle", vec![position(value.clone())], vec![seed.clone()]));
    let error = crate::Error::shape("sample", "more values are wanted than there are").hint("draw fewer");
    let enough = required(error, size.clone().lt_eq(length(value.clone())));
    let sampled = keep(value, place.lt(size).and(enough));
    let shuffle = call.flag("shuffle", false)?;
    Ok(if shuffle { rows_in_order(window("shuffle", vec![sampled], vec![seed])) } else { sampled })
}

/// The `k` greatest or least values, or those of the greatest or least keys; nulls after all others.
fn extreme_rows(call: &mut Call, greatest: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let mut by = call.rest();
    let reverse = call.flags("reverse")?;
    if by.is_empty() {
        by.push(value.clone());
    }
    let flag = |index: usize| reverse.get(index).or(reverse.first()).copied().unwrap_or(false);
    let flags: Vec<(bool, bool)> = (0..by.len()).map(|index| (greatest != flag(index), true)).collect();
    Ok(sort_by(value, by, &flags).head(call.count("k")? as i64))
}

fn place_of_extreme(call: &mut Call, least: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let present = value.clone().is_not_null();
    let order = vec![SortExpr::new(call.identity(&value)?, least, false), by_row()];
    let first_of = |rows: Expr| of_rows(first_value(position(value.clone()), order.clone()), rows);
    if !call.type_of(&value)?.is_floating() || least {
        return Ok(first_of(present));
    }
    // A NaN is the greatest only where there is nothing else.
    let number = present.clone().and(datafusion::functions::math::expr_fn::isnan(value.clone()).is_not_true());
    Ok(super::coalesce([first_of(number), first_of(present)]))
}

fn value_at_extreme(call: &mut Call, least: bool) -> Result<Expr> {
    let (value, by) = (call.expr("the expression")?, call.expr("the key")?);
    let mut order = vec![SortExpr::new(call.identity(&by)?, least, false), by_row()];
    // A NaN sorts as the greatest, but is so only where there is nothing else.
    if !least && call.type_of(&by)?.is_floating() {
        order.insert(0, SortExpr::new(datafusion::functions::math::expr_fn::isnan(by.clone()), true, false));
    }
    Ok(of_rows(first_value(value, order), by.is_not_null()))
}
