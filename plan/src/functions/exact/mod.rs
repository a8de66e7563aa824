//! Float aggregates whose result knows neither the order of rows, nor partitions, nor batches: of an exact state
//! ([`gradframe_ml_learn::exact`]), rounded once. They take the place of the plain ones where a plan is to give the same bits each
//! time ([`crate::rules::ReproducibleTraining`]); all but the state is the plain one's.

mod columns;
mod distinct;
mod groups;
mod statistic;
#[cfg(test)]
mod tests;
mod whole;

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};
use gradframe_ml_learn::exact::{Crossed, Joint, Spread, Tally, Total};

use self::columns::SUMS;
use self::distinct::Distinct;
use self::groups::Groups;
use self::statistic::Of;
pub(super) use self::statistic::Statistic;
use self::whole::Whole;

/// The type of an aggregate that has an exact form.
pub const RESULT: DataType = DataType::Float64;

/// The columns of the state, with their names: the row where there is one alone, and all sums as bytes where there are more; or the
/// values that differ.
pub(super) fn state(statistic: Statistic, is_distinct: bool) -> Vec<(&'static str, DataType)> {
    match statistic.of() {
        Of::Total(_) | Of::Spread(_) if is_distinct => vec![("exact", DataType::new_list(RESULT, true))],
        Of::Total(_) | Of::Spread(_) => vec![("x", RESULT), ("exact", SUMS)],
        Of::Crossed(_) | Of::Joint(_) => vec![("y", RESULT), ("x", RESULT), ("exact", SUMS)],
    }
}

/// The accumulator of all rows, or of the rows of a frame that moves.
pub(super) fn whole(statistic: Statistic) -> Box<dyn Accumulator> {
    match statistic.of() {
        Of::Total(value) => Box::new(Whole::new(value)),
        Of::Spread(value) => Box::new(Whole::new(value)),
        Of::Crossed(value) => Box::new(Whole::new(value)),
        Of::Joint(value) => Box::new(Whole::new(value)),
    }
}

/// The accumulator of different values; of pairs, which plain aggregates do not tell apart either, that of all.
pub(super) fn distinct(statistic: Statistic) -> Box<dyn Accumulator> {
    match statistic.of() {
        Of::Total(value) => Box::new(Distinct::new(value)),
        Of::Spread(value) => Box::new(Distinct::new(value)),
        Of::Crossed(_) | Of::Joint(_) => whole(statistic),
    }
}

/// The accumulator of many groups.
pub(super) fn groups(statistic: Statistic) -> Box<dyn GroupsAccumulator> {
    Box::new(Groups(match statistic.of() {
        Of::Total(value) => Total::groups(value),
        Of::Spread(value) => Spread::groups(value),
        Of::Crossed(value) => Crossed::groups(value),
        Of::Joint(value) => Joint::groups(value),
    }))
}
