//! The printed kernels, on every program that the tests of `ml/kernels` compile: they compile under NVRTC, and run on the
//! host in place of a device they compute what the interpreter of the scheduled form computes.

#![allow(clippy::unwrap_used)] // a test's helpers stop it like the test itself

mod attention;
mod cases;
mod check;
mod compact;
mod device;
mod emulated;
mod golden;
mod grouped;
mod host;
mod nvrtc;
mod products;
mod runtime;
mod scatter;
mod steps;

#[path = "../../../ml/kernels/tests/main/given.rs"]
mod given;

/// The tests of `ml/kernels`, callable (see `build.rs`).
mod kernel_tests {
    #![allow(dead_code, unused_imports)]
    include!(concat!(env!("OUT_DIR"), "/kernel_tests.rs"));
}
