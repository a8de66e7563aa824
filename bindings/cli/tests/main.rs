//! The command as its users see it: each test drives the built binary in a home of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod copy;
mod doctor;
mod failures;
mod formats;
mod input;
mod runs;
mod support;
mod terminal;
