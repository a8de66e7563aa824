//! Stands in for `ml/kernels/tests/main/check.rs`: in place of its comparison, a collection.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_ml_core::{Function, Tensor};
use gradframe_ml_kernels::{CompileOptions, Program, compile_with};

pub use crate::given::{copied, floats, function, numbers, tensor};

/// A program that a test runs, with its arguments.
pub struct Case {
    pub program: Program,
    pub inputs: Vec<Tensor>,
}

static COLLECTED: Mutex<Vec<Case>> = Mutex::new(Vec::new());

/// What has been collected since the last time.
pub fn collected() -> Vec<Case> {
    std::mem::take(&mut COLLECTED.lock().unwrap())
}

static KEEPS_LOOPS: AtomicBool = AtomicBool::new(false);

/// Whether loops stay loops from now on.
pub fn keep_loops(keep: bool) {
    KEEPS_LOOPS.store(keep, Ordering::Relaxed);
}

/// Compiles, with all steps of loops written out unless they are kept, and collects. Gives the program.
pub fn check(function: &Function, inputs: &[Tensor]) -> Program {
    let unroll = !KEEPS_LOOPS.load(Ordering::Relaxed);
    let program = compile_with(function, CompileOptions { unroll, on_device: true, ..CompileOptions::default() }).unwrap();
    check_program(&program, function, inputs);
    program
}

/// As [`check`], for a program that is there already.
pub fn check_program(program: &Program, _: &Function, inputs: &[Tensor]) {
    COLLECTED.lock().unwrap().push(Case { program: program.clone(), inputs: inputs.to_vec() });
}
