//! Index maps with their sizes known: where in a buffer an iteration is.

use gradframe_ml_core::{Result, Shape};

use super::memory::Memory;
use crate::kernel::AxisMap;

/// `offset + sum of strides[i] * iteration[i]`, in elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub offset: isize,
    /// One an axis of the iteration.
    pub strides: Vec<isize>,
}

/// The place in a row-major buffer of this shape; `skip` is an axis whose position comes from elsewhere.
pub fn place(memory: &Memory, shape: &Shape, axes: &[AxisMap], rank: usize, skip: Option<usize>) -> Result<Place> {
    let sizes = memory.eval(shape)?;
    let mut place = Place { offset: 0, strides: vec![0; rank] };
    let mut stride = 1;
    for axis in (0..sizes.len()).rev() {
        if skip != Some(axis) {
            let map = &axes[axis];
            place.offset += stride * map.start.eval(memory.sizes())? as isize;
            if let Some(from) = map.from {
                place.strides[from] += stride * map.step as isize;
            }
        }
        stride *= sizes[axis] as isize;
    }
    Ok(place)
}

/// The stride of one axis of a row-major shape.
pub fn stride_of(sizes: &[usize], axis: usize) -> isize {
    sizes[axis + 1..].iter().product::<usize>() as isize
}

/// How a place moves when the iteration advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One element a step, in order.
    Contiguous,
    /// It stays.
    Fixed,
    /// Anything else.
    Strided,
}

/// The motion of a place over an iteration of these sizes.
pub fn motion(place: &Place, sizes: &[usize]) -> Motion {
    let mut expected = 1;
    let (mut contiguous, mut fixed) = (true, true);
    for (&stride, &size) in place.strides.iter().zip(sizes).rev() {
        if size != 1 {
            contiguous &= stride == expected;
            fixed &= stride == 0;
        }
        expected *= size as isize;
    }
    match (fixed, contiguous) {
        (true, _) => Motion::Fixed,
        (_, true) => Motion::Contiguous,
        _ => Motion::Strided,
    }
}

/// Calls `visit(offset_in_block, element_index, stride, count)` for each straight run of the flat positions
/// `start..start + len` of an iteration.
pub fn for_each_run(place: &Place, sizes: &[usize], start: usize, len: usize, mut visit: impl FnMut(usize, isize, isize, usize)) {
    let Some((&inner, outer)) = sizes.split_last() else {
        visit(0, place.offset, 0, len);
        return;
    };
    let inner_stride = place.strides[outer.len()];
    let mut done = 0;
    while done < len {
        let position = start + done;
        let (mut rest, column) = (position / inner, position % inner);
        let mut at = place.offset + inner_stride * column as isize;
        for (axis, &size) in outer.iter().enumerate().rev() {
            at += place.strides[axis] * (rest % size) as isize;
            rest /= size;
        }
        let count = (inner - column).min(len - done);
        visit(done, at, inner_stride, count);
        done += count;
    }
}
