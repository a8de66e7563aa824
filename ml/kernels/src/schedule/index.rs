//! Index maps: where on a kernel's domain each index of a buffer comes from.

use gradframe_ml_core::{Dim, Shape};
use smallvec::{SmallVec, smallvec};

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

/// The index along one axis: `start + sum of step * (position on domain axis)`; just `start` where there are no terms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AxisMap {
    /// The index at position 0.
    pub start: Dim,
    /// Axes of the kernel's domain, each once and in their order, and what one position along it adds.
    pub terms: SmallVec<[(usize, i64); 1]>,
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
        AxisMap { start: Dim::fixed(0), terms: smallvec![(axis, 1)] }
    }

    /// True for position `axis` itself.
    pub fn is_identity(&self, axis: usize) -> bool {
        self.terms[..] == [(axis, 1)] && self.start.as_fixed() == Some(0)
    }

    /// Index 0 everywhere.
    pub fn zero() -> Self {
        AxisMap { start: Dim::fixed(0), terms: SmallVec::new() }
    }

    /// True if it depends on the position along a domain axis.
    pub fn uses(&self, axis: usize) -> bool {
        self.terms.iter().any(|term| term.0 == axis)
    }

    /// `n` times this index; None where that has no closed form.
    pub fn times(&self, n: i64) -> Option<Self> {
        let size = Dim::fixed(usize::try_from(n.abs()).ok()?);
        let start = self.start.mul(&size)?;
        let start = if n < 0 { Dim::fixed(0).minus(&start)? } else { start };
        Some(AxisMap { start, terms: self.terms.iter().map(|&(axis, step)| (axis, n * step)).collect() })
    }

    /// The sum of two indices; None where that has no closed form.
    pub fn plus(&self, other: &AxisMap) -> Option<Self> {
        let mut terms = self.terms.clone();
        for &(axis, step) in &other.terms {
            match terms.binary_search_by_key(&axis, |term| term.0) {
                Ok(at) => terms[at].1 += step,
                Err(at) => terms.insert(at, (axis, step)),
            }
        }
        terms.retain(|term| term.1 != 0);
        Some(AxisMap { start: self.start.add(&other.start)?, terms })
    }
}
