//! The tests that cross crates, in one binary.

mod faults;
mod harness;
mod invariants;
mod parity;
mod readme;
mod slt;
