//! Fourier transforms along axes, with NumPy's names and norms.

use super::Complex;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// By what a transform of n elements is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FftNorm {
    /// The inverse by n.
    #[default]
    Backward,
    /// Both by the root of n.
    Ortho,
    /// The forward one by n.
    Forward,
}

impl FftNorm {
    fn factor(self, n: usize, inverse: bool) -> f64 {
        match (self, inverse) {
            (FftNorm::Backward, false) | (FftNorm::Forward, true) => 1.0,
            (FftNorm::Ortho, _) => (n as f64).sqrt().recip(),
            _ => 1.0 / n as f64,
        }
    }
}

impl Complex {
    /// `y_k = sum_j x_j e^(-2 pi i j k / n)` along `axis`, first cut or filled with zeros to `size` if one is given.
    /// Errors: `Shape` if `axis` >= rank or the size is 0; `NotImplemented` if it is a symbol; `DType` unless f32 or f64.
    pub fn fft(self, g: &mut Graph, axis: usize, size: Option<usize>, norm: FftNorm) -> Result<Self> {
        self.transformed(g, axis, size, norm, false)
    }

    /// The inverse of [`Complex::fft`]. Errors: as there.
    pub fn ifft(self, g: &mut Graph, axis: usize, size: Option<usize>, norm: FftNorm) -> Result<Self> {
        self.transformed(g, axis, size, norm, true)
    }

    /// [`Complex::fft`] along several axes. Errors: as there.
    pub fn fftn(self, g: &mut Graph, axes: &[usize], norm: FftNorm) -> Result<Self> {
        axes.iter().try_fold(self, |z, &axis| z.fft(g, axis, None, norm))
    }

    /// [`Complex::ifft`] along several axes. Errors: as for [`Complex::fft`].
    pub fn ifftn(self, g: &mut Graph, axes: &[usize], norm: FftNorm) -> Result<Self> {
        axes.iter().try_fold(self, |z, &axis| z.ifft(g, axis, None, norm))
    }

    /// The transform of a real array: the n / 2 + 1 places that say all. Errors: as for [`Complex::fft`].
    pub fn rfft(g: &mut Graph, x: NodeId, axis: usize, size: Option<usize>, norm: FftNorm) -> Result<Self> {
        let spectrum = Self::from_real(g, x)?.fft(g, axis, size, norm)?;
        let n = spectrum.length(g, "rfft", axis)?;
        spectrum.each(g, |g, x| g.slice_axis(x, axis, 0, Dim::fixed(n / 2 + 1)))
    }

    /// The inverse of [`Complex::rfft`]: `size` real numbers (default 2 (m - 1)) from the first half of their spectrum.
    /// Errors: as for [`Complex::fft`].
    pub fn irfft(self, g: &mut Graph, axis: usize, size: Option<usize>, norm: FftNorm) -> Result<NodeId> {
        let whole = self.completed(g, axis, size)?;
        Ok(whole.ifft(g, axis, None, norm)?.re)
    }

    /// The (real) spectrum of a signal of which half is given, the other half its mirrored conjugate. Errors: as for
    /// [`Complex::fft`].
    pub fn hfft(self, g: &mut Graph, axis: usize, size: Option<usize>, norm: FftNorm) -> Result<NodeId> {
        let whole = self.completed(g, axis, size)?;
        Ok(whole.fft(g, axis, None, norm)?.re)
    }

    fn transformed(self, g: &mut Graph, axis: usize, size: Option<usize>, norm: FftNorm, inverse: bool) -> Result<Self> {
        let own = self.length(g, "fft", axis)?;
        let n = size.unwrap_or(own);
        if n == 0 {
            return Err(Error::shape("fft", format!("axis {axis} of {} is empty", self.shape(g))));
        }
        let z = self.resized(g, axis, own, n)?;
        let last = z.shape(g).rank() - 1;
        let moved = z.each(g, |g, x| g.move_axis(x, axis, last))?;
        let pairs = moved.pairs(g)?;
        let turned = g.apply(Kind::Fft { inverse }, &[pairs])?;
        let result = Self::from_pairs(g, turned)?;
        let factor = norm.factor(n, inverse);
        result.each(g, |g, x| {
            let scaled = g.scaled_by(x, factor)?;
            g.move_axis(scaled, last, axis)
        })
    }

    fn length(self, g: &Graph, op: &str, axis: usize) -> Result<usize> {
        let shape = self.shape(g);
        let dim = shape.dims().get(axis).ok_or_else(|| Error::shape(op, format!("axis {axis} of {shape}")))?;
        dim.as_fixed().ok_or_else(|| Error::not_implemented(op, format!("axis {axis} of {shape}: its size is a symbol")))
    }

    /// Cut at the end, or filled with zeros there.
    fn resized(self, g: &mut Graph, axis: usize, own: usize, n: usize) -> Result<Self> {
        let rank = self.shape(g).rank();
        self.each(g, |g, x| {
            if n <= own {
                return g.slice_axis(x, axis, 0, Dim::fixed(n));
            }
            let mut high = vec![0; rank];
            high[axis] = n - own;
            g.pad(x, &vec![0; rank], &high)
        })
    }

    /// All `size` places of a Hermitian array from its first size / 2 + 1.
    fn completed(self, g: &mut Graph, axis: usize, size: Option<usize>) -> Result<Self> {
        let own = self.length(g, "fft", axis)?;
        let n = size.unwrap_or(2 * own.saturating_sub(1));
        if n == 0 {
            return Err(Error::shape("fft", format!("no result from axis {axis} of {}", self.shape(g))));
        }
        let half = self.resized(g, axis, own, n / 2 + 1)?;
        let places: Vec<i64> = (0..n).map(|k| k.min(n - k) as i64).collect();
        let signs: Vec<f64> = (0..n).map(|k| if 2 * k > n { -1.0 } else { 1.0 }).collect();
        let places = g.constant(Tensor::from_vec(&[n], places)?);
        let rank = self.shape(g).rank();
        let mut along = vec![1; rank];
        along[axis] = n;
        let signs = g.constant(Tensor::from_vec(&along, signs)?);
        let dtype = g.ty(self.re).dtype;
        let signs = g.cast(signs, dtype)?;
        let whole = half.each(g, |g, x| g.gather(x, places, axis))?;
        Ok(Complex { re: whole.re, im: g.mul(whole.im, signs)? })
    }
}
