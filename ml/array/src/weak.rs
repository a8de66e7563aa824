//! Numbers of the host language among operands, known ones and arguments: they take the type of the arrays beside them.

use gradframe_ml_core::{DType, Result, Tensor};
use smallvec::SmallVec;

use crate::array::{Array, Role, State};
use crate::element::{ArrayType, Element};
use crate::node::Operand;
use crate::number::Number;
use crate::promote::{promote, weak};

impl Array {
    /// A float of the host language as an argument: float64, until it meets arrays, whose type it takes as a number does that is
    /// written in the function.
    pub fn weak(x: f64) -> Self {
        let role = Role { weak: true, ..Role::default() };
        Self::new(ArrayType::new(Element::Real(DType::F64), &[]), role, State::of(Tensor::scalar(x)))
    }

    /// True for a number of the host language, and what is computed from such alone: its type is that of what it meets.
    pub fn is_weak(&self) -> bool {
        self.0.role.weak
    }

    /// The array in a type of its own: that of a number which meets nothing.
    pub(crate) fn settled(&self) -> Result<Self> {
        if self.is_weak() { self.astype(Element::FLOAT) } else { Ok(self.clone()) }
    }
}

/// The operands as arrays: a number takes the type that the arrays beside it have in common.
pub(crate) fn as_arrays(op: &str, operands: &[Operand]) -> Result<SmallVec<[Array; 3]>> {
    let any_weak = operands.iter().any(|operand| matches!(operand, Operand::Array(array) if array.is_weak()));
    // What is true or false has no floats: beside it a weak one stays what it is.
    let strong = in_common(op, operands, false).filter(|own| !any_weak || *own != Element::BOOL);
    let beside = strong.or_else(|| in_common(op, operands, true));
    let one = |operand: &Operand| match (operand, strong) {
        (Operand::Array(array), Some(beside)) if array.is_weak() => array.astype(weak(&Number::Float(0.0), beside)),
        (Operand::Array(array), _) => Ok(array.clone()),
        (Operand::Number(number), _) => {
            Array::number(op, *number, beside.map_or_else(|| number.own(), |beside| weak(number, beside)))
        }
    };
    operands.iter().map(one).collect()
}

/// Whether what is computed of these is weak: some are, and all others are numbers of the host language, or true or false.
pub(crate) fn are_weak(operands: &[Array]) -> bool {
    let is_neutral = |array: &Array| array.is_weak() || array.0.role.number || array.element() == Element::BOOL;
    operands.iter().any(Array::is_weak) && operands.iter().all(is_neutral)
}

/// The type that the arrays that are weak, or those that are not, have in common.
fn in_common(op: &str, operands: &[Operand], weak: bool) -> Option<Element> {
    let own = operands.iter().filter_map(|operand| match operand {
        Operand::Array(array) if array.is_weak() == weak => Some(array.element()),
        _ => None,
    });
    own.reduce(|all, own| promote(op, all, own).unwrap_or(all))
}
