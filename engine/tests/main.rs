//! The engine as its users see it: sessions, statements, frames, models, limits and bad input.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod bad_input;
mod cache;
mod expressions;
mod frames;
mod limits;
mod load;
mod logs;
mod map_batches;
mod models;
mod narrow;
mod order;
mod overhead;
mod persistence;
mod sinks;
mod statements;
mod support;
mod surroundings;
mod texts;
mod unique;
mod verbs;
