//! Operators end to end, over services in memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cut;
mod devices;
mod evaluate;
mod exact;
mod large_joins;
mod limits;
mod networks;
mod over;
mod pinned;
mod plans;
mod predict;
mod repartition;
mod run_log;
mod spill;
mod split;
mod testing;
mod train;
mod train_limits;
