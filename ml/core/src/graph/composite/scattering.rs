//! Writing elements to places along an axis: the counterpart of `take_along`.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, ScatterOp};
use crate::shape::{Dim, Shape};

impl Graph {
    /// `x` with `values` in place of the elements at `places` (i64, of the shape of `values`) along `axis`: the other axes
    /// of `values` may be shorter than those of x. The last of several values for one place stays; a place outside is
    /// dropped. Errors: `Shape` if ranks differ or an axis of `values` is longer; `NotImplemented` for symbolic sizes.
    pub fn put_along(&mut self, x: NodeId, places: NodeId, values: NodeId, axis: usize) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let flat = self.flat_places("put_along", &own, places, values, axis)?;
        let (x, values) = (self.flattened(x)?, self.flattened(values)?);
        let result = self.put_flat(x, flat, values)?;
        self.reshape(result, &own)
    }

    /// As [`Graph::put_along`], but values for one place are folded with each other, beginning from what `op` gives for
    /// nothing: the shape of x without its elements. Errors: as there.
    pub fn fold_along(&mut self, op: ScatterOp, x: NodeId, places: NodeId, values: NodeId, axis: usize) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let flat = self.flat_places("fold_along", &own, places, values, axis)?;
        let values = self.flattened(values)?;
        let size = self.element_count("fold_along", &own)?;
        let folded = self.scatter(op, values, flat, 0, &size)?;
        self.reshape(folded, &own)
    }

    /// As [`Graph::put_along`] over a line [n]: places and values [m].
    pub fn put_flat(&mut self, x: NodeId, places: NodeId, values: NodeId) -> Result<NodeId> {
        let size = self.ty(x).shape.dims()[0].clone();
        let shape = self.ty(places).shape.clone();
        let order = self.iota(DType::I64, &shape, 0)?;
        let last = self.scatter(ScatterOp::Max, order, places, 0, &size)?; // which value stays
        let zero = self.scalar(DType::I64, 0.0)?;
        let (written, picked) = (self.ge(last, zero)?, self.gather(values, last, 0)?);
        self.select(written, picked, x)
    }

    /// How many values are written to each place: the shape of x, i64. Errors: as for [`Graph::put_along`].
    pub fn count_along(&mut self, x: NodeId, places: NodeId, axis: usize) -> Result<NodeId> {
        let shape = self.ty(places).shape.clone();
        let ones = self.full(&crate::graph::Type::new(DType::I64, shape), 1.0)?;
        self.fold_along(ScatterOp::Sum, x, places, ones, axis)
    }

    pub(crate) fn flattened(&mut self, x: NodeId) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let count = self.element_count("flatten", &own)?;
        self.reshape(x, &Shape::new([count]))
    }

    fn element_count(&self, op: &str, shape: &Shape) -> Result<Dim> {
        shape.elements().ok_or_else(|| Error::not_implemented(op, format!("the number of elements in {shape}")))
    }

    /// The row-major places in an array of shape `own`, i64 [m]; -1 for what lies outside.
    fn flat_places(&mut self, op: &str, own: &Shape, places: NodeId, values: NodeId, axis: usize) -> Result<NodeId> {
        let shape = self.ty(places).shape.clone();
        let fits = shape == self.ty(values).shape && shape.rank() == own.rank() && axis < own.rank();
        let sizes = own.as_fixed().zip(shape.as_fixed());
        let sizes = sizes.ok_or_else(|| Error::not_implemented(op, format!("places {shape} in {own}: a size is a symbol")))?;
        let shorter = sizes.0.iter().zip(&sizes.1).enumerate().all(|(i, (n, m))| i == axis || m <= n);
        if !fits || !shorter {
            let what = format!("places {shape} and values {} along axis {axis} of {own}", self.ty(values).shape);
            return Err(Error::shape(op, what));
        }
        let places = self.cast(places, DType::I64)?;
        let mut flat = self.full_like(places, 0.0)?;
        let mut step = 1;
        for i in (0..own.rank()).rev() {
            let index = if i == axis { places } else { self.iota(DType::I64, &shape, i)? };
            let scaled = self.scaled_by(index, step as f64)?;
            flat = self.add(flat, scaled)?;
            step *= sizes.0[i];
        }
        let (zero, end) = (self.scalar(DType::I64, 0.0)?, self.scalar(DType::I64, sizes.0[axis] as f64)?);
        let (low, high, nowhere) = (self.ge(places, zero)?, self.lt(places, end)?, self.scalar(DType::I64, -1.0)?);
        let inside = self.and(low, high)?;
        let flat = self.select(inside, flat, nowhere)?;
        self.flattened(flat)
    }
}
