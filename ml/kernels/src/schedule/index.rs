//! Index maps: where on a kernel's domain each index of a buffer comes from.

use gradframe_ml_core::{Dim, Shape};

use super::BufferId;

/// A buffer read through an index map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Load {
    /// What is read.
    pub buffer: BufferId,
    /// The shape under which it is read.
    pub shape: Shape,
    /// For each axis of `shape`, where on the domain its index comes from.
    pub axes: Vec<AxisMap>,
    /// True if indices may lie outside the shape; zeros are read there.
    pub padded: bool,
}

/// The index along one axis: `start + step * (position on domain axis)`; just `start` where `axis` is None.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AxisMap {
    /// The axis of the kernel's domain.
    pub axis: Option<usize>,
    /// The index at position 0.
    pub start: Dim,
    /// What one position adds.
    pub step: i64,
}

impl Load {
    /// True if it reads its buffer from end to end over the domain `outer` x `row`.
    pub fn is_whole(&self, outer: &Shape, row: &Shape) -> bool {
        let mut domain = outer.dims().iter().chain(row.dims()).enumerate().filter(|(_, d)| !d.is_one());
        let mut read = self.axes.iter().zip(self.shape.dims()).filter(|(_, d)| !d.is_one());
        loop {
            match (domain.next(), read.next()) {
                (None, None) => return !self.padded,
                (Some((axis, size)), Some((map, dim))) if size == dim && map.is_identity(axis) => {}
                _ => return false,
            }
        }
    }
}

impl AxisMap {
    /// Position `axis` itself.
    pub fn identity(axis: usize) -> Self {
        AxisMap { axis: Some(axis), start: Dim::fixed(0), step: 1 }
    }

    /// True for position `axis` itself.
    pub fn is_identity(&self, axis: usize) -> bool {
        self.axis == Some(axis) && self.step == 1 && self.start.as_fixed() == Some(0)
    }

    /// Index 0 everywhere.
    pub fn zero() -> Self {
        AxisMap { axis: None, start: Dim::fixed(0), step: 0 }
    }
}
