//! Complex numbers as pairs of real arrays: complex64 is a pair of f32, complex128 a pair of f64.
//!
//! Every rule, kernel and back end of real arrays serves them, and gradients are those of real functions of both parts:
//! the gradient of a real loss L is the pair (dL/d re, dL/d im), the direction of steepest ascent, which is the convention
//! of PyTorch (twice the conjugate Wirtinger derivative). See decision 0076.
//!
//! ```
//! use gradframe_ml_core::complex::{Complex, FftNorm};
//! use gradframe_ml_core::graph::Type;
//! use gradframe_ml_core::transform::evaluate;
//! use gradframe_ml_core::{DType, Function, Graph, Shape, Tensor};
//!
//! let mut g = Graph::new();
//! let x = g.input("x", Type::new(DType::F64, Shape::fixed(&[4])));
//! let spectrum = Complex::from_real(&mut g, x)?.fft(&mut g, 0, None, FftNorm::Backward)?;
//! let size = spectrum.abs(&mut g)?;
//! let f = Function::new(g, vec![size])?;
//! let x = Tensor::from_vec(&[4], vec![1.0, 0.0, 0.0, 0.0])?;
//! assert_eq!(evaluate(&f, &[x])?[0].values::<f64>()?, [1.0; 4]);
//! # Ok::<(), gradframe_ml_core::Error>(())
//! ```

mod create;
mod elementary;
mod factors;
mod fft;
mod matrices;
#[cfg(test)]
pub(crate) mod rows;

pub use create::ComplexType;
pub use fft::FftNorm;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

/// A complex array: two real nodes of one graph, of equal shape and float type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complex {
    /// The real part.
    pub re: NodeId,
    /// The imaginary part.
    pub im: NodeId,
}

impl Complex {
    /// Errors: `DType` or `Shape` if the parts are not of one float type and shape.
    pub fn new(g: &Graph, re: NodeId, im: NodeId) -> Result<Self> {
        let (a, b) = (g.ty(re), g.ty(im));
        if !a.dtype.is_float() || a.dtype != b.dtype {
            return Err(Error::dtype(
                "complex",
                format!("expected two parts of one float type, got {} and {}", a.dtype, b.dtype),
            ));
        }
        if a.shape != b.shape {
            return Err(Error::shape("complex", format!("expected two parts of one shape, got {} and {}", a.shape, b.shape)));
        }
        Ok(Complex { re, im })
    }

    /// A real array, with imaginary part 0. Errors: `DType` if it is no float.
    pub fn from_real(g: &mut Graph, x: NodeId) -> Result<Self> {
        let im = g.full_like(x, 0.0)?;
        Self::new(g, x, im)
    }

    /// From size and angle. Errors: as for [`Complex::new`].
    pub fn from_polar(g: &mut Graph, size: NodeId, angle: NodeId) -> Result<Self> {
        let (cosine, sine) = (g.cos(angle)?, g.sin(angle)?);
        let (re, im) = (g.mul(size, cosine)?, g.mul(size, sine)?);
        Self::new(g, re, im)
    }

    /// From pairs in the last axis, as other libraries keep complex numbers: [.., 2] -> [..].
    /// Errors: `Shape` if the last axis is not of size 2.
    pub fn from_pairs(g: &mut Graph, x: NodeId) -> Result<Self> {
        let shape = g.ty(x).shape.clone();
        if shape.dims().last() != Some(&Dim::fixed(2)) {
            return Err(Error::shape("complex", format!("expected pairs [.., 2], got {shape}")));
        }
        let last = shape.rank() - 1;
        let whole = shape.without(&[last]);
        let mut part = |at: usize| {
            let column = g.slice_axis(x, last, at, Dim::fixed(at + 1))?;
            g.reshape(column, &whole)
        };
        let (re, im) = (part(0)?, part(1)?);
        Self::new(g, re, im)
    }

    /// The parts side by side in a new last axis: [..] -> [.., 2].
    pub fn pairs(self, g: &mut Graph) -> Result<NodeId> {
        let last = g.ty(self.re).shape.rank();
        g.stack(&[self.re, self.im], last)
    }

    /// The same function of both parts: for views and everything else that only moves elements about.
    /// Errors: those of the function.
    pub fn each(self, g: &mut Graph, mut f: impl FnMut(&mut Graph, NodeId) -> Result<NodeId>) -> Result<Self> {
        Ok(Complex { re: f(g, self.re)?, im: f(g, self.im)? })
    }

    /// The shape of either part.
    pub fn shape(self, g: &Graph) -> &Shape {
        &g.ty(self.re).shape
    }

    /// The sum over `axes`. Errors: as for [`Graph::sum`].
    pub fn sum(self, g: &mut Graph, axes: &[usize]) -> Result<Self> {
        self.each(g, |g, x| g.sum(x, axes))
    }

    /// The mean over `axes`. Errors: as for [`Graph::mean`].
    pub fn mean(self, g: &mut Graph, axes: &[usize]) -> Result<Self> {
        self.each(g, |g, x| g.mean(x, axes))
    }

    /// The product along `axis` of fixed size, which goes away; halves are multiplied with each other.
    /// Errors: `Shape` if `axis` >= rank; `NotImplemented` if its size is a symbol.
    pub fn prod(self, g: &mut Graph, axis: usize) -> Result<Self> {
        let shape = self.shape(g).clone();
        let size = shape.dims().get(axis).ok_or_else(|| Error::shape("prod", format!("axis {axis} of {shape}")))?;
        let mut n = size.as_fixed().ok_or_else(|| Error::not_implemented("prod", format!("axis {axis} of {shape}")))?;
        if n == 0 {
            let one = g.full(&crate::graph::Type::new(g.ty(self.re).dtype, shape.without(&[axis])), 1.0)?;
            return Self::from_real(g, one);
        }
        let mut z = self;
        while n > 1 {
            let half = n / 2;
            let low = z.each(g, |g, x| g.slice_axis(x, axis, 0, Dim::fixed(half)))?;
            let high = z.each(g, |g, x| g.slice_axis(x, axis, half, Dim::fixed(2 * half)))?;
            let mut product = low.mul(g, high)?;
            if n % 2 == 1 {
                let rest = z.each(g, |g, x| g.slice_axis(x, axis, n - 1, Dim::fixed(n)))?;
                product = Complex { re: g.concat(&[product.re, rest.re], axis)?, im: g.concat(&[product.im, rest.im], axis)? };
            }
            (z, n) = (product, half + n % 2);
        }
        z.each(g, |g, x| g.reshape(x, &shape.without(&[axis])))
    }
}
