//! Arithmetic and elementary functions. Broadcasting is that of real arrays.

use super::Complex;
use crate::error::Result;
use crate::graph::{Graph, NodeId};

impl Complex {
    /// `a + b`.
    pub fn add(self, g: &mut Graph, b: Self) -> Result<Self> {
        Ok(Complex { re: g.add(self.re, b.re)?, im: g.add(self.im, b.im)? })
    }

    /// `a - b`.
    pub fn sub(self, g: &mut Graph, b: Self) -> Result<Self> {
        Ok(Complex { re: g.sub(self.re, b.re)?, im: g.sub(self.im, b.im)? })
    }

    /// `a b`.
    pub fn mul(self, g: &mut Graph, b: Self) -> Result<Self> {
        let (rr, ii) = (g.mul(self.re, b.re)?, g.mul(self.im, b.im)?);
        let (ri, ir) = (g.mul(self.re, b.im)?, g.mul(self.im, b.re)?);
        Ok(Complex { re: g.sub(rr, ii)?, im: g.add(ri, ir)? })
    }

    /// `a / b`, scaled so that the square of b's size does not overflow. Source: Smith 1962, with a power of two in place
    /// of the larger part.
    pub fn div(self, g: &mut Graph, b: Self) -> Result<Self> {
        let scale = b.scale(g)?;
        let b = b.each(g, |g, x| g.div(x, scale))?;
        let norm = b.squared_size(g)?;
        let conjugate = b.conj(g)?;
        let product = self.mul(g, conjugate)?;
        product.each(g, |g, x| {
            let ratio = g.div(x, norm)?;
            g.div(ratio, scale)
        })
    }

    /// The larger part's size, 1 where it is 0 or infinite; without slope.
    fn scale(self, g: &mut Graph) -> Result<NodeId> {
        let (a, b) = (g.abs(self.re)?, g.abs(self.im)?);
        let top = g.max(a, b)?;
        let held = g.stop_gradient(top)?;
        let (zero, one) = (g.scalar_like(held, 0.0)?, g.scalar_like(held, 1.0)?);
        let (there, finite) = (g.ne(held, zero)?, g.isfinite(held)?);
        let usable = g.and(there, finite)?;
        g.select(usable, held, one)
    }

    /// `a * factor` for a real factor.
    pub fn scaled(self, g: &mut Graph, factor: f64) -> Result<Self> {
        self.each(g, |g, x| g.scaled_by(x, factor))
    }

    /// `-a`.
    pub fn neg(self, g: &mut Graph) -> Result<Self> {
        self.each(g, |g, x| g.neg(x))
    }

    /// The complex conjugate.
    pub fn conj(self, g: &mut Graph) -> Result<Self> {
        Ok(Complex { re: self.re, im: g.neg(self.im)? })
    }

    /// The square of the size, real.
    pub fn squared_size(self, g: &mut Graph) -> Result<NodeId> {
        let (re, im) = (g.square(self.re)?, g.square(self.im)?);
        g.add(re, im)
    }

    /// The size, real; its slope at 0 is NaN.
    pub fn abs(self, g: &mut Graph) -> Result<NodeId> {
        g.hypot(self.re, self.im)
    }

    /// The angle in (-pi, pi], real.
    pub fn angle(self, g: &mut Graph) -> Result<NodeId> {
        g.atan2(self.im, self.re)
    }

    /// `a / |a|`; 0 at 0.
    pub fn sign(self, g: &mut Graph) -> Result<Self> {
        let size = self.abs(g)?;
        let (zero, one) = (g.scalar_like(size, 0.0)?, g.scalar_like(size, 1.0)?);
        let empty = g.eq(size, zero)?;
        let below = g.select(empty, one, size)?;
        self.each(g, |g, x| g.div(x, below))
    }

    /// `e^a`.
    pub fn exp(self, g: &mut Graph) -> Result<Self> {
        let size = g.exp(self.re)?;
        Self::from_polar(g, size, self.im)
    }

    /// The logarithm: of the size, and the angle.
    pub fn log(self, g: &mut Graph) -> Result<Self> {
        let size = self.abs(g)?;
        Ok(Complex { re: g.log(size)?, im: self.angle(g)? })
    }

    /// The square root with non-negative real part.
    pub fn sqrt(self, g: &mut Graph) -> Result<Self> {
        let (size, angle) = (self.abs(g)?, self.angle(g)?);
        let (root, half) = (g.sqrt(size)?, g.scaled_by(angle, 0.5)?);
        Self::from_polar(g, root, half)
    }

    /// `a^b = e^(b log a)`; NaN where a is 0.
    pub fn pow(self, g: &mut Graph, b: Self) -> Result<Self> {
        let log = self.log(g)?;
        let exponent = b.mul(g, log)?;
        exponent.exp(g)
    }

    /// `1 / a`.
    pub fn reciprocal(self, g: &mut Graph) -> Result<Self> {
        let one = g.full_like(self.re, 1.0)?;
        Self::from_real(g, one)?.div(g, self)
    }

    /// `sin x cosh y + i cos x sinh y`.
    pub fn sin(self, g: &mut Graph) -> Result<Self> {
        let (sine, cosine) = (g.sin(self.re)?, g.cos(self.re)?);
        let (cosh, sinh) = (g.cosh(self.im)?, g.sinh(self.im)?);
        Ok(Complex { re: g.mul(sine, cosh)?, im: g.mul(cosine, sinh)? })
    }

    /// `cos x cosh y - i sin x sinh y`.
    pub fn cos(self, g: &mut Graph) -> Result<Self> {
        let (sine, cosine) = (g.sin(self.re)?, g.cos(self.re)?);
        let (cosh, sinh) = (g.cosh(self.im)?, g.sinh(self.im)?);
        let product = g.mul(sine, sinh)?;
        Ok(Complex { re: g.mul(cosine, cosh)?, im: g.neg(product)? })
    }

    /// `i a`.
    pub fn turned(self, g: &mut Graph) -> Result<Self> {
        Ok(Complex { re: g.neg(self.im)?, im: self.re })
    }

    /// `-i sin(i a)`.
    pub fn sinh(self, g: &mut Graph) -> Result<Self> {
        let sine = self.turned(g)?.sin(g)?;
        Ok(Complex { re: sine.im, im: g.neg(sine.re)? })
    }

    /// `cos(i a)`.
    pub fn cosh(self, g: &mut Graph) -> Result<Self> {
        self.turned(g)?.cos(g)
    }

    /// `sinh a / cosh a`.
    pub fn tanh(self, g: &mut Graph) -> Result<Self> {
        let (sinh, cosh) = (self.sinh(g)?, self.cosh(g)?);
        sinh.div(g, cosh)
    }

    /// `sin a / cos a`.
    pub fn tan(self, g: &mut Graph) -> Result<Self> {
        let (sine, cosine) = (self.sin(g)?, self.cos(g)?);
        sine.div(g, cosine)
    }

    /// True where both parts are equal.
    pub fn eq(self, g: &mut Graph, b: Self) -> Result<NodeId> {
        let (re, im) = (g.eq(self.re, b.re)?, g.eq(self.im, b.im)?);
        g.and(re, im)
    }
}
