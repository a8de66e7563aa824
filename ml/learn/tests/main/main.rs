//! Learning end to end: encode, train, predict, evaluate, on data in memory.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod convergence;
mod curves;
mod estimators;
mod fixture;
mod metrics;
mod module_columns;
mod modules;
mod networks;
mod prediction;
mod reference;
