//! The instructions of fused kernels.

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::{Fn1, Fn2, ReduceOp};

use super::{AxisMap, Load};

/// A straight-line program over registers that hold a block of elements each.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// Values, operands before users.
    pub values: Vec<Value>,
    /// For each value, the register that holds it. Registers of the two levels are numbered apart.
    pub registers: Vec<usize>,
}

/// Names a value of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Chain {
    /// The value of this id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// The names of its values, in order.
    pub fn ids(&self) -> impl Iterator<Item = ValueId> + use<> {
        (0..self.values.len() as u32).map(ValueId)
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

/// The type in which a back end computes: f16 and bf16 in f32, the narrow integers in i64; each result is rounded or
/// wrapped to its own type at once, so that the meaning stays that of the narrow type.
pub const fn computed_in(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => DType::I64,
        other => other,
    }
}
