//! A named tensor of a network.

use gradframe_ml_core::{Error, NodeId, Result};

use super::Init;
use super::network::Values;

/// A parameter, or a statistic that is kept beside the parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// `hidden.1.weight`, `output.bias`, ...
    pub name: String,
    pub shape: Vec<usize>,
    pub init: Init,
    pub role: Role,
}

/// What happens to a part in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Learned; penalties pull it to zero.
    Weight,
    /// Learned, not penalised: biases, and the scale and shift of a normalisation.
    Offset,
    /// Not learned: running statistics.
    Statistic,
}

impl Part {
    pub(super) fn new(name: String, shape: Vec<usize>, init: Init, role: Role) -> Self {
        Part { name, shape, init, role }
    }

    /// True if gradients reach it.
    pub fn is_learned(&self) -> bool {
        self.role != Role::Statistic
    }
}

/// The node of a part. Errors: `Execution` if it is missing.
pub(super) fn part_of(values: &Values, name: &str) -> Result<NodeId> {
    let missing = || Error::execution("model", format!("weight `{name}` is missing")).hint("train the model again");
    values.get(name).copied().ok_or_else(missing)
}
