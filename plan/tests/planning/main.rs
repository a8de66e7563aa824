//! Logical operators and rules, without executing anything.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod predict;
mod prune_model;
mod right_answers;
mod support;
mod train;
mod transform;
