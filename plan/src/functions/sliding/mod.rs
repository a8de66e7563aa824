//! Float aggregates over frames that move: `avg(x) OVER (ORDER BY t ROWS 2 PRECEDING)`.
//!
//! DataFusion's take a value that leaves the frame out again by subtracting it. That leaves its rounding errors behind, up to
//! a negative variance, and an infinity or a NaN for good. These, under the same names, only ever add up what the frame has,
//! at most twice a value ([`stacks`]).

mod moments;
mod stacks;
mod window;

pub(super) use self::moments::Statistic;
pub(super) use self::window::{moving, of_sums};
