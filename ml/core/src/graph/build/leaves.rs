//! Values that need no operands: constants, counters, sizes.

use std::sync::Arc;

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::ops::wide::{self, Wide};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

impl Graph {
    /// A value known now.
    pub fn constant(&mut self, value: Tensor) -> NodeId {
        let ty = Type::new(value.dtype(), Shape::fixed(value.shape()));
        self.intern(crate::graph::Node { kind: Kind::Const(Arc::new(value)), inputs: Default::default(), ty })
    }

    /// One number of the given element type, shape `[]`; rounded or saturated as by `Cast`.
    pub fn scalar(&mut self, dtype: DType, value: f64) -> Result<NodeId> {
        let tensor = wide::encode(dtype, &[], &Wide::Float(vec![value]))?;
        Ok(self.constant(tensor))
    }

    /// One number of the element type of `x`, shape `[]`: it broadcasts against `x`.
    pub fn scalar_like(&mut self, x: NodeId, value: f64) -> Result<NodeId> {
        self.scalar(self.ty(x).dtype, value)
    }

    /// An array full of one number.
    pub fn full(&mut self, ty: &Type, value: f64) -> Result<NodeId> {
        let number = self.scalar(ty.dtype, value)?;
        self.broadcast_to(number, &ty.shape)
    }

    /// An array full of one number, of the type of `x`.
    pub fn full_like(&mut self, x: NodeId, value: f64) -> Result<NodeId> {
        let ty = self.ty(x).clone();
        self.full(&ty, value)
    }

    /// Zeros of this type.
    pub fn zeros(&mut self, ty: &Type) -> Result<NodeId> {
        self.full(ty, 0.0)
    }

    /// 0, 1, 2 ... along `axis`. Errors: `Shape` if `axis` >= rank; `DType` for bool.
    pub fn iota(&mut self, dtype: DType, shape: &Shape, axis: usize) -> Result<NodeId> {
        self.apply(Kind::Iota { axis, dtype, shape: shape.clone() }, &[])
    }

    /// A dimension's size as a number of element type `dtype`, shape `[]`; for a symbol it is counted at run time.
    pub fn dim_value(&mut self, dtype: DType, dim: &Dim) -> Result<NodeId> {
        if let Some(size) = dim.as_fixed() {
            return self.scalar(dtype, size as f64);
        }
        // Counted in i64, so that a narrow float does not stop growing at its last exact integer.
        let ones = self.full(&Type::new(DType::I64, Shape::new([dim.clone()])), 1.0)?;
        let count = self.sum(ones, &[0])?;
        self.cast(count, dtype)
    }
}
