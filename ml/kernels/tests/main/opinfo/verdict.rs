//! Whether a counterpart gives what PyTorch gave.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::compile;

use super::arguments::Arguments;
use super::sample::Sample;

/// Relative to 1 + the expected size.
const TOLERANCE: f64 = 1e-9;

/// What came out for an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Every case agrees, in value and gradient.
    Agrees,
    /// A case has no counterpart; why.
    NoCounterpart(&'static str),
    /// Not compared at all; why.
    Excluded(&'static str),
    /// A case gives something else; what.
    Differs(String),
}

impl Verdict {
    /// What differs.
    pub fn difference(&self) -> Option<&str> {
        if let Verdict::Differs(what) = self { Some(what) } else { None }
    }
}

/// None if the case has no counterpart.
pub fn compared(name: &str, sample: &Sample) -> Option<Result<()>> {
    let mut g = Graph::new();
    let nodes: Vec<NodeId> =
        sample.tensors.iter().map(|(key, t)| g.input(key, Type::new(t.dtype(), Shape::fixed(t.shape())))).collect();
    let arguments = Arguments::bind(sample, &nodes);
    let outputs = match super::counterpart(name, &mut g, &arguments)? {
        Ok(outputs) => outputs,
        Err(error) => return Some(Err(error)),
    };
    Some(check(name, g, outputs, sample))
}

fn check(name: &str, mut g: Graph, mut outputs: Vec<NodeId>, sample: &Sample) -> Result<()> {
    let arguments: Vec<Tensor> = sample.tensors.iter().map(|t| t.1.clone()).collect();
    if outputs.len() != sample.outputs.len() {
        return Err(Error::shape("results", format!("expected {}, got {}", sample.outputs.len(), outputs.len())));
    }
    if super::linalg::is_free_in_sign(name) {
        let got = compile(&Function::new(g.clone(), outputs.clone())?)?.run(&arguments)?;
        super::linalg::align(name, &mut g, &mut outputs, &got, &sample.outputs)?;
    }
    let f = Function::new(g.clone(), outputs.clone())?;
    for (i, (got, expected)) in compile(&f)?.run(&arguments)?.iter().zip(&sample.outputs).enumerate() {
        close(&format!("result {i}"), got, expected)?;
    }
    if sample.gradients.is_empty() {
        return Ok(());
    }
    let loss = weighted(g, &outputs, sample)?;
    let place = |key: &str| sample.tensors.iter().position(|t| t.0 == key);
    let wrt: Vec<usize> = sample.gradients.iter().filter_map(|(key, _)| place(key)).collect();
    let results = compile(&value_and_grad(&loss, &wrt)?)?.run(&arguments)?;
    for ((key, expected), got) in sample.gradients.iter().zip(&results[1..]) {
        close(&format!("gradient in {key}"), got, expected)?;
    }
    Ok(())
}

/// The sum of the results times their cotangents.
fn weighted(mut g: Graph, outputs: &[NodeId], sample: &Sample) -> Result<Function> {
    let mut total = g.scalar(DType::F64, 0.0)?;
    for (&output, weight) in outputs.iter().zip(&sample.cotangents) {
        let Some(weight) = weight else { continue };
        let dtype = g.ty(output).dtype;
        let weight = g.constant(weight.cast(dtype)?);
        let product = g.mul(output, weight)?;
        let part = g.sum_all(product)?;
        let part = g.cast(part, DType::F64)?;
        total = g.add(total, part)?;
    }
    Function::new(g, vec![total])
}

fn close(what: &str, got: &Tensor, expected: &Tensor) -> Result<()> {
    if got.shape() != expected.shape() {
        return Err(Error::shape(what, format!("expected {:?}, got {:?}", expected.shape(), got.shape())));
    }
    for (i, (a, b)) in got.to_f64().into_iter().zip(expected.to_f64()).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * (1.0 + b.abs());
        if !same {
            return Err(Error::execution(what, format!("element {i}: expected {b}, got {a}")));
        }
    }
    Ok(())
}
