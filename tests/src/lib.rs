//! What the tests across crates, the demo and the benchmarks share: data made on the spot, and data found outside.

pub mod outside;
pub mod tpch;
