//! Runs a function compiled and by reference, and compares.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};

/// Deterministic numbers: small, of both signs, some equal.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) % 4001) as f64 / 500.0 - 4.0
    };
    (0..count).map(|_| next()).collect()
}

/// A tensor of these numbers in another element type, by the reference evaluator's cast.
pub fn tensor(dtype: DType, shape: &[usize], values: Vec<f64>) -> Tensor {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F64, Shape::fixed(shape)));
    let y = g.cast(x, dtype).unwrap();
    evaluate(&Function::new(g, vec![y]).unwrap(), &[Tensor::from_vec(shape, values).unwrap()]).unwrap().remove(0)
}

/// The function of arguments of these types that `build` describes.
pub fn function(types: &[Type], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>) -> Function {
    let mut g = Graph::new();
    let inputs: Vec<NodeId> = types.iter().enumerate().map(|(i, ty)| g.input(&format!("x{i}"), ty.clone())).collect();
    let outputs = build(&mut g, &inputs).unwrap();
    Function::new(g, outputs).unwrap()
}

/// Compiles and compares: with the reference, with the interpreter of the scheduled form, and on one thread with several,
/// to the bit. Gives the program.
pub fn check(function: &Function, inputs: &[Tensor]) -> Program {
    let program = compile(function).unwrap();
    check_program(&program, function, inputs);
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

/// The same numbers in memory that nobody else holds.
pub fn copied(x: &Tensor) -> Tensor {
    let mut memory = arrow_buffer::MutableBuffer::new(x.buffer().len());
    memory.extend_from_slice(x.buffer().as_slice());
    Tensor::try_new(x.dtype(), x.shape(), memory.into()).unwrap()
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
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()));
        assert!(same, "element {i} of {:?}: {a:e}, expected {b:e}, in\n{program}", ours.shape());
    }
}

/// The elements as f64.
pub fn floats(x: &Tensor) -> Vec<f64> {
    let mut g = Graph::new();
    let node = g.input("x", Type::new(x.dtype(), Shape::fixed(x.shape())));
    let wide = g.cast(node, DType::F64).unwrap();
    let values = evaluate(&Function::new(g, vec![wide]).unwrap(), std::slice::from_ref(x)).unwrap().remove(0);
    values.values::<f64>().unwrap().to_vec()
}
