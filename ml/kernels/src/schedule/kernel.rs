//! The kinds of kernels: what each reads, the space that it loops over, and what it writes.

use gradframe_ml_core::graph::{ArgOp, DotDims, ReduceOp, ScanOp, ScatterOp};
use gradframe_ml_core::{Dim, Shape};

use super::{Attention, AttentionCotangents, BufferId, Chain, Choose, DynSlice, DynUpdate, Library, Load, Repeat, ValueId};

/// One pass over memory.
#[derive(Debug, Clone)]
pub enum Kernel {
    /// A fused chain, computed for each element or for each row held in cache.
    Loop(Box<Loop>),
    /// A fold over long axes, with the chain that computes what is folded.
    Fold(Box<Fold>),
    /// A contraction.
    Dot(Box<Dot>),
    /// Rows by index.
    Gather(Box<Gather>),
    /// Rows folded into groups by index.
    Scatter(Box<Scatter>),
    /// Index of the extreme along an axis.
    ArgReduce(Box<ArgReduce>),
    /// Folds of each element with all before it.
    Scan(Box<Scan>),
    /// The places that put lines in order.
    Sort(Box<Sort>),
    /// Arrays laid side by side along an axis.
    Concat(Concat),
    /// A part from a place known at run time.
    DynSlice(Box<DynSlice>),
    /// A part put to such a place.
    DynUpdate(Box<DynUpdate>),
    /// A schedule run again and again.
    Repeat(Box<Repeat>),
    /// One of two schedules.
    Choose(Box<Choose>),
    /// A routine that each back end has a library for.
    Library(Box<Library>),
    /// Attention by heads.
    Attention(Box<Attention>),
    /// The cotangents of its operands.
    AttentionCotangents(Box<AttentionCotangents>),
}

/// A fused chain over `outer` x `row`. With an empty `row` it is a pointwise kernel; with one, it is a row kernel:
/// all of a row's values stay in cache between its reductions.
#[derive(Debug, Clone)]
pub struct Loop {
    /// Axes over which rows are independent.
    pub outer: Shape,
    /// Axes of one row; empty for a pointwise kernel.
    pub row: Shape,
    /// The chain.
    pub chain: Chain,
    /// Which values are stored where.
    pub stores: Vec<(ValueId, BufferId)>,
}

/// A fold of `value` over the middle of three groups of axes: `outer` x `folded` x `inner`.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Kept axes before the last folded one.
    pub outer: Shape,
    /// Axes that go away.
    pub folded: Shape,
    /// Kept axes after the last folded one.
    pub inner: Shape,
    /// Computes what is folded; its domain is the three groups one after the other.
    pub chain: Chain,
    /// What is folded, in a type of [`computed_in`].
    pub value: ValueId,
    /// How.
    pub op: ReduceOp,
    /// Result: `outer` x `inner`.
    pub output: BufferId,
}

/// `left . right`, each read through a view of its own axes. Result axes: batch, free left, free right.
#[derive(Debug, Clone)]
pub struct Dot {
    /// The paired axes.
    pub dims: DotDims,
    /// Left operand, a map from its own axes.
    pub left: Load,
    /// Shape of the left operand.
    pub left_shape: Shape,
    /// Right operand, a map from its own axes.
    pub right: Load,
    /// Shape of the right operand.
    pub right_shape: Shape,
    /// Result.
    pub output: BufferId,
}

/// `[outer, n, inner]`, indices -> `[outer, indices, inner]`.
#[derive(Debug, Clone)]
pub struct Gather {
    /// What is picked from.
    pub table: BufferId,
    /// Its shape.
    pub shape: Shape,
    /// The axis along which is picked.
    pub axis: usize,
    /// i32 or i64; outside 0..n picks zeros.
    pub indices: BufferId,
    /// Result.
    pub output: BufferId,
}

/// `[outer, indices, inner]`, indices -> `[outer, size, inner]`.
#[derive(Debug, Clone)]
pub struct Scatter {
    /// How values of one group are folded.
    pub op: ScatterOp,
    /// What is folded.
    pub values: BufferId,
    /// Axes before the indexed ones.
    pub outer: Shape,
    /// Axes after the indexed ones.
    pub inner: Shape,
    /// i32 or i64; outside 0..size is dropped.
    pub indices: BufferId,
    /// Number of groups.
    pub size: Dim,
    /// Result.
    pub output: BufferId,
}

/// `[outer, n, inner] -> [outer, inner]`, i64.
#[derive(Debug, Clone)]
pub struct ArgReduce {
    /// Which extreme.
    pub op: ArgOp,
    /// What is searched.
    pub values: BufferId,
    /// Its shape.
    pub shape: Shape,
    /// The axis that is searched.
    pub axis: usize,
    /// Result.
    pub output: BufferId,
}

/// `[outer, n, inner] -> [outer, n, inner]`.
#[derive(Debug, Clone)]
pub struct Scan {
    /// How elements are folded.
    pub op: ScanOp,
    /// What is folded.
    pub values: BufferId,
    /// Its shape.
    pub shape: Shape,
    /// The axis along which is folded.
    pub axis: usize,
    /// Result.
    pub output: BufferId,
}

/// `[outer, n, inner] -> [outer, n, inner]`, i64.
#[derive(Debug, Clone)]
pub struct Sort {
    /// What is put in order.
    pub values: BufferId,
    /// Its shape.
    pub shape: Shape,
    /// The axis along which the lines lie.
    pub axis: usize,
    /// True if the largest comes first.
    pub descending: bool,
    /// Result.
    pub output: BufferId,
}

/// Arrays `[outer, n_i, inner] -> [outer, sum n_i, inner]`.
#[derive(Debug, Clone)]
pub struct Concat {
    /// The parts and their shapes.
    pub parts: Vec<(BufferId, Shape)>,
    /// The axis along which they are joined.
    pub axis: usize,
    /// Result.
    pub output: BufferId,
}

impl Kernel {
    /// The buffers that it reads.
    pub fn reads(&self) -> Vec<BufferId> {
        match self {
            Kernel::Loop(k) => k.chain.loads().map(|l| l.buffer).collect(),
            Kernel::Fold(k) => k.chain.loads().map(|l| l.buffer).collect(),
            Kernel::Dot(k) => vec![k.left.buffer, k.right.buffer],
            Kernel::Gather(k) => vec![k.table, k.indices],
            Kernel::Scatter(k) => vec![k.values, k.indices],
            Kernel::ArgReduce(k) => vec![k.values],
            Kernel::Scan(k) => vec![k.values],
            Kernel::Sort(k) => vec![k.values],
            Kernel::Library(k) => k.operands.iter().map(|o| o.0).collect(),
            Kernel::Attention(k) => k.operands.iter().map(|o| o.0.buffer).collect(),
            Kernel::AttentionCotangents(k) => {
                let operands = k.operands.iter().chain([&k.cotangent]).map(|o| o.0.buffer);
                operands.chain([k.value, k.divisors]).collect()
            }
            Kernel::Concat(k) => k.parts.iter().map(|p| p.0).collect(),
            Kernel::DynSlice(k) => vec![k.source, k.start],
            Kernel::DynUpdate(k) => vec![k.target, k.part, k.start],
            Kernel::Repeat(k) => k.carried.iter().chain(&k.constants).map(|o| o.0).collect(),
            Kernel::Choose(k) => k.operands.iter().map(|o| o.0).chain([k.condition]).collect(),
        }
    }

    /// The buffers that it writes.
    pub fn writes(&self) -> Vec<BufferId> {
        match self {
            Kernel::Loop(k) => k.stores.iter().map(|s| s.1).collect(),
            Kernel::Fold(k) => vec![k.output],
            Kernel::Dot(k) => vec![k.output],
            Kernel::Gather(k) => vec![k.output],
            Kernel::Scatter(k) => vec![k.output],
            Kernel::ArgReduce(k) => vec![k.output],
            Kernel::Scan(k) => vec![k.output],
            Kernel::Sort(k) => vec![k.output],
            Kernel::Library(k) => vec![k.output],
            Kernel::Attention(k) => vec![k.output, k.divisors],
            Kernel::AttentionCotangents(k) => k.outputs.to_vec(),
            Kernel::Concat(k) => vec![k.output],
            Kernel::DynSlice(k) => vec![k.output],
            Kernel::DynUpdate(k) => vec![k.output],
            Kernel::Repeat(k) => k.results.iter().map(|r| r.1).collect(),
            Kernel::Choose(k) => k.results.iter().map(|r| r.1).collect(),
        }
    }
}
