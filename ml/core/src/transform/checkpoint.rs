//! Rematerialisation: functions whose inner values reverse mode computes again, in place of keeping them.
//!
//! A checkpointed composite stays one node under `jvp`: its tangent is a composite of its own, of the operands and their
//! tangents. Only the transpose of that writes the body out, over operands behind a `Barrier`: so its values are not those
//! of the pass forward, and come to be where the gradient needs them.

use std::sync::Arc;

use super::jvp::Dual;
use crate::error::{Error, Result};
use crate::graph::{Call, Function, Graph, Kind, NodeId};

/// The same function, whose inner values reverse mode computes again: a gradient then keeps the arguments alone, for the
/// price of one more pass forward. Values, and derivatives of any order, are the same.
/// Errors: none but `Internal`.
pub fn checkpoint(function: &Function) -> Result<Function> {
    let mut g = function.graph.nested();
    let mut operands = Vec::new();
    for (argument, ty) in function.graph.arguments().iter().zip(function.argument_types()) {
        operands.push(g.input(&argument.name, ty.clone()));
    }
    let outputs = g.recomputed(function, &operands)?;
    Function::new(g, outputs)
}

impl Graph {
    /// What `body` makes of the operands; reverse mode keeps those alone, and computes what is inside again. For a chain of n
    /// like steps, the square root of n of them in each is a good size.
    /// Errors: whatever the body's builders say.
    pub fn checkpoint(
        &mut self,
        operands: &[NodeId],
        body: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>,
    ) -> Result<Vec<NodeId>> {
        let body = self.function_over(operands, body)?;
        self.recomputed(&body, operands)
    }

    /// A composite for each result: what they share is one once they are written out.
    fn recomputed(&mut self, body: &Function, operands: &[NodeId]) -> Result<Vec<NodeId>> {
        let one = |&output: &NodeId| {
            let body = Function::new(body.graph.clone(), vec![output])?;
            self.apply(Kind::Call(Arc::new(Call { recomputed: true, ..Call::of("checkpoint", body) })), operands)
        };
        body.outputs.iter().map(one).collect()
    }
}

/// The value and the tangent of a checkpointed composite.
pub(super) fn push(g: &mut Graph, call: &Arc<Call>, values: &[NodeId], tangents: &[Option<NodeId>]) -> Result<Dual> {
    let value = g.apply(Kind::Call(Arc::clone(call)), values)?;
    if !g.ty(value).dtype.is_float() {
        return Ok((value, None));
    }
    let wrt: Vec<usize> = (0..tangents.len()).filter(|&i| tangents[i].is_some()).collect();
    let both = super::jvp(&call.body, &wrt)?;
    let tangent = both.outputs.get(1).copied().ok_or_else(|| Error::internal("checkpoint", "no tangent"))?;
    let body = Function::new(both.graph, vec![tangent])?;
    let operands: Vec<NodeId> = values.iter().copied().chain(tangents.iter().filter_map(|t| *t)).collect();
    let rule = Call { recomputed: true, ..Call::of("checkpoint", body) };
    Ok((value, Some(g.apply(Kind::Call(Arc::new(rule)), &operands)?)))
}
