//! Normalisation: to mean 0 and variance 1 over some axes, then scaled and shifted.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

impl Graph {
    /// `(x - mean) / sqrt(variance + epsilon) * weight + bias` over the last `axes` axes; the variance divides by the
    /// number of elements. `weight` and `bias` have the shape of those axes.
    /// Errors: `Shape` if `axes` is more than the rank. Source: Ba, Kiros and Hinton 2016.
    pub fn layer_norm(
        &mut self,
        x: NodeId,
        axes: usize,
        weight: Option<NodeId>,
        bias: Option<NodeId>,
        epsilon: f64,
    ) -> Result<NodeId> {
        let folded = self.last_axes("layer_norm", x, axes)?;
        let normal = self.in_f32(x, |g, x| g.standardised("layer_norm", x, &folded, epsilon))?;
        self.scaled_and_shifted(normal, weight, bias)
    }

    /// `x / sqrt(mean x^2 + epsilon) * weight` over the last `axes` axes.
    /// Errors: `Shape` if `axes` is more than the rank. Source: Zhang and Sennrich 2019.
    pub fn rms_norm(&mut self, x: NodeId, axes: usize, weight: Option<NodeId>, epsilon: f64) -> Result<NodeId> {
        let folded = self.last_axes("rms_norm", x, axes)?;
        let body = |g: &mut Graph, x: &[NodeId]| {
            let square = g.mul(x[0], x[0])?;
            let mean = g.mean_keep(square, &folded)?;
            let scale = g.inverse_root(mean, epsilon)?;
            g.mul(x[0], scale)
        };
        let normal = self.in_f32(x, |g, x| g.call("rms_norm", &[x], body))?;
        self.scaled_and_shifted(normal, weight, None)
    }

    /// As [`Graph::layer_norm`], but over all axes except `axis`, along which `weight` and `bias` lie: the statistics
    /// are those of the batch. Errors: `Shape` if `axis` >= rank. Source: Ioffe and Szegedy 2015.
    pub fn batch_norm(
        &mut self,
        x: NodeId,
        axis: usize,
        weight: Option<NodeId>,
        bias: Option<NodeId>,
        epsilon: f64,
    ) -> Result<NodeId> {
        let rank = self.ty(x).shape.rank();
        if axis >= rank {
            return Err(Error::shape("batch_norm", format!("axis {axis} of {}", self.ty(x).shape)));
        }
        let folded: Vec<usize> = (0..rank).filter(|&a| a != axis).collect();
        let normal = self.in_f32(x, |g, x| g.standardised("batch_norm", x, &folded, epsilon))?;
        let (weight, bias) = (self.along(weight, axis, rank)?, self.along(bias, axis, rank)?);
        self.scaled_and_shifted(normal, weight, bias)
    }

    /// As [`Graph::layer_norm`] over groups of neighbouring channels, x [B, C, ..]; `weight` and `bias` lie along C.
    /// Errors: `Shape` below rank 2 or if `groups` does not divide C. Source: Wu and He 2018.
    pub fn group_norm(
        &mut self,
        x: NodeId,
        groups: usize,
        weight: Option<NodeId>,
        bias: Option<NodeId>,
        epsilon: f64,
    ) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let channels = own.dims().get(1).and_then(Dim::as_fixed);
        let Some(each) = channels.filter(|c| groups > 0 && c % groups == 0).map(|c| c / groups) else {
            return Err(Error::shape("group_norm", format!("expected [B, C, ..] with C a multiple of {groups}, got {own}")));
        };
        let inner = own.dims()[2..].iter().cloned();
        let split = Shape::new([own.dims()[0].clone(), groups.into(), each.into()].into_iter().chain(inner));
        let grouped = self.reshape(x, &split)?;
        let normal = self.layer_norm(grouped, own.rank() - 1, None, None, epsilon)?;
        let whole = self.reshape(normal, &own)?;
        let (weight, bias) = (self.along(weight, 1, own.rank())?, self.along(bias, 1, own.rank())?);
        self.scaled_and_shifted(whole, weight, bias)
    }

    fn last_axes(&self, op: &str, x: NodeId, axes: usize) -> Result<Vec<usize>> {
        let rank = self.ty(x).shape.rank();
        let first = rank.checked_sub(axes).filter(|_| axes > 0);
        let first = first.ok_or_else(|| Error::shape(op, format!("the last {axes} axes of {}", self.ty(x).shape)))?;
        Ok((first..rank).collect())
    }

    /// `z r` for z = x - mean and r = 1 / sqrt(variance + epsilon) over these axes. Its tangent is r t - r mean(t) - z r^2 mean(z r t): each
    /// mean is of the tangent itself, so that reverse mode takes all its sums in one pass.
    fn standardised(&mut self, name: &'static str, x: NodeId, axes: &[usize], epsilon: f64) -> Result<NodeId> {
        let body = |g: &mut Graph, x: &[NodeId]| {
            let (centred, scale) = g.centred_and_scale(x[0], axes, epsilon)?;
            g.mul(centred, scale)
        };
        let tangent = |g: &mut Graph, x: &[NodeId], _: NodeId, t: &[NodeId]| {
            let (centred, scale) = g.centred_and_scale(x[0], axes, epsilon)?;
            let product = g.mul(centred, t[0])?;
            let (along, mean) = (g.mean_keep(product, axes)?, g.mean_keep(t[0], axes)?);
            let along = g.mul(along, scale)?; // by and by: the cube of the scale leaves a half's range
            let along = g.mul(along, scale)?;
            let along = g.mul(along, scale)?;
            let (mean, along) = (g.mul(mean, scale)?, g.neg(along)?);
            let mean = g.neg(mean)?;
            let (own, by_scale) = (g.mul(t[0], scale)?, g.mul(centred, along)?);
            let changed = g.add(own, by_scale)?;
            g.add(changed, mean)
        };
        self.call_with_tangent(name, &[x], body, tangent)
    }

    /// `x - mean`, and `1 / sqrt(variance + epsilon)`.
    fn centred_and_scale(&mut self, x: NodeId, axes: &[usize], epsilon: f64) -> Result<(NodeId, NodeId)> {
        let mean = self.mean_keep(x, axes)?;
        let centred = self.sub(x, mean)?;
        let square = self.mul(centred, centred)?;
        let variance = self.mean_keep(square, axes)?;
        Ok((centred, self.inverse_root(variance, epsilon)?))
    }

    fn inverse_root(&mut self, x: NodeId, epsilon: f64) -> Result<NodeId> {
        let epsilon = self.scalar_like(x, epsilon)?;
        let sum = self.add(x, epsilon)?;
        self.rsqrt(sum)
    }

    fn scaled_and_shifted(&mut self, x: NodeId, weight: Option<NodeId>, bias: Option<NodeId>) -> Result<NodeId> {
        let scaled = weight.map_or(Ok(x), |w| self.mul(x, w))?;
        bias.map_or(Ok(scaled), |b| self.add(scaled, b))
    }

    /// A vector that broadcasts along one axis of `rank`.
    fn along(&mut self, vector: Option<NodeId>, axis: usize, rank: usize) -> Result<Option<NodeId>> {
        let Some(vector) = vector else { return Ok(None) };
        let after = std::iter::repeat_n(Dim::fixed(1), rank - axis - 1);
        let shape = Shape::new(self.ty(vector).shape.dims().iter().cloned().chain(after));
        self.reshape(vector, &shape).map(Some)
    }
}
