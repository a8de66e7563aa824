//! The host's memory for what comes from a device: pinned, so that the bus writes to it, and used again and again, since a fresh
//! page costs more than what the bus brings in that time.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::{Buffer, MutableBuffer};
use cudarc::driver::{CudaContext, PinnedHostSlice};
use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::budget::{Budget, Taken};

/// Smaller arrays come into memory of their own: the allocator's has its pages already.
const LENT_MIN: usize = 1 << 20;
/// Sizes of blocks are multiples of this.
const GRAIN: usize = 2 << 20;

/// Pinned blocks, lent to arrays.
pub struct Blocks {
    context: Arc<CudaContext>,
    /// Of all blocks, lent or not.
    budget: Arc<Budget>,
    free: Mutex<Vec<Block>>,
}

struct Block {
    memory: PinnedHostSlice<u8>,
    _taken: Taken,
}

/// A block that is lent; it goes back when this is dropped.
pub struct Lent {
    block: Option<Block>,
    bytes: usize,
    blocks: Arc<Blocks>,
}

/// Where an array of the device's arrives.
pub enum Arriving {
    Pinned(Lent),
    Plain(MutableBuffer),
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocks({} of {} bytes)", self.budget.used(), self.budget.bytes())
    }
}

impl Blocks {
    /// Blocks of so many bytes together, at most.
    pub fn new(context: &Arc<CudaContext>, bytes_max: usize) -> Self {
        Blocks { context: Arc::clone(context), budget: Arc::new(Budget::new(bytes_max)), free: Mutex::default() }
    }

    /// Memory for so many bytes, aligned to any element: a block, if one is to be had, and else memory of its own.
    pub fn arriving(self: &Arc<Self>, bytes: usize) -> Arriving {
        let lent = if bytes >= LENT_MIN { self.lent(bytes) } else { None };
        lent.map_or_else(|| Arriving::Plain(fresh(bytes)), Arriving::Pinned)
    }

    fn lent(self: &Arc<Self>, bytes: usize) -> Option<Lent> {
        let size = bytes.next_multiple_of(GRAIN);
        let block = self.known(size).or_else(|| self.new_block(size)).or_else(|| {
            self.forget(); // of other sizes
            self.new_block(size)
        })?;
        Some(Lent { block: Some(block), bytes, blocks: Arc::clone(self) })
    }

    fn known(&self, size: usize) -> Option<Block> {
        let mut free = self.free.lock();
        let at = free.iter().rposition(|block| (size..=size + size / 4).contains(&block.memory.len()))?;
        Some(free.remove(at))
    }

    fn new_block(&self, size: usize) -> Option<Block> {
        let taken = self.budget.take(size).ok()?;
        // SAFETY: bytes have any value; the device's are written before anything reads.
        let memory = unsafe { self.context.alloc_pinned_with_flags::<u8>(size, 0) }.ok()?;
        Some(Block { memory, _taken: taken })
    }

    /// Gives back to the host what is not lent. Waits for what was started: a copy of a few bytes may still read a block.
    pub fn forget(&self) {
        if self.context.synchronize().is_ok() {
            self.free.lock().clear(); // else the device has failed, and they stay
        }
    }
}

impl Lent {
    fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        let gone = || Error::internal("cuda", "a block that was given back");
        let memory = self.block.as_mut().ok_or_else(gone)?.memory.as_mut_slice().map_err(super::failed)?;
        Ok(&mut memory[..self.bytes])
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.blocks.free.lock().extend(self.block.take());
    }
}

impl Arriving {
    pub fn is_pinned(&self) -> bool {
        matches!(self, Arriving::Pinned(_))
    }

    pub fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        match self {
            Arriving::Pinned(lent) => lent.bytes_mut(),
            Arriving::Plain(bytes) => Ok(bytes.as_slice_mut()),
        }
    }

    /// The bytes, as an array has them.
    pub fn into_buffer(mut self) -> Result<Buffer> {
        let bytes = self.bytes_mut()?;
        let (start, length) = (NonNull::from(&mut *bytes).cast::<u8>(), bytes.len());
        Ok(match self {
            // SAFETY: the block has so many bytes there, and stays until the buffer's owner is dropped; nobody else has it.
            Arriving::Pinned(lent) => unsafe { Buffer::from_custom_allocation(start, length, Arc::new(AssertUnwindSafe(lent))) },
            Arriving::Plain(bytes) => bytes.into(),
        })
    }
}

/// Zeros, in large pages where the system has them.
fn fresh(bytes: usize) -> MutableBuffer {
    let mut fresh = MutableBuffer::from_len_zeroed(bytes);
    #[cfg(target_os = "linux")]
    if bytes >= 2 * GRAIN {
        unsafe extern "C" {
            fn madvise(address: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
        }
        const MADV_HUGEPAGE: i32 = 14;
        let start = fresh.as_mut_ptr();
        let before = start.align_offset(GRAIN);
        let length = (bytes - before) / GRAIN * GRAIN;
        // SAFETY: the memory is this buffer's; its contents do not change. If the system has no large pages, nothing does.
        unsafe { madvise(start.add(before).cast(), length, MADV_HUGEPAGE) };
    }
    fresh
}
