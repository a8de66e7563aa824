//! `Scan`: each element folded with all before it along an axis.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, arity, check_axis, moves, no_rule, only, reduce};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{DotDims, Graph, Kind, NodeId, ScanOp, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Scan`].
pub struct Scan {
    pub op: ScanOp,
    pub axis: usize,
}

impl Rules for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        check_axis(self.name(), self.axis, &x.shape)?;
        if x.dtype == DType::Bool {
            return Err(Error::dtype(self.name(), "expected a number, got bool").hint("cast it"));
        }
        Ok((*x).clone())
    }

    /// Accumulated in f64 or i128; each element is rounded or wrapped once.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let fold = self.op.fold();
        let values = match wide::decode(x) {
            Wide::Float(v) => Wide::Float(self.scanned(v, x.shape(), |a, b| reduce::of_floats(fold, a, b))),
            Wide::Int(v) => Wide::Int(self.scanned(v, x.shape(), |a, b| reduce::of_integers(fold, a, b))),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let Some(t) = tangents[0] else { return Ok(None) };
        let x = at.operands[0];
        match self.op {
            ScanOp::Sum => g.scan(ScanOp::Sum, t, self.axis),
            ScanOp::Max => {
                let places = self.places_of_records(g, x, at.value)?;
                g.take_along(t, places, self.axis)
            }
            ScanOp::Prod => self.product_tangent(g, x, t),
        }
        .map(Some)
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        if self.op != ScanOp::Sum {
            return Err(no_rule(self.op.name(), "transpose"));
        }
        let turned = g.flip(cotangent, &[self.axis])?;
        let summed = g.scan(ScanOp::Sum, turned, self.axis)?;
        g.flip(summed, &[self.axis]).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], _: &Dim) -> Result<NodeId> {
        g.scan(self.op, operands[0].node, self.axis + 1)
    }
}

impl Scan {
    fn scanned<T: Copy>(&self, mut values: Vec<T>, shape: &[usize], f: impl Fn(T, T) -> T) -> Vec<T> {
        let step = moves::strides(shape)[self.axis];
        let line = step * shape[self.axis];
        for i in 0..values.len() {
            if i % line >= step {
                values[i] = f(values[i - step], values[i]);
            }
        }
        values
    }

    /// For each place, where along the axis the largest so far was first met.
    fn places_of_records(&self, g: &mut Graph, x: NodeId, value: NodeId) -> Result<NodeId> {
        let shape = g.ty(x).shape.clone();
        let place = g.iota(DType::I64, &shape, self.axis)?;
        let n = shape.dims()[self.axis].clone();
        let first = g.slice_axis(value, self.axis, 0, Dim::fixed(1))?;
        let rest = g.slice_axis(value, self.axis, 0, n.plus(-1))?;
        let before = g.concat(&[first, rest], self.axis)?;
        let (grown, zero) = (g.gt(value, before)?, g.scalar(DType::I64, 0.0)?);
        let record = g.select(grown, place, zero)?;
        g.scan(ScanOp::Max, record, self.axis)
    }

    /// `sum_{j <= i} t_j prod_{k <= i, k != j} x_k`, by a table of the products without each factor: right also where
    /// some are zero, for the square of the scanned elements.
    fn product_tangent(&self, g: &mut Graph, x: NodeId, t: NodeId) -> Result<NodeId> {
        let last = g.ty(x).shape.rank() - 1;
        let (x, t) = (g.move_axis(x, self.axis, last)?, g.move_axis(t, self.axis, last)?);
        let own = g.ty(x).shape.clone();
        let n = own.dims()[last].clone();
        let table = g.repeat_axis(x, last, &n)?; // [.., j, k] = x[.., k]
        let square = Shape::new([n.clone(), n]);
        let (j, k) = (g.iota(DType::I64, &square, 0)?, g.iota(DType::I64, &square, 1)?);
        let (itself, one) = (g.eq(j, k)?, g.scalar_like(x, 1.0)?);
        let others = g.select(itself, one, table)?;
        let products = g.scan(ScanOp::Prod, others, last + 1)?;
        let (reached, zero) = (g.le(j, k)?, g.scalar_like(x, 0.0)?);
        let slopes = g.select(reached, products, zero)?; // [.., j, i]
        let batch = (0..last).map(|a| (a, a)).collect();
        let tangent = g.dot(t, slopes, DotDims { batch, contract: SmallVec::from_iter([(last, last)]) })?;
        g.move_axis(tangent, last, self.axis)
    }
}

impl Graph {
    /// Each element folded with all before it along `axis`. Errors: `Shape` if `axis` >= rank; `DType` for bool.
    pub fn scan(&mut self, op: ScanOp, x: NodeId, axis: usize) -> Result<NodeId> {
        self.apply(Kind::Scan { op, axis }, &[x])
    }

    /// The sum so far along `axis`. Errors: as for [`Graph::scan`].
    pub fn cumsum(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.scan(ScanOp::Sum, x, axis)
    }

    /// The product so far along `axis`. Errors: as for [`Graph::scan`].
    pub fn cumprod(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.scan(ScanOp::Prod, x, axis)
    }

    /// The largest so far along `axis`; the gradient goes to the first of ties. Errors: as for [`Graph::scan`].
    pub fn cummax(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.scan(ScanOp::Max, x, axis)
    }

    /// The same bits read as another element type of the same size. Errors: `DType` if it is not, or is bool.
    pub fn bitcast(&mut self, x: NodeId, dtype: DType) -> Result<NodeId> {
        self.apply(Kind::Bitcast(dtype), &[x])
    }
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, given, ints};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("scan", "sum", [floats(&[2, 3, 2])], |g, x| g.cumsum(x[0], 1)),
            Row::new("scan", "sum of integers", [ints(&[3], &[2, -1, 4])], |g, x| g.cumsum(x[0], 0)).expect(&[2., 1., 5.]),
            Row::new("scan", "prod", [floats(&[3, 2])], |g, x| g.cumprod(x[0], 0)),
            Row::new("scan", "prod with a zero", [given(&[2.0, 0.0, 3.0])], |g, x| g.cumprod(x[0], 0))
                .expect(&[2.0, 0.0, 0.0])
                .slopes(&[1.0, 8.0, 0.0]),
            Row::new("scan", "max", [floats(&[2, 4])], |g, x| g.cummax(x[0], 1)),
            Row::new("scan", "max with ties", [given(&[1.0, 2.0, 2.0, 0.0])], |g, x| g.cummax(x[0], 0))
                .slopes(&[1.0, 3.0, 0.0, 0.0]),
        ]
    }
}
