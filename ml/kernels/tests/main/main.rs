//! The compiled form against the reference evaluator: every kind, odd sizes, any number of threads.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod cases;
mod random_graphs;
mod threads;

use gradframe_ml_core::graph::{NodeId, Type};
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Dim, Function, Graph, Shape, Tensor};
use gradframe_ml_kernels::compile;

/// A function of arguments with these shapes (None is the symbol N) and element types.
pub fn function(arguments: &[(DType, &[Option<usize>])], build: impl Fn(&mut Graph, &[NodeId]) -> Vec<NodeId>) -> Function {
    let mut g = Graph::new();
    let mut inputs = vec![];
    for (position, (dtype, shape)) in arguments.iter().enumerate() {
        let dims = shape.iter().map(|d| d.map_or_else(|| Dim::symbol("N"), Dim::fixed));
        inputs.push(g.input(&format!("x{position}"), Type::new(*dtype, Shape::new(dims))));
    }
    let outputs = build(&mut g, &inputs);
    Function::new(g, outputs).unwrap()
}

/// Arguments for a function, N bound, with values that repeat nothing too soon.
pub fn arguments(function: &Function, n: usize) -> Vec<Tensor> {
    let sized = |shape: &Shape| -> Vec<usize> { shape.dims().iter().map(|d| d.as_fixed().unwrap_or(n)).collect() };
    function.argument_types().enumerate().map(|(seed, ty)| values(ty.dtype, &sized(&ty.shape), seed as u64 + 1)).collect()
}

fn values(dtype: DType, shape: &[usize], seed: u64) -> Tensor {
    let count = shape.iter().product();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let floats: Vec<f64> =
        (0..count).map(|_| if dtype.is_float() { 4.0 * next() - 2.0 } else { (8.0 * next()).floor() - 2.0 }).collect();
    Tensor::from_vec(shape, floats).unwrap().cast(dtype).unwrap()
}

/// Compiled and reference results agree to a tolerance relative to the largest value.
pub fn check(function: &Function, arguments: &[Tensor], tolerance: f64) {
    let expected = evaluate(function, arguments).unwrap();
    let program = compile(function).unwrap();
    let got = program.run(arguments).unwrap();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!((got.dtype(), got.shape()), (expected.dtype(), expected.shape()), "{program}");
        let (got, expected) = (got.to_f64(), expected.to_f64());
        let scale = expected.iter().filter(|v| v.is_finite()).fold(1.0f64, |a, &b| a.max(b.abs()));
        for (position, (g, e)) in got.iter().zip(&expected).enumerate() {
            let close = g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= tolerance * scale;
            assert!(close, "at {position}: got {g}, expected {e}\n{program}");
        }
    }
}

/// The function at several sizes of N by one program.
pub fn check_sizes(function: &Function, tolerance: f64) {
    for n in [0, 1, 7, 1023, 1025, 4097] {
        check(function, &arguments(function, n), tolerance);
    }
}
