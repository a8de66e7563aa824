//! The tests that cross crates, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an error has failed")]

mod faults;
mod harness;
mod invariants;
mod parity;
mod readme;
mod slt;
