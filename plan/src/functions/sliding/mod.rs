//! Float aggregates over frames that move: `avg(x) OVER (ORDER BY t ROWS 2 PRECEDING)`.
//!
//! DataFusion's take a value that leaves the frame out again by subtracting it. That leaves its rounding errors behind, up to
//! a negative variance, and an infinity or a NaN for good. These, under the same names, only ever add up what the frame has,
//! at most twice a value ([`stacks`]).

mod moments;
mod stacks;
mod window;

use std::sync::Arc;

use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::correlation::corr_udaf;
use datafusion::functions_aggregate::covariance::{covar_pop_udaf, covar_samp_udaf};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::AggregateUDF;

pub(super) use self::moments::Statistic;
pub(super) use self::window::{moving, of_sums};
use super::own_part::{OwnPart, Part};

/// The aggregates, each in the place of DataFusion's of its name.
pub fn sliding_aggregates() -> Vec<Arc<AggregateUDF>> {
    let aggregates = [
        (avg_udaf(), Statistic::Mean),
        (var_samp_udaf(), Statistic::Variance),
        (var_pop_udaf(), Statistic::PopulationVariance),
        (stddev_udaf(), Statistic::Deviation),
        (stddev_pop_udaf(), Statistic::PopulationDeviation),
        (covar_samp_udaf(), Statistic::Covariance),
        (covar_pop_udaf(), Statistic::PopulationCovariance),
        (corr_udaf(), Statistic::Correlation),
    ];
    aggregates.into_iter().map(|(all, statistic)| OwnPart::instead_of(all, Part::Moving(statistic))).collect()
}
