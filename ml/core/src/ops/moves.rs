//! Moving elements about by index, whatever their type.

use arrow_buffer::MutableBuffer;

use super::Realised;
use crate::error::Result;
use crate::tensor::Tensor;

/// The distance between neighbours along each axis, in elements, row-major.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The position of a multi-index.
pub fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

/// Calls `visit` with every multi-index of a shape, row-major.
pub fn for_each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        visit(&index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// The tensor whose element at each index is the one of `source` at `position(index)`; zero for None.
pub fn moved(source: &Tensor, out: &Realised, mut position: impl FnMut(&[usize]) -> Option<usize>) -> Result<Tensor> {
    let mut from = Vec::new();
    for_each_index(out.shape, |index| from.push(position(index)));
    let width = out.dtype.size_bytes();
    let bytes = source.buffer().as_slice();
    let mut data = MutableBuffer::with_capacity(from.len() * width);
    for place in from {
        match place {
            Some(p) => data.extend_from_slice(&bytes[p * width..(p + 1) * width]),
            None => data.extend_zeros(width),
        }
    }
    Tensor::try_new(out.dtype, out.shape, data.into())
}
