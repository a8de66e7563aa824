//! Types and new arrays.

use std::fmt;

use super::Complex;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The type of a complex array: by that of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComplexType {
    /// Pairs of f16.
    Complex32,
    /// Pairs of f32.
    Complex64,
    /// Pairs of f64.
    Complex128,
}

impl ComplexType {
    /// The type whose parts are of this one. Errors: `DType` if there is none.
    pub fn of(part: DType) -> Result<Self> {
        match part {
            DType::F16 => Ok(ComplexType::Complex32),
            DType::F32 => Ok(ComplexType::Complex64),
            DType::F64 => Ok(ComplexType::Complex128),
            other => Err(Error::dtype("complex", format!("expected parts of f16, f32 or f64, got {other}"))),
        }
    }

    /// The type of the parts.
    pub fn part(self) -> DType {
        match self {
            ComplexType::Complex32 => DType::F16,
            ComplexType::Complex64 => DType::F32,
            ComplexType::Complex128 => DType::F64,
        }
    }

    /// Its name, as NumPy and PyTorch have it.
    pub fn name(self) -> &'static str {
        match self {
            ComplexType::Complex32 => "complex32",
            ComplexType::Complex64 => "complex64",
            ComplexType::Complex128 => "complex128",
        }
    }

    /// The type of real arrays of pairs [.., 2] that hold complex arrays of this shape.
    pub fn pairs(self, shape: &Shape) -> Type {
        Type::new(self.part(), shape.insert(shape.rank(), Dim::fixed(2)))
    }
}

impl fmt::Display for ComplexType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Complex {
    /// The next argument of the graph, given as an array of pairs [.., 2].
    pub fn input(g: &mut Graph, name: &str, ty: ComplexType, shape: &Shape) -> Result<Self> {
        let pairs = g.input(name, ty.pairs(shape));
        Self::from_pairs(g, pairs)
    }

    /// A known array, given as pairs [.., 2]. Errors: `Shape` if it is not of pairs; `DType` if these are no floats.
    pub fn constant(g: &mut Graph, pairs: Tensor) -> Result<Self> {
        let pairs = g.constant(pairs);
        Self::from_pairs(g, pairs)
    }

    /// The number `re + im i` everywhere.
    pub fn full(g: &mut Graph, ty: ComplexType, shape: &Shape, re: f64, im: f64) -> Result<Self> {
        let real = Type::new(ty.part(), shape.clone());
        Ok(Complex { re: g.full(&real, re)?, im: g.full(&real, im)? })
    }

    /// Zeros.
    pub fn zeros(g: &mut Graph, ty: ComplexType, shape: &Shape) -> Result<Self> {
        Self::full(g, ty, shape, 0.0, 0.0)
    }

    /// Ones.
    pub fn ones(g: &mut Graph, ty: ComplexType, shape: &Shape) -> Result<Self> {
        Self::full(g, ty, shape, 1.0, 0.0)
    }

    /// The type. Errors: `DType` if the parts are of bf16, which no complex type is made of.
    pub fn ty(self, g: &Graph) -> Result<ComplexType> {
        ComplexType::of(g.ty(self.re).dtype)
    }

    /// The same numbers in another type.
    pub fn cast(self, g: &mut Graph, ty: ComplexType) -> Result<Self> {
        self.each(g, |g, x| g.cast(x, ty.part()))
    }

    /// `condition ? self : other`, elementwise.
    pub fn select(self, g: &mut Graph, condition: crate::NodeId, other: Self) -> Result<Self> {
        Ok(Complex { re: g.select(condition, self.re, other.re)?, im: g.select(condition, self.im, other.im)? })
    }
}
