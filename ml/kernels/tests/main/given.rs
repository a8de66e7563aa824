//! Functions and arguments for tests. Also part of `gpu`'s tests, which run the programs of these.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};

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

/// The same numbers in memory that nobody else holds.
pub fn copied(x: &Tensor) -> Tensor {
    let mut memory = arrow_buffer::MutableBuffer::new(x.buffer().len());
    memory.extend_from_slice(x.buffer().as_slice());
    Tensor::try_new(x.dtype(), x.shape(), memory.into()).unwrap()
}

/// The elements as f64.
pub fn floats(x: &Tensor) -> Vec<f64> {
    let mut g = Graph::new();
    let node = g.input("x", Type::new(x.dtype(), Shape::fixed(x.shape())));
    let wide = g.cast(node, DType::F64).unwrap();
    let values = evaluate(&Function::new(g, vec![wide]).unwrap(), std::slice::from_ref(x)).unwrap().remove(0);
    values.values::<f64>().unwrap().to_vec()
}
