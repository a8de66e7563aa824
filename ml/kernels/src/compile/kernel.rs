//! The scheduled form: kernels over buffers, as plain data. A back end executes it (`cpu`) or prints it as source.

use std::sync::Arc;

use gradframe_ml_core::graph::{ArgOp, DotDims, Fn1, Fn2, ReduceOp, ScanOp, ScatterOp};
use gradframe_ml_core::{DType, Dim, Shape, Tensor};

/// Names a buffer of one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(pub(crate) u32);

impl BufferId {
    /// Position in [`Schedule::buffers`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A row-major array that kernels read or write.
#[derive(Debug, Clone)]
pub struct BufferDef {
    /// Element type.
    pub dtype: DType,
    /// Shape; symbols get their sizes at run time.
    pub shape: Shape,
    /// Where its memory comes from.
    pub source: Source,
}

/// Where a buffer's memory comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The program's `n`-th input.
    Input(usize),
    /// Known at compile time.
    Const(Arc<Tensor>),
    /// Handed to the caller, so allocated for each run.
    Output,
    /// The `n`-th slot of the scratch memory, which several buffers use one after the other.
    Slot(usize),
}

/// A whole program: kernels in an order in which they can run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Inputs, constants, intermediate results and outputs.
    pub buffers: Vec<BufferDef>,
    /// The work, in order.
    pub kernels: Vec<Kernel>,
    /// The results: a buffer read under a shape with the same number of elements.
    pub outputs: Vec<(BufferId, Shape)>,
    /// Number of scratch slots.
    pub slots: usize,
    /// The inputs whose memory a result may take over.
    pub donations: Vec<Donation>,
}

/// An input that nobody reads after a kernel which reads each of its elements where it writes a result's.
#[derive(Debug, Clone, Copy)]
pub struct Donation {
    /// The kernel's position in [`Schedule::kernels`].
    pub kernel: usize,
    /// The input's buffer.
    pub input: BufferId,
    /// The result's buffer, of the same type.
    pub output: BufferId,
}

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

/// A straight-line program over registers that hold a block of elements each.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// Values, operands before users.
    pub values: Vec<Value>,
    /// For each value, the register that holds it. Registers of the two levels are numbered apart.
    pub registers: Vec<usize>,
}

/// Names a value of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ValueId(pub(crate) u32);

impl ValueId {
    /// Position in [`Chain::values`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One value of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Value {
    /// How it is computed.
    pub instr: Instr,
    /// Its element type.
    pub dtype: DType,
    /// One an element, or one a row.
    pub level: Level,
}

/// How many of a value there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// One for each element of `outer` x `row`.
    Element,
    /// One for each row.
    Row,
}

/// One instruction. Arithmetic is on bool, i64, u64, f32 and f64 only: see [`computed_in`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Instr {
    /// Reads a buffer through an index map.
    Load(Load),
    /// `start + step * position` on the domain, in i64.
    Iota(AxisMap),
    /// The same number everywhere: one element's bytes.
    Scalar([u8; 8]),
    /// A function of one value.
    Map1(Fn1, ValueId),
    /// A function of two.
    Map2(Fn2, ValueId, ValueId),
    /// Two functions of two, one of the other's value.
    Pair(Pair),
    /// `c ? a : b`.
    Select(ValueId, ValueId, ValueId),
    /// Conversion to the value's element type.
    Cast(ValueId),
    /// The same bits, of another element type of the same size.
    Bitcast(ValueId),
    /// Random bits of key and counter.
    Threefry(ValueId, ValueId),
    /// Folds each row: from elements to rows.
    Reduce(ReduceOp, ValueId),
    /// Repeats each row's number: from rows to elements.
    Spread(ValueId),
}

/// `outer(inner(a, b), c)`, or `outer(c, inner(a, b))`; arithmetic on floats only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Add, Sub or Mul.
    pub inner: Fn2,
    /// Add, Sub, Mul or Div.
    pub outer: Fn2,
    /// a, b, c.
    pub operands: [ValueId; 3],
    /// True if the inner value is the outer function's second operand.
    pub is_second: bool,
}

/// A buffer read through an index map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Load {
    /// What is read.
    pub buffer: BufferId,
    /// The shape under which it is read.
    pub shape: Shape,
    /// For each axis of `shape`, where on the domain its index comes from.
    pub axes: Vec<AxisMap>,
    /// True if indices may lie outside the shape; zeros are read there.
    pub padded: bool,
}

/// The index along one axis: `start + step * (position on domain axis)`; just `start` where `axis` is None.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AxisMap {
    /// The axis of the kernel's domain.
    pub axis: Option<usize>,
    /// The index at position 0.
    pub start: Dim,
    /// What one position adds.
    pub step: i64,
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

/// The type in which a back end computes: f16 and bf16 in f32, the narrow integers in i64; each result is rounded or
/// wrapped to its own type at once, so that the meaning stays that of the narrow type.
pub const fn computed_in(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => DType::I64,
        other => other,
    }
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
            Kernel::Concat(k) => k.parts.iter().map(|p| p.0).collect(),
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
            Kernel::Concat(k) => vec![k.output],
        }
    }
}

impl Chain {
    /// The value of this id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// What it reads.
    pub fn loads(&self) -> impl Iterator<Item = &Load> {
        self.values.iter().filter_map(|v| match &v.instr {
            Instr::Load(load) => Some(load),
            _ => None,
        })
    }
}

impl Instr {
    /// The values that it takes.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> {
        let (a, b, c) = match *self {
            Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_) => (None, None, None),
            Instr::Map1(_, a) | Instr::Cast(a) | Instr::Bitcast(a) | Instr::Reduce(_, a) | Instr::Spread(a) => {
                (Some(a), None, None)
            }
            Instr::Map2(_, a, b) | Instr::Threefry(a, b) => (Some(a), Some(b), None),
            Instr::Select(a, b, c) | Instr::Pair(Pair { operands: [a, b, c], .. }) => (Some(a), Some(b), Some(c)),
        };
        [a, b, c].into_iter().flatten()
    }

    /// The same instruction where values have other names.
    pub(crate) fn renamed(&self, names: &[ValueId]) -> Instr {
        let name = |v: &ValueId| names[v.index()];
        match self {
            Instr::Map1(f, a) => Instr::Map1(*f, name(a)),
            Instr::Map2(f, a, b) => Instr::Map2(*f, name(a), name(b)),
            Instr::Pair(pair) => Instr::Pair(Pair { operands: pair.operands.map(|v| name(&v)), ..*pair }),
            Instr::Select(c, a, b) => Instr::Select(name(c), name(a), name(b)),
            Instr::Cast(a) => Instr::Cast(name(a)),
            Instr::Bitcast(a) => Instr::Bitcast(name(a)),
            Instr::Threefry(a, b) => Instr::Threefry(name(a), name(b)),
            Instr::Reduce(op, a) => Instr::Reduce(*op, name(a)),
            Instr::Spread(a) => Instr::Spread(name(a)),
            leaf @ (Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_)) => leaf.clone(),
        }
    }

    /// True for what computes; false for what only reads or repeats.
    pub fn is_arithmetic(&self) -> bool {
        !matches!(self, Instr::Load(_) | Instr::Iota(_) | Instr::Scalar(_) | Instr::Spread(_))
    }
}

impl AxisMap {
    /// Position `axis` itself.
    pub fn identity(axis: usize) -> Self {
        AxisMap { axis: Some(axis), start: Dim::fixed(0), step: 1 }
    }

    /// Index 0 everywhere.
    pub fn zero() -> Self {
        AxisMap { axis: None, start: Dim::fixed(0), step: 0 }
    }
}
