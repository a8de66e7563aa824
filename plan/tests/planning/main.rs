//! Logical operators and rules; only what subqueries answer is executed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod predict;
mod prune_model;
mod right_answers;
mod subqueries;
mod support;
mod train;
mod transform;
