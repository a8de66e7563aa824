//! Linear algebra: factorizations taken apart, and what follows from them.

use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, Linalg, NodeId};
use crate::ops::fixed_matrix;
use crate::shape::Dim;

/// The parts of [`Linalg::Lu`].
#[derive(Debug, Clone, Copy)]
pub struct LuParts {
    /// [.., m, k], ones on the diagonal, zeros above it.
    pub l: NodeId,
    /// [.., k, n], zeros below the diagonal.
    pub u: NodeId,
    /// P [.., m, m] with P A = L U.
    pub exchange: NodeId,
    /// Row exchanged with in each step, from 0: i64 [.., k].
    pub pivots: NodeId,
    /// Both triangles in one: [.., m, n].
    pub factors: NodeId,
}

impl Graph {
    /// L lower triangular with L L' = A, for A [.., n, n] symmetric (its symmetric part is taken) and positive definite;
    /// NaN where it is not. Errors: `Shape` if A is not square, `DType` if it is not f32 or f64.
    pub fn cholesky(&mut self, a: NodeId) -> Result<NodeId> {
        let symmetric = self.symmetric_part(a)?;
        self.apply(Kind::Linalg(Linalg::Cholesky), &[symmetric])
    }

    fn symmetric_part(&mut self, a: NodeId) -> Result<NodeId> {
        let (turned, half) = (self.transpose(a)?, self.scalar_like(a, 0.5)?);
        let both = self.add(a, turned)?;
        self.mul(both, half)
    }

    /// X with A X = B: A [.., n, n], B [.., n, k] -> [.., n, k]. Infinite or NaN where A is singular.
    /// Errors: `Shape` naming both shapes if they do not fit, `DType` if they are not both f32 or both f64.
    pub fn solve(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.apply(Kind::Linalg(Linalg::Solve { transposed: false }), &[a, b])
    }

    /// X with T X = B for T triangular; the other triangle is not read, nor the diagonal if `unit`.
    /// Errors: as for [`Graph::solve`].
    pub fn solve_triangular(&mut self, t: NodeId, b: NodeId, upper: bool, transposed: bool, unit: bool) -> Result<NodeId> {
        self.apply(Kind::Linalg(Linalg::Triangular { upper, transposed, unit }), &[t, b])
    }

    pub(crate) fn solve_lower(&mut self, l: NodeId, b: NodeId) -> Result<NodeId> {
        self.solve_triangular(l, b, false, false, false)
    }

    /// `X U^-1` for U upper triangular.
    pub(crate) fn right_divide_upper(&mut self, x: NodeId, u: NodeId) -> Result<NodeId> {
        let turned = self.transpose(x)?;
        let solved = self.solve_triangular(u, turned, true, true, false)?;
        self.transpose(solved)
    }

    /// The inverse of A [.., n, n]; infinite or NaN where it has none. Errors: as for [`Graph::solve`].
    pub fn inv(&mut self, a: NodeId) -> Result<NodeId> {
        let [_, n] = self.matrix_dims("inv", a)?;
        let ty = self.ty(a).clone();
        let one = self.eye(ty.dtype, &n)?;
        let one = self.broadcast_to(one, &ty.shape)?;
        self.solve(a, one)
    }

    /// The determinant's sign (0 where it is 0) and the logarithm of its size: [.., n, n] -> [..], [..].
    /// Errors: as for [`Graph::solve`].
    pub fn slogdet(&mut self, a: NodeId) -> Result<(NodeId, NodeId)> {
        let both = self.apply(Kind::Linalg(Linalg::LogDet), &[a])?;
        let (sign, next) = self.unpacked(both, 0, &[])?;
        Ok((sign, self.unpacked(both, next, &[])?.0))
    }

    /// The determinant: [.., n, n] -> [..]. Its gradient at a singular matrix is NaN. Errors: as for [`Graph::solve`].
    pub fn det(&mut self, a: NodeId) -> Result<NodeId> {
        let (sign, log) = self.slogdet(a)?;
        let size = self.exp(log)?;
        self.mul(sign, size)
    }

    /// P A = L U, rows exchanged for the largest pivot: [.., m, n] of fixed size.
    /// Errors: `NotImplemented` for symbolic sizes; as for [`Graph::solve`].
    pub fn lu(&mut self, a: NodeId) -> Result<LuParts> {
        let [m, n] = fixed_matrix("lu", &self.ty(a).shape)?;
        let packed = self.apply(Kind::Linalg(Linalg::Lu), &[a])?;
        self.lu_parts(packed, m, n)
    }

    pub(crate) fn lu_parts(&mut self, packed: NodeId, m: usize, n: usize) -> Result<LuParts> {
        let (k, last) = (m.min(n), self.ty(packed).shape.rank() - 1);
        let factors = self.slice_axis(packed, last, 0, Dim::fixed(n))?;
        let (rows, steps) =
            (self.slice_axis(packed, last, n, Dim::fixed(n + 1))?, self.slice_axis(packed, last, n + 1, Dim::fixed(n + 2))?);
        let (below, upper) = (self.tril(factors, -1)?, self.triu(factors, 0)?);
        let (below, u) = (self.corner(below, m, k)?, self.corner(upper, k, n)?);
        let dtype = self.ty(packed).dtype;
        let one = self.eye(dtype, &Dim::fixed(k))?;
        let one = self.widened(one, m, k)?;
        let l = self.add(below, one)?;
        let exchange = self.exchange_of(rows, m)?;
        let steps = self.slice_axis(steps, last - 1, 0, Dim::fixed(k))?;
        let flat = self.ty(steps).shape.without(&[last]);
        let steps = self.reshape(steps, &flat)?;
        let pivots = self.cast(steps, crate::DType::I64)?;
        Ok(LuParts { l, u, exchange, pivots, factors })
    }

    /// P [.., m, m] from the row in each place, floats [.., m, 1].
    fn exchange_of(&mut self, rows: NodeId, m: usize) -> Result<NodeId> {
        let dtype = self.ty(rows).dtype;
        let numbers = self.iota(dtype, &crate::Shape::fixed(&[m]), 0)?;
        let held = self.stop_gradient(rows)?;
        let hit = self.eq(held, numbers)?;
        self.cast(hit, dtype)
    }

    /// A = Q R with k = min(m, n) orthonormal columns: [.., m, n] of fixed size -> [.., m, k], [.., k, n]. No number on
    /// R's diagonal is negative. Errors: as for [`Graph::lu`].
    pub fn qr(&mut self, a: NodeId) -> Result<(NodeId, NodeId)> {
        let [m, n] = fixed_matrix("qr", &self.ty(a).shape)?;
        let packed = self.apply(Kind::Linalg(Linalg::Qr), &[a])?;
        self.qr_parts(packed, m, n)
    }

    pub(crate) fn qr_parts(&mut self, packed: NodeId, m: usize, n: usize) -> Result<(NodeId, NodeId)> {
        let k = m.min(n);
        let (q, next) = self.unpacked(packed, 0, &[m, k])?;
        Ok((q, self.unpacked(packed, next, &[k, n])?.0))
    }

    /// A = V diag(w) V' for A [.., n, n] symmetric (its symmetric part is taken): w [.., n] ascending, V [.., n, n].
    /// Its gradient exists where no two eigenvalues that it tells apart are equal. Errors: as for [`Graph::solve`].
    pub fn eigh(&mut self, a: NodeId) -> Result<(NodeId, NodeId)> {
        let symmetric = self.symmetric_part(a)?;
        let packed = self.apply(Kind::Linalg(Linalg::Eigh), &[symmetric])?;
        self.eigh_parts(packed)
    }

    pub(crate) fn eigh_parts(&mut self, packed: NodeId) -> Result<(NodeId, NodeId)> {
        let [n, columns] = self.matrix_dims("eigh", packed)?;
        let last = self.ty(packed).shape.rank() - 1;
        let v = self.slice_axis(packed, last, 0, n.clone())?;
        let fixed = n.as_fixed().ok_or_else(|| Error::not_implemented("eigh", format!("a matrix of size {n}")))?;
        let w = self.slice_axis(packed, last, fixed, columns)?;
        let flat = self.ty(w).shape.without(&[last]);
        Ok((self.reshape(w, &flat)?, v))
    }

    /// A = U diag(s) V' with k = min(m, n): [.., m, n] of fixed size -> U [.., m, k], s [.., k] descending, V' [.., k, n].
    /// Its gradient exists where no two singular values are equal (nor zero, unless A is square).
    /// Errors: as for [`Graph::lu`].
    pub fn svd(&mut self, a: NodeId) -> Result<(NodeId, NodeId, NodeId)> {
        let [m, n] = fixed_matrix("svd", &self.ty(a).shape)?;
        let packed = self.apply(Kind::Linalg(Linalg::Svd), &[a])?;
        self.svd_parts(packed, m, n)
    }

    pub(crate) fn svd_parts(&mut self, packed: NodeId, m: usize, n: usize) -> Result<(NodeId, NodeId, NodeId)> {
        let k = m.min(n);
        let (u, next) = self.unpacked(packed, 0, &[m, k])?;
        let (s, next) = self.unpacked(packed, next, &[k])?;
        Ok((u, s, self.unpacked(packed, next, &[k, n])?.0))
    }

    /// The pseudoinverse of A [.., m, n]: [.., n, m]. Singular values of at most `rtol` times the largest count as zero.
    /// Errors: `Plan` if `rtol` is negative or NaN; as for [`Graph::solve`].
    pub fn pinv(&mut self, a: NodeId, rtol: f64) -> Result<NodeId> {
        if rtol.is_nan() || rtol < 0.0 {
            return Err(Error::plan("pinv", format!("expected a tolerance of 0 or more, got {rtol}")));
        }
        self.apply(Kind::Linalg(Linalg::Pinv { rtol: rtol.to_bits() }), &[a])
    }

    /// X that makes |A X - B| least, of those the smallest, for A [.., m, n] of full rank and fixed size, B [.., m, k]:
    /// [.., n, k]. Errors: as for [`Graph::lu`].
    pub fn lstsq(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        let [m, n] = fixed_matrix("lstsq", &self.ty(a).shape)?;
        if m >= n {
            let (q, r) = self.qr(a)?;
            let turned = self.transpose(q)?;
            let along = self.matmul(turned, b)?;
            return self.solve_triangular(r, along, true, false, false);
        }
        let turned = self.transpose(a)?;
        let (q, r) = self.qr(turned)?; // A = R' Q'
        let along = self.solve_triangular(r, b, true, true, false)?;
        self.matmul(q, along)
    }
}
