//! Aggregates beyond SQL's usual ones, and counts of values.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn as math;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::{Answer, aggregate, per_row};
use gradframe_plan::functions::{corr, covar_pop, covar_samp, max as greatest, min as least};
use gradframe_plan::names::type_name;

use super::super::call::Call;
use super::super::resolve::{output_name, shown};
use super::super::structure::{by_row, items, length};
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::{cast, coalesce, deferred_call};
use crate::Result;

/// Aggregates beyond the usual ones.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let row = frame.select([col("n").quantile(0.5), col("n").product().alias("product"), col("n").gt(lit(1)).any().alias("any")])?;
/// assert_eq!(session.block_on(row.filter(col("n").eq(lit(2.0)).and(col("product").eq(lit(8))))?.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Statistics: Into<Expr> + Sized {
    /// The value below which a part `q` of the values lies; of two candidates the nearest.
    fn quantile(self, q: f64) -> Expr {
        deferred_call!("quantile", [self.into()], quantile = q)
    }

    /// Several quantiles, as a list.
    fn quantiles(self, q: &[f64]) -> Expr {
        deferred_call!("quantile", [self.into()], quantiles = q.to_vec())
    }

    /// The entropy of the values as weights, by the logarithm of this base.
    fn entropy(self, base: f64) -> Expr {
        deferred_call!("entropy", [self.into()], base = base)
    }

    /// The values that are there most often, as rows.
    fn mode(self) -> Expr {
        deferred_call!("mode", [self.into()])
    }

    /// The product of the values; 1 where there are none.
    fn product(self) -> Expr {
        of_column("product", self.into(), vec![])
    }

    /// The skewness, `m3 / m2^1.5`.
    fn skew(self) -> Expr {
        of_column("skew", self.into(), vec![true.into()])
    }

    /// The excess kurtosis, `m4 / m2^2 - 3`.
    fn kurtosis(self) -> Expr {
        of_column("kurtosis", self.into(), vec![true.into(), true.into()])
    }

    /// Whether a value is true.
    fn any(self) -> Expr {
        coalesce([aggregate_fn::bool_or(self.into()), lit(false)])
    }

    /// Whether no value is false.
    fn all(self) -> Expr {
        coalesce([aggregate_fn::bool_and(self.into()), lit(true)])
    }

    /// How many different values there are, nearly: of many in constant memory. Null is one of them.
    fn approx_n_unique(self) -> Expr {
        deferred_call!("approx_n_unique", [self.into()])
    }
}

impl Statistics for Expr {}

/// An aggregate by a kernel that does not care for the order of the rows.
pub(super) fn of_column(kernel: &'static str, value: Expr, constants: Vec<ScalarValue>) -> Expr {
    aggregate(kernel, vec![value], by_row().expr, constants, Answer::Value)
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("quantile", quantile),
    FunctionRow::typed("product", |call| Ok(call.expr("the expression")?.product())).takes(Takes::ANumber),
    FunctionRow::typed("skew", |call| {
        let value = call.expr("the expression")?;
        Ok(of_column("skew", value, vec![call.flag("bias", true)?.into()]))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("kurtosis", |call| {
        let value = call.expr("the expression")?;
        Ok(of_column("kurtosis", value, vec![call.flag("fisher", true)?.into(), call.flag("bias", true)?.into()]))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("entropy", |call| {
        let value = call.expr("the expression")?;
        let base = call.optional_float("base")?.unwrap_or(std::f64::consts::E);
        Ok(of_column("entropy", value, vec![base.into(), call.flag("normalize", true)?.into()]))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("mode", |call| {
        let value = call.expr("the expression")?;
        Ok(items(aggregate("mode", vec![value], by_row().expr, vec![], Answer::List)))
    }),
    FunctionRow::typed("value_counts", value_counts),
    FunctionRow::typed("rle", |call| {
        let value = call.expr("the expression")?;
        Ok(items(aggregate("rle", vec![value], by_row().expr, vec![], Answer::List)))
    }),
    FunctionRow::typed("any", |call| kleene(call, true)),
    FunctionRow::typed("all", |call| kleene(call, false)),
    FunctionRow::typed("nan_min", |call| nan_extreme(call, least)),
    FunctionRow::typed("nan_max", |call| nan_extreme(call, greatest)),
    FunctionRow::typed("approx_n_unique", approx_n_unique),
    FunctionRow::typed("has_nulls", |call| {
        let value = call.expr("the expression")?;
        Ok(coalesce([aggregate_fn::bool_or(value.is_null()), lit(false)]))
    }),
    FunctionRow::typed("is_empty", |call| {
        let value = call.expr("the expression")?;
        let rows = if call.flag("ignore_nulls", false)? { aggregate_fn::count(value) } else { length(value) };
        Ok(rows.eq(lit(0_i64)))
    }),
    FunctionRow::typed("bitwise_and", |call| of_bits(call, aggregate_fn::bit_and, aggregate_fn::bool_and)),
    FunctionRow::typed("bitwise_or", |call| of_bits(call, aggregate_fn::bit_or, aggregate_fn::bool_or)),
    FunctionRow::typed("bitwise_xor", |call| of_bits(call, aggregate_fn::bit_xor, aggregate_fn::bit_xor)),
    FunctionRow::typed("dot", |call| {
        let product = call.expr("the expression")? * call.expr("the other")?;
        Ok(super::sum(product))
    })
    .takes(Takes::Numbers),
    FunctionRow::typed("corr", correlation).takes(Takes::Numbers),
    FunctionRow::typed("cov", covariance).takes(Takes::Numbers),
];

fn quantile(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let several = call.floats("quantiles")?;
    let wanted = several.clone().map_or_else(|| call.float("quantile").map(|q| vec![q]), Ok)?;
    if let Some(q) = wanted.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(call.wrong(format!("`quantile` is {q}, expected a number from 0 to 1")));
    }
    let methods = ["nearest", "lower", "higher", "midpoint", "linear", "equiprobable"].map(|method| (method, method));
    let method = call.choice("interpolation", &methods)?;
    let own = call.type_of(&value)?;
    if super::moments::between_moments(&value, &own, |numbers| numbers).is_none() {
        super::arithmetic::require_number(call, &value, &own)?;
    }
    let quantile = |q: f64| {
        let of_numbers = |numbers| of_column("quantile", numbers, vec![q.into(), method.into()]);
        let moment = super::moments::between_moments(&value, &own, of_numbers);
        moment.unwrap_or_else(|| of_numbers(value.clone()))
    };
    let mut quantiles: Vec<Expr> = wanted.into_iter().map(quantile).collect();
    match several {
        None => Ok(quantiles.swap_remove(0)),
        Some(none) if none.is_empty() => {
            Ok(Expr::Literal(ScalarValue::List(ScalarValue::new_list_nullable(&[], &DataType::Float64)), None))
        }
        Some(_) => Ok(make_array(quantiles)),
    }
}

/// What DataFusion's sketch does not take is counted by its hashes, among which that of null is one.
fn approx_n_unique(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if own.is_integer() || own.is_string() {
        let one_if_null = when(value.clone().is_null()).then(lit(1_u64)).otherwise(lit(0_u64));
        let number = aggregate_fn::approx_distinct(value) + coalesce([greatest(one_if_null), lit(0_u64)]);
        return Ok(cast(number, DataType::Int64));
    }
    let number = aggregate_fn::approx_distinct(per_row("hash_value", vec![value], vec![0_i64.into()]));
    Ok(cast(number, DataType::Int64))
}

fn value_counts(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let normalize = call.flag("normalize", false)?;
    let count = call.optional_text("name")?.unwrap_or_else(|| if normalize { "proportion" } else { "count" }.to_owned());
    let own = call.optional_text("of")?.unwrap_or_else(|| output_name(&value));
    let constants = vec![own.as_str().into(), count.as_str().into(), call.flag("sort", false)?.into(), normalize.into()];
    Ok(items(aggregate("value_counts", vec![value], by_row().expr, constants, Answer::List)))
}

/// Nulls are left out; or, if they are not ignored, make unknown what they could change.
fn kleene(call: &mut Call, any: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let value = match call.type_of(&value)? {
        DataType::Boolean | DataType::Null => value,
        // Of numbers, all but 0 are true.
        own if own.is_numeric() => value.not_eq(cast(lit(0_i64), own)),
        own => {
            let what = format!("`{}` is {}, expected a condition (Boolean)", shown(&value), type_name(&own));
            return Err(crate::Error::dtype(call.name(), what).hint("compare it with something"));
        }
    };
    let found = if any { super::Statistics::any(value.clone()) } else { super::Statistics::all(value.clone()) };
    if call.flag("ignore_nulls", true)? {
        return Ok(found);
    }
    let decided = if any { found.clone() } else { !found.clone() };
    let nulls = coalesce([aggregate_fn::bool_or(value.is_null()), lit(false)]);
    let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
    Ok(when(decided).then(lit(any)).when(nulls).then(unknown).otherwise(lit(!any)))
}

/// NaN if a value is.
fn nan_extreme(call: &mut Call, extreme: fn(Expr) -> Expr) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if !own.is_floating() {
        return Ok(extreme(value));
    }
    let nan = cast(lit(f64::NAN), own);
    Ok(when(aggregate_fn::bool_or(math::isnan(value.clone()))).then(nan).otherwise(extreme(value)))
}

fn of_bits(call: &mut Call, bits: fn(Expr) -> Expr, truth: fn(Expr) -> Expr) -> Result<Expr> {
    let value = call.expr("the expression")?;
    match call.type_of(&value)? {
        DataType::Boolean => Ok(truth(value)),
        own if own.is_integer() || own.is_null() => Ok(bits(value)),
        own => {
            let what = format!("`{}` is {}, expected integers or booleans", shown(&value), type_name(&own));
            Err(crate::Error::dtype(call.name(), what))
        }
    }
}

fn pair(call: &mut Call) -> Result<(Expr, Expr)> {
    let (a, b) = (call.expr("the first column")?, call.expr("the second column")?);
    Ok((cast(a, DataType::Float64), cast(b, DataType::Float64)))
}

/// Pearson's, or Spearman's: that of the ranks among the rows that have both values. NaN where a column does not vary.
fn correlation(call: &mut Call) -> Result<Expr> {
    let spearman = call.choice("method", &[("pearson", false), ("spearman", true)])?;
    let (a, b) = pair(call)?;
    if !spearman {
        return Ok(or_nan(corr(a, b)));
    }
    let both = a.clone().is_not_null().and(b.clone().is_not_null());
    let rank = |value: Expr| super::moving::Moving::rank(when(both.clone()).then(value).end());
    Ok(or_nan(corr(rank(a), rank(b))))
}

/// What is not defined, as of a column that does not vary.
fn or_nan(correlation: Expr) -> Expr {
    coalesce([correlation, lit(f64::NAN)])
}

fn covariance(call: &mut Call) -> Result<Expr> {
    let (a, b) = pair(call)?;
    Ok(match call.optional_int("ddof")?.unwrap_or(1) {
        0 => covar_pop(b, a),
        1 => covar_samp(b, a),
        other => return Err(call.wrong(format!("`ddof` is {other}, expected 0 or 1"))),
    })
}
