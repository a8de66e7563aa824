//! Operators end to end, over services in memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod evaluate;
mod plans;
mod predict;
mod run_log;
mod testing;
mod train;
mod train_limits;
