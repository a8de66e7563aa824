//! Values of SQL as nodes of a graph: a number a row, and where it is one.

use arrow::array::ArrayRef;
use gradframe_ml_core::graph::{Fn1, Fn2};
use gradframe_ml_core::{DType, Graph, NodeId, Result, Tensor};

/// Whole numbers stay below this, so that none of what is computed of them wraps around.
pub(super) const MAGNITUDE_MAX: i128 = 1 << 62;

/// What an expression gives for each row.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub node: NodeId,
    /// Where it is not null; everywhere if there is none. What is under a null is anything.
    pub valid: Option<NodeId>,
    pub of: Kind,
}

/// What the numbers are.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// f64. Single ones have been f32, and stay as they are.
    Float {
        is_single: bool,
    },
    Bool,
    /// i64, from the first to the second. Of a decimal, its last digits; of dates and times, what Arrow counts.
    Integer(i128, i128),
    /// i64: places in these strings, which are in order.
    Words(ArrayRef),
}

/// The graph of an aggregate's rows, in the making.
#[derive(Default)]
pub(super) struct Building {
    pub graph: Graph,
}

impl Building {
    pub fn number(&mut self, value: i64) -> NodeId {
        self.graph.constant(Tensor::scalar(value))
    }

    pub fn float(&mut self, value: f64) -> NodeId {
        self.graph.constant(Tensor::scalar(value))
    }

    pub fn truth(&mut self, value: bool) -> Result<NodeId> {
        Ok(self.graph.constant(Tensor::from_bools(&[], &[value])?))
    }

    pub fn map2(&mut self, f: Fn2, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.graph.map2(f, a, b)
    }

    pub fn not(&mut self, a: NodeId) -> Result<NodeId> {
        self.graph.map1(Fn1::Not, a)
    }

    pub fn and(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.graph.map2(Fn2::And, a, b)
    }

    pub fn or(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.graph.map2(Fn2::Or, a, b)
    }

    /// Where both hold; None is everywhere.
    pub fn both(&mut self, a: Option<NodeId>, b: Option<NodeId>) -> Result<Option<NodeId>> {
        match (a, b) {
            (Some(a), Some(b)) if a != b => self.and(a, b).map(Some),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The rows for which a condition is true, not null.
    pub fn is_true(&mut self, condition: &Value) -> Result<NodeId> {
        match condition.valid {
            Some(valid) => self.and(condition.node, valid),
            None => Ok(condition.node),
        }
    }

    /// Whole numbers that compare as floats do in SQL here: NaN is above all and equals itself, zeros are equal.
    pub fn comparable(&mut self, float: NodeId) -> Result<NodeId> {
        let key = self.in_order(float)?;
        let (minus_zero, zero) = (self.number(-1), self.number(0));
        let is_minus_zero = self.map2(Fn2::Eq, key, minus_zero)?;
        self.graph.select(is_minus_zero, zero, key)
    }

    /// Whole numbers in the order of floats, by their bits: NaN above all, -0 below 0, as extremes are found.
    pub fn in_order(&mut self, float: NodeId) -> Result<NodeId> {
        let bits = self.graph.bitcast(float, DType::I64)?;
        let (sign, rest) = (self.number(63), self.number(i64::MAX));
        let negative = self.map2(Fn2::Shr, bits, sign)?;
        let flipped = self.map2(Fn2::And, negative, rest)?;
        let key = self.map2(Fn2::Xor, bits, flipped)?;
        let is_nan = self.graph.map1(Fn1::IsNan, float)?;
        let greatest = self.number(i64::MAX);
        self.graph.select(is_nan, greatest, key)
    }
}

/// The float whose place in order this is.
pub(super) fn float_of_order(key: i64) -> f64 {
    match key {
        i64::MAX => f64::NAN,
        key => f64::from_bits((key ^ ((key >> 63) & i64::MAX)) as u64),
    }
}

impl Value {
    pub fn new(node: NodeId, valid: Option<NodeId>, of: Kind) -> Self {
        Value { node, valid, of }
    }

    /// The least and the greatest, of whole numbers that do not leave 62 bits.
    pub fn range(&self) -> Option<(i128, i128)> {
        match self.of {
            Kind::Integer(low, high) => Some((low, high)).filter(|_| is_small(low) && is_small(high)),
            _ => None,
        }
    }
}

/// Whether a whole number may be computed with.
pub(super) fn is_small(number: i128) -> bool {
    number.abs() < MAGNITUDE_MAX
}
