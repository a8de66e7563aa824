//! Runs a function compiled and by reference, and compares.

use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Function, Tensor};
use gradframe_ml_kernels::{CompileOptions, Program, Scratch, Threads, compile, compile_with};

pub use crate::given::{copied, floats, function, numbers, tensor};

/// Compiles and compares: with the reference, with the interpreter of the scheduled form, and on one thread with several,
/// to the bit. Gives the program.
pub fn check(function: &Function, inputs: &[Tensor]) -> Program {
    let program = compile(function).unwrap();
    check_program(&program, function, inputs);
    check_for_device(function, inputs);
    program
}

/// As [`check`], for a program that is there already.
pub fn check_program(program: &Program, function: &Function, inputs: &[Tensor]) {
    let expected = evaluate(function, inputs).unwrap();
    let mut scratch = Scratch::new();
    let one = program.run_with(inputs, &mut scratch, Threads::One).unwrap();
    let again = program.run_with(inputs, &mut scratch, Threads::One).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let two = pool.install(|| program.run(inputs)).unwrap();
    assert_eq!(one, two, "one thread and two differ in\n{program}");
    assert_eq!(one, again, "a second run differs in\n{program}");
    let given_away = program.run_owned(inputs.iter().map(copied).collect(), &mut scratch, Threads::One).unwrap();
    assert_eq!(one, given_away, "results written over arguments differ in\n{program}");
    let interpreted = program.interpret(inputs).unwrap();
    for ((ours, theirs), plain) in one.iter().zip(&expected).zip(&interpreted) {
        close(ours, theirs, program);
        close(ours, plain, program);
    }
}

/// What is scheduled for devices means the same.
fn check_for_device(function: &Function, inputs: &[Tensor]) {
    let program = compile_with(function, CompileOptions { on_device: true, ..CompileOptions::default() }).unwrap();
    let expected = evaluate(function, inputs).unwrap();
    for (ours, theirs) in program.interpret(inputs).unwrap().iter().zip(&expected) {
        close(ours, theirs, &program);
    }
}

fn close(ours: &Tensor, theirs: &Tensor, program: &Program) {
    assert_eq!((ours.dtype(), ours.shape()), (theirs.dtype(), theirs.shape()), "{program}");
    let tolerance = match ours.dtype() {
        DType::F64 => 1e-12,
        DType::F32 => 2e-5,
        DType::F16 => 4e-3,
        DType::BF16 => 3e-2,
        _ => 0.0,
    };
    for (i, (a, b)) in floats(ours).into_iter().zip(floats(theirs)).enumerate() {
        let is_near = a.is_finite() && b.is_finite() && (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
        let same = a == b || (a.is_nan() && b.is_nan()) || is_near;
        assert!(same, "element {i} of {:?}: {a:e}, expected {b:e}, in\n{program}", ours.shape());
    }
}
