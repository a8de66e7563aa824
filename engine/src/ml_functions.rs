//! Functions for [`crate::FitOptions::transform`]: those that are fitted to the training rows, and those that look at one.
//!
//! The same as `ML.STANDARD_SCALER(x) OVER ()` and its like in `TRANSFORM (...)`.

use std::sync::Arc;

use datafusion::functions::core::expr_fn::r#struct;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::{Analytic, BucketFormat, analytic_call, bucketize_expr, row_functions};

use crate::expr::{Expr, IntoExpr, lit};

/// What [`imputer`] puts in the place of a null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impute {
    /// The mean of a numeric column.
    Mean,
    /// The median of a numeric column.
    Median,
    /// The most frequent value, of equally frequent ones the least.
    MostFrequent,
}

/// `(x - mean) / std`, the standard deviation being the population's.
pub fn standard_scaler(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::StandardScaler, x.into_expr(), vec![])
}

/// `(x - min) / (max - min)`; what lies outside of the training's range is 0 or 1.
pub fn min_max_scaler(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::MinMaxScaler, x.into_expr(), vec![])
}

/// `x / max |x|`
pub fn max_abs_scaler(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::MaxAbsScaler, x.into_expr(), vec![])
}

/// `(x - median) / (quantile 75 % - quantile 25 %)`
pub fn robust_scaler(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::RobustScaler, x.into_expr(), vec![])
}

/// The bucket (`bin_1`, `bin_2`, ...) of a number, out of buckets that hold about as many training rows each.
pub fn quantile_bucketize(x: impl IntoExpr, buckets: u32) -> Expr {
    analytic_call(Analytic::QuantileBucketize, x.into_expr(), vec![i64::from(buckets).into()])
}

/// The value itself where training saw it, as a category; null where it did not.
pub fn one_hot_encoder(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::OneHotEncoder, x.into_expr(), vec![])
}

/// The values of the training numbered from 1, in ascending order; 0 for all others and for null.
pub fn label_encoder(x: impl IntoExpr) -> Expr {
    analytic_call(Analytic::LabelEncoder, x.into_expr(), vec![])
}

/// The column with something in the place of its nulls.
pub fn imputer(x: impl IntoExpr, strategy: Impute) -> Expr {
    let strategy = match strategy {
        Impute::Mean => "mean",
        Impute::Median => "median",
        Impute::MostFrequent => "most_frequent",
    };
    analytic_call(Analytic::Imputer, x.into_expr(), vec![strategy.into()])
}

/// The bucket (`bin_1`, `bin_2`, ...) that a number falls into; split points ascend and belong to the bucket above them.
pub fn bucketize(x: impl IntoExpr, split_points: &[f64]) -> Expr {
    bucketize_expr(x.into_expr(), split_points, BucketFormat::Names)
}

/// A bucket from 0 for a text, by its hash.
pub fn hash_bucketize(x: impl IntoExpr, buckets: u32) -> Expr {
    row_call("ml.hash_bucketize", vec![x.into_expr(), lit(i64::from(buckets))])
}

/// Several categories as one: their values joined by `_`.
pub fn feature_cross(exprs: impl IntoIterator<Item = impl IntoExpr>) -> Expr {
    row_call("ml.feature_cross", vec![r#struct(exprs.into_iter().map(IntoExpr::into_expr).collect())])
}

/// Any function of the schema ML by its name in lower case, with constants after its first argument; None if there is none.
pub fn by_name(name: &str, x: Expr, parameters: Vec<ScalarValue>) -> Option<Expr> {
    if let Some(function) = Analytic::named(name) {
        return Some(analytic_call(function, x, parameters));
    }
    let parameters = parameters.into_iter().map(|value| Expr::Literal(value, None));
    let function = row_functions().into_iter().find(|function| function.name() == format!("ml.{name}"))?;
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(function, std::iter::once(x).chain(parameters).collect())))
}

fn row_call(name: &str, args: Vec<Expr>) -> Expr {
    let functions = row_functions();
    let found = functions.iter().find(|function| function.name() == name).unwrap_or(&functions[0]);
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(found), args))
}
