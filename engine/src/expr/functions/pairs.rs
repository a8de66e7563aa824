//! Statistics of two columns in moving windows of rows.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::sqrt;
use datafusion::logical_expr::Expr;

use super::super::call::Call;
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::{cast, deferred_call};
use crate::Result;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("rolling_cov", |call| moving(call, false)).takes(Takes::Numbers),
    FunctionRow::typed("rolling_corr", |call| moving(call, true)).takes(Takes::Numbers),
];

/// Of the rows in which both have a value: the mean of products less the product of means, with divisor n - `ddof`; divided by both
/// standard deviations, it is the correlation.
fn moving(call: &mut Call, correlation: bool) -> Result<Expr> {
    let (a, b) = (call.expr("the first column")?, call.expr("the second column")?);
    let size = call.count("window_size")? as i64;
    let least = call.optional_count("min_samples")?.map_or(size, |least| least as i64);
    let ddof = call.optional_int("ddof")?.unwrap_or(1);
    let both = a.clone().is_not_null().and(b.clone().is_not_null());
    let paired = |value: Expr| when(both.clone()).then(cast(value, DataType::Float64)).end();
    let (x, y) = (paired(a), paired(b));
    let mean = |value: Expr| deferred_call!("rolling", [value], statistic = "mean", window_size = size, min_samples = least);
    let pairs = cast(when(both.clone()).then(lit(1_i64)).end(), DataType::Float64);
    let count = deferred_call!("rolling", [pairs], statistic = "sum", window_size = size, min_samples = least);
    let covariance =
        (mean(x.clone() * y.clone()) - mean(x.clone()) * mean(y.clone())) * count.clone() / (count - lit(ddof as f64));
    if !correlation {
        return Ok(covariance);
    }
    let variance = |value: Expr| {
        let constants = vec![ddof];
        deferred_call!("rolling", [value], statistic = "var", window_size = size, min_samples = least, constants = constants)
    };
    Ok(covariance / sqrt(variance(x) * variance(y)))
}
