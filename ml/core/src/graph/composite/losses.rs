//! Losses of classifiers, one number an example.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

impl Graph {
    /// `log sum_j exp(x_j) - x_label` over the last axis: logits [.., C], labels (i32 or i64) [..] -> [..].
    /// A label outside 0..C gives `log sum_j exp(x_j)` alone.
    /// Errors: `Shape` if the labels' shape is not the logits' without the last axis; `DType` if they are no integers.
    pub fn cross_entropy(&mut self, logits: NodeId, labels: NodeId) -> Result<NodeId> {
        let (x, y) = (self.ty(logits).clone(), self.ty(labels).clone());
        let rank = x.shape.rank();
        if rank == 0 || x.shape.without(&[rank - 1]) != y.shape {
            return Err(Error::shape("cross_entropy", format!("expected labels for each row of {}, got {}", x.shape, y.shape)));
        }
        if !y.dtype.is_integer() {
            return Err(Error::dtype("cross_entropy", format!("expected labels of an integer type, got {}", y.dtype)));
        }
        self.call("cross_entropy", &[logits, labels], |g, x| {
            let all = g.logsumexp(x[0], rank - 1)?;
            let class = g.ty(x[0]).shape.dims()[rank - 1].clone();
            let numbers = g.iota(y.dtype, &Shape::new([class]), 0)?;
            let column = g.insert_axis(x[1], rank - 1)?;
            let (hit, zero) = (g.eq(column, numbers)?, g.scalar_like(x[0], 0.0)?);
            let marked = g.select(hit, x[0], zero)?; // by choice, not by a product: a logit may be infinite
            let picked = g.sum(marked, &[rank - 1])?;
            g.sub(all, picked)
        })
    }

    /// `log(1 + e^x) - x y`: the cross entropy of a logit x and a probability y, elementwise.
    pub fn binary_cross_entropy(&mut self, logits: NodeId, targets: NodeId) -> Result<NodeId> {
        self.call("binary_cross_entropy", &[logits, targets], |g, x| {
            let (plus, product) = (g.softplus(x[0])?, g.mul(x[0], x[1])?);
            g.sub(plus, product)
        })
    }

    /// `d^2 / 2` where the distance d = |x - y| is below `delta`, else `delta (d - delta / 2)`, elementwise.
    /// Source: Huber 1964.
    pub fn huber(&mut self, x: NodeId, y: NodeId, delta: f64) -> Result<NodeId> {
        self.call("huber", &[x, y], |g, x| {
            let (half, delta) = (g.scalar_like(x[0], 0.5)?, g.scalar_like(x[0], delta)?);
            let gap = g.sub(x[0], x[1])?;
            let (_, distance) = g.below_and_size(gap)?;
            let near = g.min(distance, delta)?;
            let (halved, product) = (g.mul(half, near)?, g.sub(distance, near)?);
            let (inner, outer) = (g.mul(halved, near)?, g.mul(delta, product)?);
            g.add(inner, outer)
        })
    }
}
