//! Keys and values of the tokens so far, in slots.
//!
//! All rows take the same slot for their next token; a shorter row begins later. So one run serves rows of any length, and a row
//! comes in, goes or is doubled by copying its slots.

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::{DType, Result, Tensor};

use crate::rows::CacheShape;

/// Slots are made so many at a time.
const SLOTS: usize = 64;

/// What is kept of some rows.
#[derive(Debug)]
pub struct Cache {
    shape: CacheShape,
    /// f32 or bf16.
    dtype: DType,
    /// The slot of the next token.
    pub at: usize,
    slots: usize,
    /// The slot in which each row begins.
    pub first: Vec<usize>,
    /// Keys and values of each layer, [B, P, K, D], one after the other.
    pub tensors: Vec<Tensor>,
}

/// A row of a cache.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Of which it is.
    pub cache: &'a Cache,
    /// Its number there.
    pub row: usize,
}

impl Part<'_> {
    fn length(&self) -> usize {
        self.cache.at - self.cache.first[self.row]
    }
}

impl Cache {
    /// Of no tokens yet, with room for so many.
    pub fn empty((shape, dtype): (CacheShape, DType), rows: usize, slots: usize) -> Result<Self> {
        let dims = [rows, slots, shape.heads, shape.width];
        let bytes = dims.iter().product::<usize>() * dtype.size_bytes();
        let zeros = || Tensor::try_new(dtype, &dims, MutableBuffer::from_len_zeroed(bytes).into());
        let tensors = (0..2 * shape.layers).map(|_| zeros()).collect::<Result<_>>()?;
        Ok(Cache { shape, dtype, at: 0, slots, first: vec![0; rows], tensors })
    }

    /// These rows, side by side, with room for `more` tokens at least.
    pub fn of((shape, dtype): (CacheShape, DType), parts: &[Part], more: usize) -> Result<Self> {
        let at = parts.iter().map(Part::length).max().unwrap_or(0);
        let slots = (at + more).next_multiple_of(SLOTS);
        let each = shape.heads * shape.width * dtype.size_bytes();
        let first = parts.iter().map(|part| at - part.length()).collect();
        let joined = |n: usize| {
            let mut bytes = MutableBuffer::from_len_zeroed(parts.len() * slots * each);
            for (part, to) in parts.iter().zip(bytes.as_slice_mut().chunks_exact_mut(slots * each)) {
                let from = part.cache.tensors[n].buffer().as_slice();
                let start = (part.row * part.cache.slots + part.cache.first[part.row]) * each;
                let length = part.length() * each;
                to[at * each - length..at * each].copy_from_slice(&from[start..start + length]);
            }
            Tensor::try_new(dtype, &[parts.len(), slots, shape.heads, shape.width], bytes.into())
        };
        let tensors = (0..2 * shape.layers).map(joined).collect::<Result<_>>()?;
        Ok(Cache { shape, dtype, at, slots, first, tensors })
    }

    /// The same with room for `more` tokens.
    pub fn with_room(self, more: usize) -> Result<Self> {
        if self.at + more <= self.slots {
            return Ok(self);
        }
        let parts: Vec<Part> = (0..self.rows()).map(|row| Part { cache: &self, row }).collect();
        Cache::of((self.shape, self.dtype), &parts, more)
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.first.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_end_in_the_same_slot() {
        let shape = CacheShape { layers: 1, heads: 1, width: 1 };
        let filled = |values: Vec<f32>, first: Vec<usize>, at: usize| {
            let (rows, slots) = (first.len(), values.len() / first.len());
            let tensor = Tensor::from_vec(&[rows, slots, 1, 1], values).unwrap();
            Cache { shape, dtype: DType::F32, at, slots, first, tensors: vec![tensor.clone(), tensor] }
        };
        let (two, one) = (filled(vec![1.0, 2.0, 0.0, 9.0, 3.0, 0.0], vec![0, 1], 2), filled(vec![4.0, 5.0, 6.0], vec![0], 3));
        let parts = [Part { cache: &two, row: 1 }, Part { cache: &one, row: 0 }, Part { cache: &two, row: 0 }];
        let all = Cache::of((shape, DType::F32), &parts, 1).unwrap();
        assert_eq!((all.at, all.first.as_slice(), all.slots), (3, &[2, 0, 1][..], SLOTS));
        let values = all.tensors[0].values::<f32>().unwrap();
        let row = |i: usize| &values[i * SLOTS..i * SLOTS + 4];
        assert_eq!([row(0), row(1), row(2)], [[0.0, 0.0, 3.0, 0.0], [4.0, 5.0, 6.0, 0.0], [0.0, 1.0, 2.0, 0.0]]);
    }
}
