//! Aggregates of floats in the place of DataFusion's of their names: what they give has one NaN, and over frames that move they are
//! computed as [`super::sliding`] says.

use std::sync::{Arc, LazyLock};

use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::correlation::corr_udaf;
use datafusion::functions_aggregate::covariance::{covar_pop_udaf, covar_samp_udaf};
use datafusion::functions_aggregate::median::median_udaf;
use datafusion::functions_aggregate::regr::{
    regr_avgx_udaf, regr_avgy_udaf, regr_intercept_udaf, regr_r2_udaf, regr_slope_udaf, regr_sxx_udaf, regr_sxy_udaf,
    regr_syy_udaf,
};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::{AggregateUDF, Expr};

use super::own_part::{OwnPart, Part};
use super::sliding::Statistic;

type Own = LazyLock<Arc<AggregateUDF>>;

static AVG: Own = LazyLock::new(|| OwnPart::instead_of(avg_udaf(), Part::Moving(Statistic::Mean)));
static MEDIAN: Own = LazyLock::new(|| OwnPart::instead_of(median_udaf(), Part::OneNan));
static VAR_SAMPLE: Own = LazyLock::new(|| OwnPart::instead_of(var_samp_udaf(), Part::Moving(Statistic::Variance)));
static VAR_POP: Own = LazyLock::new(|| OwnPart::instead_of(var_pop_udaf(), Part::Moving(Statistic::PopulationVariance)));
static STDDEV: Own = LazyLock::new(|| OwnPart::instead_of(stddev_udaf(), Part::Moving(Statistic::Deviation)));
static STDDEV_POP: Own = LazyLock::new(|| OwnPart::instead_of(stddev_pop_udaf(), Part::Moving(Statistic::PopulationDeviation)));
static COVAR_SAMP: Own = LazyLock::new(|| OwnPart::instead_of(covar_samp_udaf(), Part::Moving(Statistic::Covariance)));
static COVAR_POP: Own = LazyLock::new(|| OwnPart::instead_of(covar_pop_udaf(), Part::Moving(Statistic::PopulationCovariance)));
static CORR: Own = LazyLock::new(|| OwnPart::instead_of(corr_udaf(), Part::Moving(Statistic::Correlation)));

/// All of them.
pub fn float_aggregates() -> Vec<Arc<AggregateUDF>> {
    let own = [&AVG, &MEDIAN, &VAR_SAMPLE, &VAR_POP, &STDDEV, &STDDEV_POP, &COVAR_SAMP, &COVAR_POP, &CORR];
    let of_lines = [
        regr_avgx_udaf(),
        regr_avgy_udaf(),
        regr_intercept_udaf(),
        regr_r2_udaf(),
        regr_slope_udaf(),
        regr_sxx_udaf(),
        regr_sxy_udaf(),
        regr_syy_udaf(),
    ];
    let of_lines = of_lines.into_iter().map(|all| OwnPart::instead_of(all, Part::OneNan));
    own.into_iter().map(|own| Arc::clone(own)).chain(of_lines).collect()
}

/// The mean; null of no value.
pub fn avg(x: Expr) -> Expr {
    AVG.call(vec![x])
}

/// The value in the middle, or the mean of the two that are there; null of no value.
pub fn median(x: Expr) -> Expr {
    MEDIAN.call(vec![x])
}

/// The sample's variance, with the divisor n - 1.
pub fn var_sample(x: Expr) -> Expr {
    VAR_SAMPLE.call(vec![x])
}

/// The population's variance, with the divisor n.
pub fn var_pop(x: Expr) -> Expr {
    VAR_POP.call(vec![x])
}

/// The root of [`var_sample`].
pub fn stddev(x: Expr) -> Expr {
    STDDEV.call(vec![x])
}

/// The root of [`var_pop`].
pub fn stddev_pop(x: Expr) -> Expr {
    STDDEV_POP.call(vec![x])
}

/// The sample's covariance, with the divisor n - 1.
pub fn covar_samp(y: Expr, x: Expr) -> Expr {
    COVAR_SAMP.call(vec![y, x])
}

/// The population's covariance, with the divisor n.
pub fn covar_pop(y: Expr, x: Expr) -> Expr {
    COVAR_POP.call(vec![y, x])
}

/// Pearson's correlation.
pub fn corr(y: Expr, x: Expr) -> Expr {
    CORR.call(vec![y, x])
}
