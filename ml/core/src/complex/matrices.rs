//! Matrices of complex numbers. A solver works on the real matrix [[Re, -Im], [Im, Re]], of twice the size.

use super::Complex;
use crate::error::Result;
use crate::graph::{DotDims, Graph, NodeId};

impl Complex {
    /// General contraction, as [`Graph::dot`]; nothing is conjugated.
    pub fn dot(self, g: &mut Graph, b: Self, dims: &DotDims) -> Result<Self> {
        self.product(g, b, |g, a, b| g.dot(a, b, dims.clone()))
    }

    /// Matrix product, as [`Graph::matmul`]; nothing is conjugated.
    pub fn matmul(self, g: &mut Graph, b: Self) -> Result<Self> {
        self.product(g, b, |g, a, b| g.matmul(a, b))
    }

    fn product(self, g: &mut Graph, b: Self, f: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>) -> Result<Self> {
        let (rr, ii) = (f(g, self.re, b.re)?, f(g, self.im, b.im)?);
        let (ri, ir) = (f(g, self.re, b.im)?, f(g, self.im, b.re)?);
        Ok(Complex { re: g.sub(rr, ii)?, im: g.add(ri, ir)? })
    }

    /// The conjugate of the transposed matrices [.., m, n]. Errors: `Shape` below rank 2.
    pub fn adjoint(self, g: &mut Graph) -> Result<Self> {
        let turned = self.each(g, |g, x| g.transpose(x))?;
        turned.conj(g)
    }

    /// X with A X = B: [.., n, n], [.., n, k] -> [.., n, k]. Errors: as for [`Graph::solve`].
    pub fn solve(self, g: &mut Graph, b: Self) -> Result<Self> {
        let whole = self.embedded(g)?;
        let rank = self.shape(g).rank();
        let right = g.concat(&[b.re, b.im], rank - 2)?;
        let solved = g.solve(whole, right)?;
        let n = self.shape(g).dims()[rank - 1].clone();
        let double = g.ty(solved).shape.dims()[rank - 2].clone();
        let re = g.slice_axis(solved, rank - 2, 0, n.clone())?;
        let fixed =
            n.as_fixed().ok_or_else(|| crate::Error::not_implemented("solve", format!("a complex matrix of size {n}")))?;
        Ok(Complex { re, im: g.slice_axis(solved, rank - 2, fixed, double)? })
    }

    /// The inverse of A [.., n, n]. Errors: as for [`Graph::solve`].
    pub fn inv(self, g: &mut Graph) -> Result<Self> {
        let [_, n] = g.matrix_dims("inv", self.re)?;
        let ty = g.ty(self.re).clone();
        let one = g.eye(ty.dtype, &n)?;
        let one = g.broadcast_to(one, &ty.shape)?;
        let one = Self::from_real(g, one)?;
        self.solve(g, one)
    }

    /// The logarithm of the size of the determinant, real: [.., n, n] -> [..]. Errors: as for [`Graph::slogdet`].
    pub fn log_abs_det(self, g: &mut Graph) -> Result<NodeId> {
        let whole = self.embedded(g)?;
        let (_, log) = g.slogdet(whole)?; // the square of the size
        g.scaled_by(log, 0.5)
    }

    pub(super) fn embedded(self, g: &mut Graph) -> Result<NodeId> {
        let rank = self.shape(g).rank();
        let negated = g.neg(self.im)?;
        let columns = rank.saturating_sub(1);
        let (top, bottom) = (g.concat(&[self.re, negated], columns)?, g.concat(&[self.im, self.re], columns)?);
        g.concat(&[top, bottom], rank.saturating_sub(2))
    }
}
