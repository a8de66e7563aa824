//! Sums of floats and of their products without any rounding, and what is made of them, rounded once at the end.
//!
//! An exact sum knows neither the order of what is added nor how parts of it were merged, and what is taken off it again leaves
//! nothing behind. Source: Kulisch 1971 for the long accumulator; here a short one moves to where the numbers are, and the long
//! one is for those that spread too far.

mod dyadic;
mod groups;
mod number;
mod pairs;
mod rounded;
mod row;
mod spread;
mod states;
mod sum;
mod tally;
#[cfg(test)]
mod tests;
mod total;

pub use self::dyadic::Dyadic;
pub use self::groups::Grouped;
pub use self::number::{Number, ProductSum, ValueSum};
pub use self::pairs::{Crossed, Joint};
pub use self::row::{Row, each_row};
pub use self::spread::{Divisor, Spread, variance};
pub use self::states::{States, StatesView, merge_state, write_state};
pub use self::tally::Tally;
pub use self::total::Total;
