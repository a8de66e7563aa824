//! Determinants and factors of complex matrices by elimination, a loop over columns; least squares on the real matrix of
//! twice the size. Characteristic and singular values are not taken from that one: there each comes twice, where second
//! derivatives would be wrong.

use super::Complex;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};

impl Complex {
    /// The determinant: [.., n, n] -> [..]. Errors: `Shape` if it is not square; `NotImplemented` if n is a symbol.
    /// Source: Gaussian elimination, in each column by the largest number that is left.
    pub fn det(self, g: &mut Graph) -> Result<Self> {
        let n = self.side(g, "det")?;
        let shape = self.shape(g).clone();
        let (last, dtype) = (shape.rank() - 1, g.ty(self.re).dtype);
        let batch = shape.without(&[last - 1, last]);
        let of = |shape: &Shape| Type::new(dtype, shape.clone());
        let (one, zero) = (g.full(&of(&batch), 1.0)?, g.zeros(&of(&batch))?);
        let unused = g.full(&of(&batch.insert(batch.rank(), Dim::fixed(n))), 1.0)?;
        // The sign of the permutation: a pivot passes the rows before it that are still unused.
        let start = [self.re, self.im, one, zero, unused];
        let ends = g.repeat(n, &start, &[], |g, step, carried, _| {
            let (a, product) = (Complex { re: carried[0], im: carried[1] }, Complex { re: carried[2], im: carried[3] });
            let column = a.column(g, step)?;
            let (pivot, swaps) = pivot_of(g, column, carried[4])?;
            let row = a.each(g, |g, x| picked_row(g, pivot, x))?;
            let value = row.column(g, step)?;
            let signed = value.each(g, |g, x| g.mul(x, swaps))?;
            let product = product.mul(g, signed)?;
            let left = g.sub(carried[4], pivot)?;
            let divisor = value.or_one(g)?.widened(g, column)?;
            let factors = column.div(g, divisor)?;
            let factors = factors.each(g, |g, x| g.mul(x, left))?;
            let change = factors.outer(g, row)?;
            let rest = a.sub(g, change)?;
            Ok(vec![rest.re, rest.im, product.re, product.im, left])
        })?;
        Ok(Complex { re: ends[2], im: ends[3] })
    }

    /// The lower triangular L with L L^H = A, for A [.., n, n] equal to its adjoint and positive definite; NaN where it is
    /// not. The strict upper triangle of A is not read. Errors: as for [`Complex::det`].
    pub fn cholesky(self, g: &mut Graph) -> Result<Self> {
        let n = self.side(g, "cholesky")?;
        let shape = self.shape(g).clone();
        let last = shape.rank() - 1;
        let nothing = g.full_like(self.re, 0.0)?;
        let start = [self.re, self.im, nothing, nothing];
        let ends = g.repeat(n, &start, &[], |g, step, carried, _| {
            let (a, l) = (Complex { re: carried[0], im: carried[1] }, Complex { re: carried[2], im: carried[3] });
            let column = a.column(g, step)?;
            let places = g.iota(DType::I64, &Shape::fixed(&[n]), 0)?;
            let below = g.ge(places, step)?;
            let below = g.cast(below, g.ty(column.re).dtype)?;
            let corner = column.column(g, step)?.re;
            let root = g.rsqrt(corner)?;
            let root = widened(g, root, column.re)?;
            let own = column.each(g, |g, x| {
                let scaled = g.mul(x, root)?;
                g.mul(scaled, below)
            })?;
            let conjugate = own.conj(g)?;
            let change = own.outer(g, conjugate)?;
            let rest = a.sub(g, change)?;
            let mut placed = |whole: NodeId, own: NodeId| {
                let part = g.insert_axis(own, last)?;
                g.dyn_update(whole, part, step, last)
            };
            Ok(vec![rest.re, rest.im, placed(l.re, own.re)?, placed(l.im, own.im)?])
        })?;
        Ok(Complex { re: ends[2], im: ends[3] })
    }

    /// The pseudo-inverse of A [.., m, n], in which singular values below `rtol` times the largest count as zero: [.., n, m].
    /// Errors: as for [`Graph::pinv`].
    pub fn pinv(self, g: &mut Graph, rtol: f64) -> Result<Self> {
        let (rank, whole) = (self.shape(g).rank(), self.embedded(g)?);
        let [m, n] = [rank - 2, rank - 1].map(|axis| self.shape(g).dims()[axis].as_fixed());
        let no_size = || Error::not_implemented("pinv", format!("a complex matrix {}", self.shape(g)));
        let (m, n) = (m.ok_or_else(no_size)?, n.ok_or_else(no_size)?);
        let inverse = g.pinv(whole, rtol)?; // [[Re, -Im], [Im, Re]] again
        let left = g.slice_axis(inverse, rank - 1, 0, Dim::fixed(m))?;
        let re = g.slice_axis(left, rank - 2, 0, Dim::fixed(n))?;
        Ok(Complex { re, im: g.slice_axis(left, rank - 2, n, Dim::fixed(2 * n))? })
    }

    /// X that makes |A X - B| least, and among those the smallest: A [.., m, n], B [.., m, k] -> [.., n, k].
    /// Errors: as for [`Complex::pinv`].
    pub fn lstsq(self, g: &mut Graph, b: Self) -> Result<Self> {
        let rtol = if g.ty(self.re).dtype == DType::F64 { 1e-13 } else { 1e-6 };
        self.pinv(g, rtol)?.matmul(g, b)
    }

    fn side(self, g: &Graph, op: &str) -> Result<usize> {
        let shape = self.shape(g);
        let sides = (shape.rank() >= 2).then(|| &shape.dims()[shape.rank() - 2..]);
        match sides {
            Some([m, n]) if m == n => n.as_fixed().ok_or_else(|| Error::not_implemented(op, format!("a matrix {shape}"))),
            _ => Err(Error::shape(op, format!("expected square matrices [.., n, n], got {shape}"))),
        }
    }

    /// Place `step` of the last axis: columns of matrices, elements of vectors.
    fn column(self, g: &mut Graph, step: NodeId) -> Result<Self> {
        self.each(g, |g, x| {
            let shape = g.ty(x).shape.clone();
            let last = shape.rank() - 1;
            let one = g.dyn_slice(x, step, last, &Dim::fixed(1))?;
            g.reshape(one, &shape.without(&[last]))
        })
    }

    /// 1 where it is 0.
    fn or_one(self, g: &mut Graph) -> Result<Self> {
        let (size, zero) = (self.squared_size(g)?, g.scalar_like(self.re, 0.0)?);
        let (there, one) = (g.gt(size, zero)?, g.full_like(self.re, 1.0)?);
        let none = g.full_like(self.re, 0.0)?;
        self.select(g, there, Complex { re: one, im: none })
    }

    /// A number for each vector, repeated over it.
    fn widened(self, g: &mut Graph, like: Self) -> Result<Self> {
        self.each(g, |g, x| widened(g, x, like.re))
    }

    /// [.., m], [.., n] -> [.., m, n].
    fn outer(self, g: &mut Graph, b: Self) -> Result<Self> {
        let last = self.shape(g).rank();
        let a = self.each(g, |g, x| g.insert_axis(x, last))?;
        let b = b.each(g, |g, x| g.insert_axis(x, last - 1))?;
        a.mul(g, b)
    }
}

fn widened(g: &mut Graph, x: NodeId, like: NodeId) -> Result<NodeId> {
    let shape = g.ty(like).shape.clone();
    let column = g.insert_axis(x, shape.rank() - 1)?;
    g.expand(column, &shape)
}

/// A one in the row [.., n] whose number is largest among those that are left, and -1 for an odd number of such rows before it.
fn pivot_of(g: &mut Graph, column: Complex, left: NodeId) -> Result<(NodeId, NodeId)> {
    let size = column.squared_size(g)?;
    let size = g.stop_gradient(size)?;
    let (zero, none) = (g.scalar_like(size, 0.0)?, g.scalar_like(size, -1.0)?);
    let is_left = g.gt(left, zero)?;
    let candidates = g.select(is_left, size, none)?;
    let shape = g.ty(candidates).shape.clone();
    let last = shape.rank() - 1;
    let place = g.argmax(candidates, last)?;
    let place = widened(g, place, candidates)?;
    let places = g.iota(DType::I64, &shape, last)?;
    let dtype = g.ty(left).dtype;
    let (is_pivot, is_before) = (g.eq(places, place)?, g.lt(places, place)?);
    let before = g.and(is_before, is_left)?;
    let before = g.cast(before, dtype)?;
    let count = g.sum(before, &[last])?;
    let half = g.scaled_by(count, 0.5)?;
    let whole = g.floor(half)?;
    let odd = g.sub(half, whole)?; // 0 or a half
    let scaled = g.scaled_by(odd, -4.0)?;
    Ok((g.cast(is_pivot, dtype)?, g.plus_number(scaled, 1.0)?))
}

/// The row of x [.., n, m] at which `pivot` [.., n] is one: [.., m].
fn picked_row(g: &mut Graph, pivot: NodeId, x: NodeId) -> Result<NodeId> {
    let rank = g.ty(x).shape.rank();
    let column = g.insert_axis(pivot, rank - 1)?;
    let product = g.mul(column, x)?;
    g.sum(product, &[rank - 2])
}
