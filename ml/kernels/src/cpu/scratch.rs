//! Memory that runs of a program use again and again.

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::Tensor;

/// Of the widest element type.
const ALIGNMENT_BYTES: usize = 8;
/// Results that are kept for later ones of the same size, at most.
const POOLED_MAX: usize = 64;

/// Memory that runs of a program use again. One for each thread that runs programs side by side.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The schedule's slots.
    pub(super) slots: Vec<MutableBuffer>,
    /// Memory of tensors that nobody needs any more.
    pool: Vec<MutableBuffer>,
}

impl Scratch {
    /// Empty; it grows to what programs need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.slots.iter().chain(&self.pool).map(MutableBuffer::capacity).sum()
    }

    /// Takes back the memory of a tensor, for a later result of the same size. Nothing happens if somebody else still
    /// holds the tensor.
    pub fn recycle(&mut self, tensor: Tensor) {
        let Ok(memory) = tensor.into_buffer().into_mutable() else { return };
        if memory.is_empty() || memory.as_ptr().align_offset(ALIGNMENT_BYTES) != 0 {
            return;
        }
        if self.pool.len() == POOLED_MAX {
            self.pool.remove(0); // the one that has waited longest
        }
        self.pool.push(memory);
    }

    /// Memory of this many bytes, with anything in it.
    pub(super) fn memory(&mut self, bytes: usize) -> MutableBuffer {
        match self.pool.iter().rposition(|m| m.len() == bytes) {
            Some(i) => self.pool.swap_remove(i),
            None => MutableBuffer::from_len_zeroed(bytes),
        }
    }
}
