//! What is checked and timed: one row a task.

use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::{ScatterOp, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Tensor};

use crate::{function, shape};

/// Numbers of an array that is far larger than any cache: a gigabyte of f32.
pub const LARGE: usize = 1 << 28;
const ROWS: usize = 1 << 16;
const COLUMNS: usize = 1 << 12;
const SIDE: usize = 8192;

/// What an input holds.
#[derive(Debug, Clone, Copy)]
pub enum Fill {
    /// The task's floats, normally distributed.
    Normal,
    /// i32, from 0 on.
    Below(i64),
}

/// An input: N x `inner`, or `inner` alone.
#[derive(Debug, Clone)]
pub struct Given {
    inner: Vec<usize>,
    has_rows: bool,
    pub fill: Fill,
}

/// A function of inputs with N rows.
pub struct Task {
    pub name: &'static str,
    pub inputs: Vec<Given>,
    /// N when it is timed, and when it is checked.
    pub rows: usize,
    pub checked_rows: usize,
    pub dtype: DType,
    /// The least that must be read and written, and computed, when it is timed.
    pub bytes: f64,
    pub flop: f64,
    pub tolerance: f64,
    build: Build,
}

type Build = fn(&mut Graph, &[NodeId]) -> Result<NodeId>;

impl Given {
    pub fn new(inner: &[usize], fill: Fill) -> Self {
        Given { inner: inner.to_vec(), has_rows: true, fill }
    }

    fn fixed(inner: &[usize], fill: Fill) -> Self {
        Given { has_rows: false, ..Given::new(inner, fill) }
    }

    pub fn ty(&self, rows: &Dim, dtype: DType) -> Type {
        let inner = self.inner.iter().map(|&n| Dim::fixed(n));
        let dims: Vec<Dim> = self.has_rows.then(|| rows.clone()).into_iter().chain(inner).collect();
        let dtype = if matches!(self.fill, Fill::Normal) { dtype } else { DType::I32 };
        Type::new(dtype, shape(&dims))
    }

    /// Made-up numbers, the same in every run.
    pub fn on_host(&self, rows: usize, dtype: DType, seed: u64) -> Result<Tensor> {
        let sizes: Vec<usize> = self.has_rows.then_some(rows).into_iter().chain(self.inner.iter().copied()).collect();
        let count = sizes.iter().product();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 11
        };
        match self.fill {
            Fill::Normal => {
                // The sum of four uniform numbers is near enough.
                let mut number = || (0..4).map(|_| next() as f64 / (1u64 << 53) as f64 - 0.5).sum::<f64>() * 3f64.sqrt();
                Tensor::from_vec(&sizes, (0..count).map(|_| number() as f32).collect())?.cast(dtype)
            }
            Fill::Below(high) => Tensor::from_vec(&sizes, (0..count).map(|_| (next() % high as u64) as i32).collect()),
        }
    }
}

impl Task {
    pub fn function(&self, dtype: DType) -> Result<Function> {
        let types: Vec<Type> = self.inputs.iter().map(|given| given.ty(&Dim::symbol("N"), dtype)).collect();
        function(&types, |g, x| Ok(vec![(self.build)(g, x)?]))
    }

    pub fn width(&self) -> Width {
        Width::Narrow
    }
}

fn memory_bound(name: &'static str, inputs: Vec<Given>, rows: usize, bytes: usize, build: Build) -> Task {
    Task { name, inputs, rows, checked_rows: 1037, dtype: DType::F32, bytes: bytes as f64, flop: 0.0, tolerance: 2e-6, build }
}

fn product(name: &'static str, dtype: DType, tolerance: f64) -> Task {
    let inputs = vec![Given::new(&[SIDE], Fill::Normal), Given::fixed(&[SIDE, SIDE], Fill::Normal)];
    let (bytes, flop) = (3 * SIDE * SIDE * dtype.size_bytes(), 2.0 * (SIDE as f64).powi(3));
    Task {
        name,
        inputs,
        rows: SIDE,
        checked_rows: 65,
        dtype,
        bytes: bytes as f64,
        flop,
        tolerance,
        build: |g, x| g.matmul(x[0], x[1]),
    }
}

/// Every task.
pub fn all() -> Vec<Task> {
    let long = || Given::new(&[], Fill::Normal);
    let rows = || Given::new(&[COLUMNS], Fill::Normal);
    let row = || Given::fixed(&[COLUMNS], Fill::Normal);
    let (once, two, three) = (4 * LARGE, 8 * LARGE, 12 * LARGE);
    let mut tasks = vec![
        memory_bound("plus one", vec![long()], LARGE, two, |g, x| g.plus_number(x[0], 1.0)),
        memory_bound("pointwise", vec![long(), long()], LARGE, three, pointwise),
        memory_bound("sum", vec![long()], LARGE, once, |g, x| g.sum(x[0], &[0])),
        memory_bound("sum of rows", vec![rows()], ROWS, once, |g, x| g.sum(x[0], &[1])),
        memory_bound("sum of columns", vec![rows()], ROWS, once, |g, x| g.sum(x[0], &[0])),
        memory_bound("bias and gelu", vec![rows(), row()], ROWS, two, |g, x| {
            let sum = g.add(x[0], x[1])?;
            g.gelu(sum)
        }),
        memory_bound("softmax", vec![rows()], ROWS, two, |g, x| g.softmax(x[0], 1)),
        memory_bound("softmax backward", vec![rows(), rows()], ROWS, three, softmax_backward),
        memory_bound("layer norm", vec![rows(), row(), row()], ROWS, two, |g, x| {
            g.layer_norm(x[0], 1, Some(x[1]), Some(x[2]), 1e-5)
        }),
        memory_bound("layer norm backward", vec![rows(), row(), rows()], ROWS, three, layer_norm_backward),
        memory_bound("scan", vec![long()], LARGE, two, |g, x| g.cumsum(x[0], 0)),
        memory_bound("transposed", vec![rows()], ROWS, two, |g, x| {
            let turned = g.transpose(x[0])?;
            g.plus_number(turned, 1.0)
        }),
        memory_bound("argsort i32", vec![Given::new(&[], Fill::Below(1 << 31))], LARGE, 12 * LARGE, |g, x| {
            g.argsort(x[0], 0, false)
        }),
        memory_bound("sum of 1000 groups", vec![long(), Given::new(&[], Fill::Below(1000))], LARGE, two, |g, x| {
            g.scatter(ScatterOp::Sum, x[0], x[1], 0, &Dim::fixed(1000))
        }),
        memory_bound("sum of 1000000 groups", vec![long(), Given::new(&[], Fill::Below(1_000_000))], LARGE, two, |g, x| {
            g.scatter(ScatterOp::Sum, x[0], x[1], 0, &Dim::fixed(1_000_000))
        }),
        product("product f32", DType::F32, 2e-6),
        product("product bf16", DType::BF16, 4e-3),
        product("product f16", DType::F16, 5e-4),
    ];
    tasks.push(Task {
        name: "products f32 64 of 1024",
        inputs: vec![Given::new(&[1024, 512], Fill::Normal), Given::new(&[512, 1024], Fill::Normal)],
        rows: 64,
        checked_rows: 3,
        dtype: DType::F32,
        bytes: (64 * 1024 * 2048 * 4) as f64,
        flop: 2.0 * 64.0 * 1024.0 * 1024.0 * 512.0,
        tolerance: 2e-6,
        build: |g, x| g.matmul(x[0], x[1]),
    });
    tasks
}

/// exp(-x²) y + 1/2
fn pointwise(g: &mut Graph, x: &[NodeId]) -> Result<NodeId> {
    let square = g.mul(x[0], x[0])?;
    let falling = g.neg(square)?;
    let bell = g.exp(falling)?;
    let scaled = g.mul(bell, x[1])?;
    g.plus_number(scaled, 0.5)
}

/// (seed - sum of seed y over the row) y
fn softmax_backward(g: &mut Graph, x: &[NodeId]) -> Result<NodeId> {
    let (seed, y) = (x[0], x[1]);
    let product = g.mul(seed, y)?;
    let sum = g.reduce_keep(gradframe_ml_core::graph::ReduceOp::Sum, product, &[1])?;
    let shifted = g.sub(seed, sum)?;
    g.mul(shifted, y)
}

/// The gradient in x of (layer norm of x) . seed.
fn layer_norm_backward(g: &mut Graph, x: &[NodeId]) -> Result<NodeId> {
    let normal = g.layer_norm(x[0], 1, Some(x[1]), None, 1e-5)?;
    let product = g.mul(normal, x[2])?;
    let loss = g.sum_all(product)?;
    Ok(g.value_and_gradients(loss, &[x[0]])?.1[0])
}
