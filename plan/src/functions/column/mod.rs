//! Functions of whole columns that DataFusion does not have: sorting, moving windows, statistics, rounding.
//!
//! A [`Kernel`] is a function of Arrow arrays: the rows of one partition, group or batch in, an array out. Three carriers
//! make any kernel a function of DataFusion's: [`per_row`] a scalar function (batch by batch), [`window`] a window function
//! (over a partition's rows, in the window's order), [`aggregate`] an aggregate (over a group's rows). Windows and aggregates
//! of this kind hold the rows that they are about to see.

mod aggregate;
mod beside;
mod bits;
mod calendar;
mod casting;
mod counting;
mod decimal_rounding;
mod decimals;
mod decimals_plain;
mod dividing;
mod exactly;
mod extremes;
mod filling;
mod fixed;
mod frequency;
mod histogram;
mod intervals;
mod kernel;
mod moving;
mod moving_by;
mod nesting;
mod peaks;
mod per_row;
mod places;
mod quantified;
mod ranking;
mod rounding;
mod smoothing;
mod sorting;
mod statistics;
mod window;
mod zeros;

pub(super) use self::aggregate::aggregate_named;
pub use self::aggregate::{Answer, aggregate, all_values};
pub use self::casting::{StrictCast, cannot_cast, casts_plainly, lenient_cast, own_values, strict_cast, strict_cast_of};
pub use self::counting::bin_labels;
pub use self::decimals::{DecimalOperation, decimal_arithmetic, is_decimal_arithmetic};
pub use self::intervals::duration_part;
pub use self::kernel::{Columns, Kernel};
pub use self::per_row::per_row;
pub(super) use self::per_row::per_row_named;
pub use self::quantified::quantifier;
pub use self::sorting::nested_sort_key;
pub(super) use self::window::window_named;
pub use self::window::{as_list, as_value, first_sorted, reach, window};

/// The kernels of all topics.
const TABLES: &[&[Kernel]] = &[
    aggregate::KERNELS,
    beside::KERNELS,
    bits::KERNELS,
    calendar::KERNELS,
    casting::KERNELS,
    counting::KERNELS,
    decimals::KERNELS,
    dividing::KERNELS,
    extremes::KERNELS,
    filling::KERNELS,
    frequency::KERNELS,
    histogram::KERNELS,
    intervals::KERNELS,
    moving::KERNELS,
    moving_by::KERNELS,
    nesting::KERNELS,
    peaks::KERNELS,
    places::KERNELS,
    quantified::KERNELS,
    ranking::KERNELS,
    rounding::KERNELS,
    smoothing::KERNELS,
    sorting::KERNELS,
    statistics::KERNELS,
    zeros::KERNELS,
];
