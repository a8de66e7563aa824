//! Views as sizes and strides.

use gradframe_ml_core::{Dim, Result, Shape, Sizes};
use gradframe_ml_kernels::schedule::Load;

/// An axis of a contraction: its size, and how far apart its neighbours are in each array, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    pub size: usize,
    pub left: usize,
    pub right: usize,
    pub result: usize,
}

impl Axis {
    /// One place.
    pub const ONE: Axis = Axis { size: 1, left: 0, right: 0, result: 0 };

    /// True if this axis and one inside it are walked as one.
    fn continues(&self, inner: &Axis) -> bool {
        let follows = |outer: usize, stride: usize| outer == stride * inner.size;
        follows(self.left, inner.left) && follows(self.right, inner.right) && follows(self.result, inner.result)
    }
}

/// Neighbours that are walked as one become one; axes of size 1 go.
pub fn merged(axes: Vec<Axis>) -> Vec<Axis> {
    let mut merged: Vec<Axis> = Vec::new();
    for axis in axes.into_iter().filter(|axis| axis.size != 1) {
        match merged.last_mut() {
            Some(outer) if outer.continues(&axis) => *outer = Axis { size: outer.size * axis.size, ..axis },
            _ => merged.push(axis),
        }
    }
    merged
}

/// An operand with its sizes known.
pub struct Side {
    /// Its axes' sizes.
    pub sizes: Vec<usize>,
    /// Distances between neighbours along them.
    pub strides: Vec<usize>,
    /// The first element.
    pub start: usize,
}

impl Side {
    /// The operand; None where it reads zeros outside its buffer, or backwards.
    /// Errors: `Shape` for a size that is not known.
    pub fn of(load: &Load, shape: &Shape, sizes: &Sizes) -> Result<Option<Self>> {
        let (mut start, mut strides, mut distance) = (0, vec![0i64; shape.rank()], 1);
        for (map, &size) in load.axes.iter().zip(&load.shape.eval(sizes)?).rev() {
            start += signed(&map.start, sizes)? * distance;
            map.terms.iter().for_each(|&(axis, step)| strides[axis] += step * distance);
            distance *= size as i64;
        }
        let sizes = shape.eval(sizes)?;
        sizes.iter().zip(&mut strides).filter(|(size, _)| **size <= 1).for_each(|(_, stride)| *stride = 0);
        let strides: Option<Vec<usize>> = strides.into_iter().map(|stride| usize::try_from(stride).ok()).collect();
        let (Some(strides), Ok(start), false) = (strides, usize::try_from(start), load.padded) else { return Ok(None) };
        Ok(Some(Side { sizes, strides, start }))
    }
}

/// A dimension that may be negative.
fn signed(dim: &Dim, sizes: &Sizes) -> Result<i64> {
    const LIFT: i64 = 1 << 40;
    Ok(dim.plus(LIFT).eval(sizes)? as i64 - LIFT)
}
