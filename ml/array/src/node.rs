//! Recorded operations: what was done, to which arrays.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use gradframe_ml_core::{Error, Graph, Result};
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::array::{Array, Cell};
use crate::element::Element;
use crate::number::Number;
use crate::ops::{Row, Value, Values};
use crate::trace::Closed;

/// Something an operation is given beside arrays; part of the structure of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Arg {
    /// Left out.
    None,
    /// A choice.
    Bool(bool),
    /// An axis, a count.
    Int(i64),
    /// A number that is part of the structure, by its bits.
    Float(u64),
    /// An element type.
    Element(Element),
    /// Axes, sizes.
    Ints(SmallVec<[i64; 6]>),
    /// The name of a way of doing it.
    Text(Arc<str>),
}

/// What an operation is given beside arrays, in order.
pub type Args = SmallVec<[Arg; 3]>;

/// What an operation is done to.
#[derive(Debug, Clone)]
pub enum Operand {
    /// An array.
    Array(Array),
    /// A number, which takes the type of the arrays beside it.
    Number(Number),
}

impl From<&Array> for Operand {
    fn from(array: &Array) -> Self {
        Operand::Array(array.clone())
    }
}

impl From<&Operand> for Operand {
    fn from(operand: &Operand) -> Self {
        operand.clone()
    }
}

impl From<f64> for Operand {
    fn from(number: f64) -> Self {
        Operand::Number(Number::Float(number))
    }
}

impl From<i64> for Operand {
    fn from(number: i64) -> Self {
        Operand::Number(Number::Int(number.into()))
    }
}

impl From<bool> for Operand {
    fn from(number: bool) -> Self {
        Operand::Number(Number::Bool(number))
    }
}

/// An operation: a row of the table with its arguments, or a function that is applied as a whole.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Row { row: &'static Row, args: Args },
    Apply(Arc<Closed>),
}

impl Op {
    /// What it is called in errors.
    pub fn name(&self) -> &str {
        match self {
            Op::Row { row, .. } => row.name.strip_prefix("random_").unwrap_or(row.name),
            Op::Apply(closed) => &closed.name,
        }
    }

    /// The operation as part of a graph.
    pub fn build(&self, g: &mut Graph, operands: &[Value]) -> Result<Values> {
        match self {
            Op::Row { row, args } => (row.build)(g, operands, args),
            Op::Apply(closed) => closed.build(g, operands),
        }
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Op::Row { row: a, args: x }, Op::Row { row: b, args: y }) => std::ptr::eq(*a, *b) && x == y,
            (Op::Apply(a), Op::Apply(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Op {}

impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Op::Row { row, args } => {
                std::ptr::from_ref::<Row>(row).hash(state);
                args.hash(state);
            }
            Op::Apply(closed) => Arc::as_ptr(closed).hash(state),
        }
    }
}

/// An operation on arrays.
#[derive(Debug)]
pub(crate) struct Node {
    pub op: Op,
    pub operands: SmallVec<[Array; 3]>,
    /// Recorded operations on the longest way to a value.
    pub depth: u32,
    /// The results, if there are several: those that live are computed together.
    pub results: Mutex<SmallVec<[Weak<Cell>; 1]>>,
}

/// Which result of which operation.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub node: Arc<Node>,
    pub output: u32,
}

// A chain of a thousand operations must not be a thousand frames of the stack.
impl Drop for Node {
    fn drop(&mut self) {
        let mut dropped: Vec<Array> = self.operands.drain(..).collect();
        while let Some(array) = dropped.pop() {
            let Some(cell) = Arc::into_inner(array.0) else { continue };
            let state = cell.state.into_inner();
            for source in state.source.into_iter().chain(state.shortcut) {
                if let Some(mut node) = Arc::into_inner(source.node) {
                    dropped.extend(node.operands.drain(..));
                }
            }
        }
    }
}

/// The wrong kind of argument: our own tables disagree.
pub(crate) fn misused(op: &str, position: usize, arg: Option<&Arg>) -> Error {
    Error::plan(op, format!("argument {position} is not of the right kind: {arg:?}"))
}
