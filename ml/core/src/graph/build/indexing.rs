//! Contractions, gathers, scatters and calls.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Call, DotDims, Function, Graph, Kind, NodeId, ScatterOp};
use crate::shape::Dim;

impl Graph {
    /// General contraction: result axes are batch, free of `a`, free of `b`. Errors: `Shape` if paired axes differ.
    pub fn dot(&mut self, a: NodeId, b: NodeId, dims: DotDims) -> Result<NodeId> {
        self.apply(Kind::Dot(dims), &[a, b])
    }

    /// Matrix product by NumPy's rule: [.., m, k] x [.., k, n] -> [.., m, n]; a vector is a row on the left, a column
    /// on the right. Leading axes are batch axes: equal, or missing on one side.
    /// Errors: `Shape` naming both shapes if they do not fit.
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        let (ra, rb) = (self.ty(a).shape.rank(), self.ty(b).shape.rank());
        if ra == 0 || rb == 0 {
            let what = format!("expected rank 1 or more, got {} and {}", self.ty(a).shape, self.ty(b).shape);
            return Err(Error::shape("matmul", what));
        }
        let contract = (ra - 1, rb.saturating_sub(2));
        if ra > 2 && rb > 2 && ra != rb {
            let what = format!("expected as many batch axes on both sides, got {} and {}", self.ty(a).shape, self.ty(b).shape);
            return Err(Error::shape("matmul", what));
        }
        if ra <= 2 && rb > 2 {
            return self.matmul_left_shared(a, b, contract);
        }
        let batch = rb.saturating_sub(2);
        let dims = DotDims { batch: (0..batch).map(|i| (i, i)).collect(), contract: [contract].into_iter().collect() };
        self.dot(a, b, dims)
    }

    /// [m, k] x [.., k, n]: the free axis of `a` comes out first and belongs before the last.
    fn matmul_left_shared(&mut self, a: NodeId, b: NodeId, contract: (usize, usize)) -> Result<NodeId> {
        let (ra, rb) = (self.ty(a).shape.rank(), self.ty(b).shape.rank());
        let dims = DotDims { batch: Default::default(), contract: [contract].into_iter().collect() };
        let product = self.dot(a, b, dims)?;
        if ra == 1 { Ok(product) } else { self.move_axis(product, 0, rb - 2) }
    }

    /// Picks along `axis` of `x` by `indices` (i32 or i64): [A.., n, B..], I -> [A.., I.., B..]; zeros outside 0..n.
    pub fn gather(&mut self, x: NodeId, indices: NodeId, axis: usize) -> Result<NodeId> {
        self.apply(Kind::Gather { axis }, &[x, indices])
    }

    /// Folds [A.., I.., B..] into `size` groups along `axis`, by `indices` of shape I; others are dropped.
    pub fn scatter(&mut self, op: ScatterOp, x: NodeId, indices: NodeId, axis: usize, size: &Dim) -> Result<NodeId> {
        self.apply(Kind::ScatterReduce { op, axis, size: size.clone() }, &[x, indices])
    }

    /// `size` elements along `axis` from a start known at run time, i64 []; zeros where they leave the axis.
    /// Errors: `Shape` if `axis` >= rank or the start is not a single i64.
    pub fn dyn_slice(&mut self, x: NodeId, start: NodeId, axis: usize, size: &Dim) -> Result<NodeId> {
        self.apply(Kind::DynSlice { axis, size: size.clone() }, &[x, start])
    }

    /// `x` with `part` in place of its elements along `axis` from a start known at run time, i64 []; what leaves the axis is
    /// dropped. Errors: `Shape` if another axis differs; `DType` if the types do.
    pub fn dyn_update(&mut self, x: NodeId, part: NodeId, start: NodeId, axis: usize) -> Result<NodeId> {
        self.apply(Kind::DynUpdate { axis }, &[x, part, start])
    }

    /// A named composite: `body` is built in a graph of its own, over arguments of the operands' types.
    /// Errors: whatever the body's builders say.
    pub fn call(
        &mut self,
        name: &'static str,
        operands: &[NodeId],
        body: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let body = self.function_over(operands, |g, x| Ok(vec![body(g, x)?]))?;
        self.apply(Kind::Call(Arc::new(Call::of(name, body))), operands)
    }

    /// A named composite with a derivative of its own: `tangent` is built over the operands, the value, and a tangent for
    /// each float operand (in order), in which it must be linear, and gives the tangent of the value. Reverse mode is its
    /// transpose. For derivatives that are cheaper or safer than the body's, and for those that are meant to differ.
    /// Errors: `Shape` or `DType` if the tangent is not of the value's type; whatever the builders say.
    pub fn call_with_tangent(
        &mut self,
        name: &'static str,
        operands: &[NodeId],
        body: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
        tangent: impl FnOnce(&mut Graph, &[NodeId], NodeId, &[NodeId]) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let call = self.composite_with_tangent(name, operands, body, tangent)?;
        self.apply(Kind::Call(Arc::new(call)), operands)
    }

    /// As [`Graph::call_with_tangent`]; the composite, not applied yet.
    pub(in crate::graph) fn composite_with_tangent(
        &mut self,
        name: &'static str,
        operands: &[NodeId],
        body: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>,
        tangent: impl FnOnce(&mut Graph, &[NodeId], NodeId, &[NodeId]) -> Result<NodeId>,
    ) -> Result<Call> {
        let body = self.function_over(operands, |g, x| Ok(vec![body(g, x)?]))?;
        let mut inner = self.nested();
        let ty = body.graph.ty(body.outputs[0]).clone();
        let x: Vec<NodeId> =
            operands.iter().enumerate().map(|(i, &x)| inner.input(&format!("x{i}"), self.ty(x).clone())).collect();
        let value = inner.input("value", ty.clone());
        let floats = operands.iter().enumerate().filter(|(_, x)| self.ty(**x).dtype.is_float());
        let t: Vec<NodeId> = floats.map(|(i, &x)| inner.input(&format!("t{i}"), self.ty(x).clone())).collect();
        let output = tangent(&mut inner, &x, value, &t)?;
        if *inner.ty(output) != ty {
            return Err(Error::shape(name, format!("expected a tangent of the value's type {ty}, got {}", inner.ty(output))));
        }
        let tangent = Some(Function::new(inner, vec![output])?);
        Ok(Call { tangent, ..Call::of(name, body) })
    }
}
