//! The proof table: every rule of every kind, against what it must equal.
//!
//! A row is a small function of one kind at chosen points. Each test below takes all rows: derivatives against central
//! differences to order 2, transposes against the adjoint identity, batching against a loop, narrow types against f64.

mod checks;

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Function, Graph, Kind, NodeId, Type};
use crate::shape::Shape;
use crate::tensor::Tensor;

type Builder = Box<dyn Fn(&mut Graph, &[NodeId]) -> Result<NodeId>>;

/// One function at one point.
pub struct Row {
    /// The kind or scalar function that it is about.
    pub subject: &'static str,
    /// What about it.
    pub case: &'static str,
    arguments: Vec<Tensor>,
    build: Builder,
    smooth: bool,
    halves: bool,
    reverse: bool,
    expected: Option<Vec<f64>>,
    slopes: Option<Vec<f64>>,
}

impl Row {
    /// A function of these arguments; differentiable in the floats among them.
    pub fn new<const N: usize>(
        subject: &'static str,
        case: &'static str,
        arguments: [Tensor; N],
        build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId> + 'static,
    ) -> Self {
        let (arguments, build) = (arguments.to_vec(), Box::new(build));
        Row { subject, case, arguments, build, smooth: true, halves: true, reverse: true, expected: None, slopes: None }
    }

    /// Its value there.
    pub fn expect(self, values: &[f64]) -> Self {
        Row { expected: Some(values.to_vec()), smooth: false, ..self }
    }

    /// The gradient of its sum there, all arguments in turn: for points at a kink, where differences say nothing.
    pub fn slopes(self, values: &[f64]) -> Self {
        Row { slopes: Some(values.to_vec()), smooth: false, ..self }
    }

    /// Takes the row out of the comparison with differences: its derivative is not that of its value.
    pub fn held(self) -> Self {
        Row { smooth: false, ..self }
    }

    /// Takes the row out of the comparison with f16 and bf16: they are refused, or too coarse for it.
    pub fn wide(self) -> Self {
        Row { halves: false, ..self }
    }

    /// Takes the row out of what needs reverse mode: its kind has a forward rule alone.
    pub fn forward_only(self) -> Self {
        Row { reverse: false, ..self }
    }

    fn name(&self) -> String {
        format!("{} ({})", self.subject, self.case)
    }

    /// The function, with floats of type `dtype`.
    fn function(&self, dtype: DType) -> Result<Function> {
        let mut g = Graph::new();
        let mut inputs = Vec::new();
        for (i, argument) in self.arguments.iter().enumerate() {
            let dtype = if argument.dtype().is_float() { dtype } else { argument.dtype() };
            inputs.push(g.input(&format!("x{i}"), Type::new(dtype, Shape::fixed(argument.shape()))));
        }
        let output = (self.build)(&mut g, &inputs)?;
        Function::new(g, vec![output])
    }

    /// The arguments, with floats of type `dtype`.
    fn arguments(&self, dtype: DType) -> Result<Vec<Tensor>> {
        self.arguments.iter().map(|x| if x.dtype().is_float() { x.cast(dtype) } else { Ok(x.clone()) }).collect()
    }

    /// The places of the floats among the arguments.
    fn wrt(&self) -> Vec<usize> {
        (0..self.arguments.len()).filter(|&i| self.arguments[i].dtype().is_float()).collect()
    }
}

fn rows() -> Vec<Row> {
    use super::*;
    [
        input::rows::rows(),
        constant::rows::rows(),
        iota::rows::rows(),
        map1::rows::rows(),
        map2::rows::rows(),
        select::rows::rows(),
        cast::rows::rows(),
        threefry::rows::rows(),
        reshape::rows::rows(),
        permute::rows::rows(),
        expand::rows::rows(),
        flip::rows::rows(),
        pad::rows::rows(),
        slice::rows::rows(),
        concat::rows::rows(),
        cond::rows::rows(),
        dyn_slice::rows::rows(),
        dyn_update::rows::rows(),
        reduce::rows::rows(),
        arg_reduce::rows::rows(),
        dot::rows::rows(),
        conv::rows::rows(),
        scan::rows::rows(),
        sort::rows::rows(),
        bitcast::rows::rows(),
        gather::rows::rows(),
        scatter_reduce::rows::rows(),
        fft::rows::rows(),
        linalg::rows::rows(),
        call::rows::rows(),
        repeat::rows::rows(),
        repeat_while::rows::rows(),
        stop_gradient::rows::rows(),
        barrier::rows::rows(),
        crate::graph::composite::rows::rows(),
        crate::complex::rows::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Distinct floats in (-1.5, 1.5), away from 0, 1 and each other.
pub fn floats(shape: &[usize]) -> Tensor {
    spread(shape, 0.37)
}

/// Like [`floats`], other ones.
pub fn others(shape: &[usize]) -> Tensor {
    spread(shape, 0.53)
}

fn spread(shape: &[usize], start: f64) -> Tensor {
    let count: usize = shape.iter().product();
    let one = |i: usize| {
        let size = 0.15 + 0.7 * ((start + i as f64 * 0.618_034) % 1.0);
        if i.is_multiple_of(2) { size } else { -size }
    };
    Tensor::from_vec(shape, (0..count).map(one).collect()).unwrap()
}

/// A vector of these floats.
pub fn given(values: &[f64]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

/// Integers, i64.
pub fn ints(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).unwrap()
}

/// A vector of words, u64.
pub fn words(values: &[u64]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

/// Booleans.
pub fn bools(shape: &[usize], values: &[bool]) -> Tensor {
    Tensor::from_bools(shape, values).unwrap()
}

#[test]
fn every_kind_and_function_has_a_row() {
    use crate::graph::{ArgOp, Fn1, Fn2, Linalg, ReduceOp, ScanOp, ScatterOp};
    let rows = rows();
    let by_function = ["map1", "map2"]; // their rows are named after the functions
    let kinds = Kind::NAMES.iter().copied().filter(|n| !by_function.contains(n));
    let functions = Fn1::ALL.iter().map(|f| f.name()).chain(Fn2::ALL.iter().map(|f| f.name()));
    let missing: Vec<&str> = kinds.chain(functions).filter(|&n| rows.iter().all(|r| r.subject != n)).collect();
    assert!(missing.is_empty(), "no row in the proof table: {missing:?}");

    let folds = ReduceOp::ALL.iter().map(|o| ("reduce", o.name()));
    let searches = ArgOp::ALL.iter().map(|o| ("arg_reduce", o.name()));
    let groups = ScatterOp::ALL.iter().map(|o| ("scatter_reduce", o.name()));
    let has = |(kind, op): &(&str, &str)| rows.iter().any(|r| r.subject == *kind && r.case.starts_with(op));
    let scans = ScanOp::ALL.iter().map(|o| ("scan", o.name()));
    let matrices = Linalg::ALL.iter().map(|o| ("linalg", o.name()));
    let missing: Vec<_> = folds.chain(searches).chain(groups).chain(scans).chain(matrices).filter(|o| !has(o)).collect();
    assert!(missing.is_empty(), "no row in the proof table: {missing:?}");
}
