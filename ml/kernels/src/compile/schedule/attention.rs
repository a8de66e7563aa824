//! Kernels for attention by heads.

use gradframe_ml_core::graph::{Call, Heads, Kind, Node, Whole};
use gradframe_ml_core::{DType, Error, NodeId, Result, Shape};

use super::Scheduler;
use crate::compile::view;
use crate::schedule::{Attention, AttentionCotangents, BufferId, Kernel, Load};

/// Elements of the accesses of these kernels.
const PACK: i64 = 8;

impl Scheduler<'_> {
    pub(super) fn whole(&mut self, id: NodeId, node: &Node, call: &Call) -> Result<Kernel> {
        match call.whole {
            Some(Whole::Attention(heads)) => self.attention(id, node, heads),
            Some(Whole::AttentionCotangent { heads, .. }) => self.cotangents(id, node, heads),
            Some(Whole::AttentionOfTexts { .. }) => self.library(id, &node.kind, node),
            None => Err(Error::internal("compile", format!("`{}` is no kernel", call.name))),
        }
    }

    fn attention(&mut self, id: NodeId, node: &Node, heads: Heads) -> Result<Kernel> {
        let operands = [self.rows(node.inputs[0])?, self.rows(node.inputs[1])?, self.rows(node.inputs[2])?];
        let output = self.define_temporary(id);
        let divisors = self.temporary(DType::F32, &operands[0].1.without(&[3]));
        self.divisors.insert(id, divisors);
        Ok(Kernel::Attention(Box::new(Attention { heads, operands, output, divisors })))
    }

    /// All three at once: those that nobody asks for have memory of their own, too.
    fn cotangents(&mut self, id: NodeId, node: &Node, heads: Heads) -> Result<Kernel> {
        let operands = [self.rows(node.inputs[0])?, self.rows(node.inputs[1])?, self.rows(node.inputs[2])?];
        let cotangent = self.rows(node.inputs[4])?;
        let (value, _) = self.buffer(node.inputs[3])?;
        let divisors = self.divisors.get(&node.inputs[3]).copied();
        let divisors = divisors.ok_or_else(|| Error::internal("compile", format!("{id} without the attention that it is of")))?;
        let siblings = self.siblings(id, node);
        let output = |scheduler: &mut Self, operand: usize| -> BufferId {
            let shape = &operands[operand].1;
            let turned = Shape::new([0, 2, 1, 3].map(|axis| shape.dims()[axis].clone()));
            match siblings[operand] {
                Some(node) => scheduler.define_temporary(node),
                None => scheduler.temporary(node.ty.dtype, &turned),
            }
        };
        let outputs = [output(self, 0), output(self, 1), output(self, 2)];
        let kernel = AttentionCotangents { heads, operands, value, divisors, cotangent, outputs };
        Ok(Kernel::AttentionCotangents(Box::new(kernel)))
    }

    /// The nodes that are cotangents of q, k and v of the same attention, from the first on.
    fn siblings(&self, first: NodeId, node: &Node) -> [Option<NodeId>; 3] {
        let mut siblings = [None; 3];
        for (id, other) in self.function.graph.nodes().skip(first.index()) {
            let Kind::Call(call) = &other.kind else { continue };
            let Some(Whole::AttentionCotangent { operand, .. }) = call.whole else { continue };
            if other.inputs == node.inputs {
                siblings[operand] = Some(id);
            }
        }
        siblings
    }

    /// Rows that lie side by side in memory, at places that packs are read from: as a view, or put together first.
    fn rows(&mut self, node: NodeId) -> Result<(Load, Shape)> {
        let (load, shape) = self.operand_view(node)?;
        if are_packed(&load) {
            return Ok((load, shape));
        }
        let (buffer, shape) = self.buffer(node)?;
        Ok((Load { buffer, axes: view::identity(shape.rank()), shape: shape.clone(), padded: false }, shape))
    }
}

/// True if the last axis is read element by element, in order, from multiples of a pack on.
fn are_packed(load: &Load) -> bool {
    let (Some((last, others)), Some(size)) = (load.axes.split_last(), load.shape.dims().last()) else { return false };
    let is_multiple = |n: i64| n % PACK == 0;
    let start = last.start.as_fixed().is_some_and(|start| start % PACK as usize == 0);
    let along = |&(axis, step): &(usize, i64)| if axis == 3 { step == 1 } else { is_multiple(step) };
    let is_whole = size.as_fixed().is_some_and(|size| is_multiple(size as i64));
    !load.padded && start && is_whole && last.uses(3) && last.terms.iter().all(along) && !others.iter().any(|map| map.uses(3))
}
