//! `Input`: an argument. Its value is given, so that it has no rule but its type, which its declaration holds.

use super::{Batched, Realised, Rules};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Input`].
pub struct Input;

impl Rules for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn infer(&self, _: &[&Type]) -> Result<Type> {
        Err(given("type"))
    }

    fn evaluate(&self, _: &[&Tensor], _: &Realised) -> Result<Tensor> {
        Err(given("value"))
    }

    fn batch(&self, _: &mut Graph, _: &[Batched], _: &Dim) -> Result<NodeId> {
        Err(given("batch axis"))
    }
}

fn given(what: &str) -> Error {
    Error::internal("input", format!("the {what} of an argument is given, not computed"))
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("input", "itself", [floats(&[3])], |_, x| Ok(x[0]))]
    }
}
