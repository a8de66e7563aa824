//! The engine as its users see it: sessions, statements, frames, models, limits and bad input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod frames;
mod limits;
mod logs;
mod models;
mod order;
mod persistence;
mod sinks;
mod statements;
mod support;
