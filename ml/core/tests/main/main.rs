//! What the graph and its transforms promise together.

#![allow(clippy::unwrap_used)] // a failure stops the test, in helpers as in test functions

mod attention;
mod complex_numbers;
mod composites;
mod compositions;
mod dims;
mod einsum;
mod graphs;
mod nan_hunt;
mod randoms;
mod refusals;
mod simplification;
mod symbols;
mod transforms;
mod types;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};

/// `f64` of this shape.
fn f64s(dims: impl IntoIterator<Item = Dim>) -> Type {
    Type::new(DType::F64, Shape::new(dims))
}

/// A function of arguments of these types.
fn function(types: &[Type], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>) -> Function {
    let mut g = Graph::new();
    let x: Vec<NodeId> = types.iter().enumerate().map(|(i, ty)| g.input(&format!("x{i}"), ty.clone())).collect();
    let output = build(&mut g, &x).unwrap();
    Function::new(g, vec![output]).unwrap()
}

/// A vector.
fn vector(values: &[f64]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

/// The value of a node without arguments.
fn value(g: Graph, node: NodeId) -> Tensor {
    gradframe_ml_core::transform::evaluate(&Function::new(g, vec![node]).unwrap(), &[]).unwrap().remove(0)
}
