//! The scheduled form: kernels over buffers, as plain data that any back end can execute or print.

use std::fmt;
use std::sync::Arc;

use gradframe_ml_core::graph::{Fn1, Fn2, Kind, ReduceOp, Type};
use gradframe_ml_core::{DType, Dim, Shape, Tensor};

/// A buffer of one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// Where a buffer lives.
#[derive(Debug, Clone)]
pub enum Home {
    /// The program's argument of this position.
    Argument(usize),
    /// Known at compile time.
    Constant(Tensor),
    /// Made by a kernel. `slot` is the piece of working memory it takes; buffers that never live together share one.
    Made { slot: usize },
}

/// A buffer: what it holds and where.
#[derive(Debug, Clone)]
pub struct Buffer {
    pub ty: Type,
    pub home: Home,
}

/// One step of a program.
#[derive(Debug, Clone)]
pub enum Kernel {
    /// Pointwise work with folds along rows.
    Rows(Box<Rows>),
    /// A contraction.
    Dot(Box<Dot>),
    /// A segment sum.
    Scatter(Box<Scatter>),
    /// A node by its plain meaning: the way out for rare kinds and element types.
    Plain(Box<Plain>),
}

/// For each index of `outer`, a row of the shape `row` is computed block by block in registers; `Fold`s run along the
/// row and their result is there for every element of it. Softmax is one such kernel; pointwise chains have no row.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    pub outer: Shape,
    pub row: Shape,
    /// Register i is the value of `body[i]`; operands come before users.
    pub body: Vec<Instruction>,
    pub stores: Vec<Store>,
}

/// A register's position in the body.
pub type Register = usize;

/// One register's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instruction {
    pub op: Op,
    /// Type of the result: f64, f32, i64, i32 or bool.
    pub dtype: DType,
}

/// What a register holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A buffer's element.
    Load(Box<Load>),
    /// The position along an axis of the iteration.
    Index(Box<AxisMap>),
    /// A constant of shape `[]`.
    Constant(Arc<Tensor>),
    Map1(Fn1, Register),
    Map2(Fn2, Register, Register),
    /// Condition, then, else.
    Select(Register, Register, Register),
    Cast(Register),
    /// A fold of a register along the row.
    Fold(ReduceOp, Register),
}

/// An element of a buffer, seen under `shape` (row-major), at the position that `axes` give.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Load {
    pub buffer: BufferId,
    pub shape: Shape,
    /// One map an axis of `shape`.
    pub axes: Vec<AxisMap>,
    /// An axis whose position comes from a register instead (i32 or i64); outside the axis the element is 0.
    pub gathered: Option<(usize, Register)>,
}

/// A position along an axis: `start + step * iteration[from]`, or `start` where `from` is None.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AxisMap {
    pub from: Option<usize>,
    pub start: Dim,
    pub step: i64,
}

impl AxisMap {
    /// The iteration's axis itself.
    pub fn axis(from: usize) -> Self {
        AxisMap { from: Some(from), start: Dim::fixed(0), step: 1 }
    }

    /// Always the first position.
    pub fn first() -> Self {
        AxisMap { from: None, start: Dim::fixed(0), step: 0 }
    }
}

/// Writes a register to a buffer.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    pub register: Register,
    pub buffer: BufferId,
    /// The buffer's shape and, for each of its axes, the position.
    pub shape: Shape,
    pub axes: Vec<AxisMap>,
    /// True for one value a row; else one an element.
    pub per_row: bool,
}

/// A contraction; output axes are batch, left free, right free.
#[derive(Debug, Clone)]
pub struct Dot {
    pub left: BufferId,
    pub right: BufferId,
    pub left_shape: Shape,
    pub right_shape: Shape,
    pub batch: Vec<(usize, usize)>,
    pub contract: Vec<(usize, usize)>,
    pub dtype: DType,
    pub out: BufferId,
}

/// A segment sum: `out[a, index[i], b] += updates[a, i, b]`.
#[derive(Debug, Clone)]
pub struct Scatter {
    pub updates: BufferId,
    pub indices: BufferId,
    pub updates_shape: Shape,
    pub indices_shape: Shape,
    pub axis: usize,
    pub size: Dim,
    pub dtype: DType,
    pub out: BufferId,
}

/// A node of the graph over materialised operands.
#[derive(Debug, Clone)]
pub struct Plain {
    pub kind: Kind,
    pub operands: Vec<BufferId>,
    pub out: BufferId,
}

impl Kernel {
    /// Buffers that it reads.
    pub fn reads(&self) -> Vec<BufferId> {
        match self {
            Kernel::Rows(rows) => rows.loads().map(|load| load.buffer).collect(),
            Kernel::Dot(dot) => vec![dot.left, dot.right],
            Kernel::Scatter(scatter) => vec![scatter.updates, scatter.indices],
            Kernel::Plain(plain) => plain.operands.clone(),
        }
    }

    /// Buffers that it writes.
    pub fn writes(&self) -> Vec<BufferId> {
        match self {
            Kernel::Rows(rows) => rows.stores.iter().map(|store| store.buffer).collect(),
            Kernel::Dot(dot) => vec![dot.out],
            Kernel::Scatter(scatter) => vec![scatter.out],
            Kernel::Plain(plain) => vec![plain.out],
        }
    }
}

impl Rows {
    /// The loads in its body.
    pub fn loads(&self) -> impl Iterator<Item = &Load> {
        self.body.iter().filter_map(|i| match &i.op {
            Op::Load(load) => Some(load.as_ref()),
            _ => None,
        })
    }
}

impl Op {
    /// The registers that it reads.
    pub fn operands(&self) -> Vec<Register> {
        match self {
            Op::Load(load) => load.gathered.iter().map(|(_, r)| *r).collect(),
            Op::Index(_) | Op::Constant(_) => vec![],
            Op::Map1(_, a) | Op::Cast(a) | Op::Fold(_, a) => vec![*a],
            Op::Map2(_, a, b) => vec![*a, *b],
            Op::Select(c, a, b) => vec![*c, *a, *b],
        }
    }

    /// The same with other registers.
    pub fn renumbered(&self, to: &[Register]) -> Self {
        match self {
            Op::Load(load) => {
                Op::Load(Box::new(Load { gathered: load.gathered.map(|(axis, r)| (axis, to[r])), ..(**load).clone() }))
            }
            Op::Map1(f, a) => Op::Map1(*f, to[*a]),
            Op::Map2(f, a, b) => Op::Map2(*f, to[*a], to[*b]),
            Op::Select(c, a, b) => Op::Select(to[*c], to[*a], to[*b]),
            Op::Cast(a) => Op::Cast(to[*a]),
            Op::Fold(op, a) => Op::Fold(*op, to[*a]),
            Op::Index(_) | Op::Constant(_) => self.clone(),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kernel::Rows(rows) => rows.fmt(f),
            Kernel::Dot(d) => write!(f, "dot b{}{} b{}{} -> b{}", d.left.0, d.left_shape, d.right.0, d.right_shape, d.out.0),
            Kernel::Scatter(s) => {
                write!(f, "scatter_sum b{}{} by b{} -> b{}", s.updates.0, s.updates_shape, s.indices.0, s.out.0)
            }
            Kernel::Plain(p) => write!(f, "plain {} -> b{}", p.kind.name(), p.out.0),
        }
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rows {} x {}:", self.outer, self.row)?;
        for (register, instruction) in self.body.iter().enumerate() {
            write!(f, "\n    r{register} = {}: {}", instruction.op, instruction.dtype)?;
        }
        for store in &self.stores {
            let what = if store.per_row { " a row" } else { "" };
            write!(f, "\n    b{}{} <- r{}{what}", store.buffer.0, store.shape, store.register)?;
        }
        Ok(())
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { buffer, shape, gathered, .. } = self;
        match gathered {
            Some((axis, r)) => write!(f, "gather b{}{shape} at axis {axis} = r{r}", buffer.0),
            None => write!(f, "load b{}{shape}", buffer.0),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Load(load) => load.fmt(f),
            Op::Index(map) => write!(f, "index of axis {:?}", map.from),
            Op::Constant(value) => write!(f, "constant {:?}", value.buffer().as_slice()),
            Op::Map1(function, a) => write!(f, "{} r{a}", function.name()),
            Op::Map2(function, a, b) => write!(f, "{} r{a} r{b}", function.name()),
            Op::Select(c, a, b) => write!(f, "select r{c} r{a} r{b}"),
            Op::Cast(a) => write!(f, "cast r{a}"),
            Op::Fold(op, a) => write!(f, "fold {op:?} r{a}"),
        }
    }
}
