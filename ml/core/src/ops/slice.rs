//! `Slice`: a range of each axis. Its transpose is a pad, or a scatter where there are gaps or symbolic borders.

use smallvec::SmallVec;

use super::{Batched, Linear, Realised, Rules, Site, arity, moves, only};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, ScatterOp, Span, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Slice`].
pub struct Slice<'a>(pub &'a [Span]);

impl Rules for Slice<'_> {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        if self.0.len() != x.shape.rank() {
            return Err(Error::shape(self.name(), format!("expected one range an axis of {}, got {}", x.shape, self.0.len())));
        }
        let dims = self.0.iter().zip(x.shape.dims()).map(|(span, dim)| taken(span, dim));
        Ok(Type::new(x.dtype, Shape(dims.collect::<Result<_>>()?)))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        for (span, (&taken, &size)) in self.0.iter().zip(out.shape.iter().zip(x.shape())) {
            if taken > 0 && span.start + (taken - 1) * span.step >= size {
                return Err(Error::shape(self.name(), format!("range {span} leaves an axis of size {size}")));
            }
        }
        let strides = moves::strides(x.shape());
        let source = |index: &[usize], i: usize| self.0[i].start + index[i] * self.0[i].step;
        moves::moved(x, out, |index| Some((0..index.len()).map(|i| source(index, i) * strides[i]).sum()))
    }

    fn jvp(&self, g: &mut Graph, _: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        tangents[0].map(|t| g.slice(t, self.0)).transpose()
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let own = g.ty(at.operands[0]).shape.clone();
        let after = |(span, dim): (&Span, &Dim)| {
            let rest = dim.minus(&span.stop)?.as_fixed()?;
            (span.step == 1).then_some(rest)
        };
        if let Some(high) = self.0.iter().zip(own.dims()).map(after).collect::<Option<Vec<usize>>>() {
            let low: Vec<usize> = self.0.iter().map(|s| s.start).collect();
            return g.pad(cotangent, &low, &high).map(only);
        }
        self.put_back(g, cotangent, &own).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let spans: Vec<Span> = std::iter::once(Span::all(size)).chain(self.0.iter().cloned()).collect();
        g.slice(operands[0].node, &spans)
    }
}

impl Slice<'_> {
    /// Puts what was taken back to where it was, between zeros, axis by axis.
    fn put_back(&self, g: &mut Graph, mut x: NodeId, own: &Shape) -> Result<NodeId> {
        for (axis, span) in self.0.iter().enumerate().filter(|&(i, span)| *span != Span::all(&own.dims()[i])) {
            let size = &own.dims()[axis];
            x = match (span.step, size.minus(&span.stop).and_then(|rest| rest.as_fixed())) {
                (1, Some(rest)) => padded(g, x, axis, span.start, rest)?,
                (_, Some(_)) if size.as_fixed().is_some() => between_zeros(g, x, axis, span, size)?,
                _ => scattered(g, x, axis, span, size)?,
            };
        }
        Ok(x)
    }
}

/// Zeros before and after an axis.
fn padded(g: &mut Graph, x: NodeId, axis: usize, before: usize, after: usize) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
    (low[axis], high[axis]) = (before, after);
    g.pad(x, &low, &high)
}

/// Elements `step` apart with zeros between them: each becomes a row of `step`, of which it is the first.
fn between_zeros(g: &mut Graph, x: NodeId, axis: usize, span: &Span, size: &Dim) -> Result<NodeId> {
    let own = g.ty(x).shape.clone();
    let (count, size) = (own.dims()[axis].as_fixed().unwrap_or(0), size.as_fixed().unwrap_or(0));
    let rows = g.insert_axis(x, axis + 1)?;
    let rows = padded(g, rows, axis + 1, 0, span.step - 1)?;
    let flat = g.reshape(rows, &own.with(axis, Dim::fixed(count * span.step)))?;
    let room = size - span.start;
    let cut = g.slice_axis(flat, axis, 0, Dim::fixed(room.min(count * span.step)))?;
    padded(g, cut, axis, span.start, room.saturating_sub(count * span.step))
}

/// By position, where sizes are not known.
fn scattered(g: &mut Graph, x: NodeId, axis: usize, span: &Span, size: &Dim) -> Result<NodeId> {
    let count = Shape::new([g.ty(x).shape.dims()[axis].clone()]);
    let steps = g.iota(DType::I64, &count, 0)?;
    let (step, start) = (g.scalar(DType::I64, span.step as f64)?, g.scalar(DType::I64, span.start as f64)?);
    let scaled = g.mul(steps, step)?;
    let places = g.add(scaled, start)?;
    g.scatter(ScatterOp::Sum, x, places, axis, size)
}

/// The number of elements in a range; one with gaps needs fixed borders.
fn taken(span: &Span, dim: &Dim) -> Result<Dim> {
    if span.step == 0 {
        return Err(Error::shape("slice", "expected a step of 1 or more, got 0"));
    }
    if let (Some(stop), Some(size)) = (span.stop.as_fixed(), dim.as_fixed())
        && stop > size
    {
        return Err(Error::shape("slice", format!("range {span} leaves an axis of size {size}")));
    }
    match span.stop.as_fixed() {
        Some(stop) if stop < span.start => Err(Error::shape("slice", format!("range {span} ends before it starts"))),
        Some(stop) => Ok(Dim::fixed((stop - span.start).div_ceil(span.step))),
        None if span.step == 1 => Ok(span.stop.plus(-(span.start as i64))),
        None => Err(Error::not_implemented("slice", format!("a step other than 1 up to a symbolic border, in range {span}"))),
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Graph, Span};
    use crate::ops::proof::{Row, floats};

    pub fn rows() -> Vec<Row> {
        let span = |start, stop: usize, step| Span { start, stop: stop.into(), step };
        let dense = [span(0, 2, 1), span(1, 3, 1)];
        let gaps = [span(1, 3, 1), span(0, 5, 2)];
        vec![
            Row::new("slice", "a block", [floats(&[3, 4])], move |g: &mut Graph, x: &[_]| g.slice(x[0], &dense)),
            Row::new("slice", "with gaps", [floats(&[3, 5])], move |g: &mut Graph, x: &[_]| g.slice(x[0], &gaps)),
        ]
    }
}
