//! A device's memory: a pool of the driver's, within a budget.
//!
//! What is freed stays in the pool, where the next allocation costs next to nothing. It goes back to the driver when nothing is
//! in use, when the driver has nothing left, and when that is asked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cudarc::driver::result::{self, mem_pool};
use cudarc::driver::sys::CUmemPool_attribute as Attribute;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr, DriverError, sys};
use gradframe_ml_core::Result;

use super::budget::{Budget, Taken};
use super::failed;

/// Bytes that stay in the pool when nothing is in use.
const KEPT_IDLE: usize = 1 << 30;

/// The memory of a device that this process may use.
pub struct Pool {
    /// None: the driver has no pools here, and each allocation is its own.
    handle: Option<Handle>,
    /// In whose order memory is freed.
    stream: Arc<CudaStream>,
    budget: Arc<Budget>,
    /// Allocations that there are.
    live: AtomicUsize,
}

struct Handle(sys::CUmemoryPool);

// SAFETY: the driver says that threads may share a pool.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody uses it after this; that it cannot be destroyed is nothing that a caller could mend.
        let _ = unsafe { mem_pool::destroy(self.0) };
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} of {} bytes)", self.budget.used(), self.budget.bytes())
    }
}

/// Memory on a device. Freed, in the order of the device's stream, and given back when dropped.
pub struct Allocation {
    slice: CudaSlice<u8>,
    _taken: Taken,
    _live: Live,
}

/// One of a pool's allocations.
struct Live(Arc<Pool>);

impl Pool {
    /// Of the device of a stream, in which all memory is freed.
    pub fn new(stream: &Arc<CudaStream>, budget: Budget) -> std::result::Result<Self, DriverError> {
        let context = stream.context();
        let handle = if context.has_async_alloc() { Some(Handle::new(context)?) } else { None };
        Ok(Pool { handle, stream: Arc::clone(stream), budget: Arc::new(budget), live: 0.into() })
    }

    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Memory whose first use is in this stream; the device's own has to wait for it before it uses or frees it.
    /// Errors: `Resources` with what is asked for, used and allowed.
    pub fn allocated(self: &Arc<Self>, bytes: usize, first: &CudaStream) -> Result<Arc<Allocation>> {
        let taken = self.budget.take(bytes)?;
        let bytes = bytes.max(1);
        let address = match self.given(bytes, first) {
            Err(error) if is_short(error) => {
                self.trim(0)?;
                self.given(bytes, first)
            }
            given => given,
        };
        let short = |error| if is_short(error) { self.budget.short_of(bytes).because(error) } else { failed(error) };
        let address = address.map_err(short)?;
        self.live.fetch_add(1, Ordering::AcqRel);
        // SAFETY: the driver has given so many bytes at this address; bytes have any value, and nothing reads before something
        // writes.
        let slice = unsafe { self.stream.upgrade_device_ptr::<u8>(address, bytes) };
        Ok(Arc::new(Allocation { slice, _taken: taken, _live: Live(Arc::clone(self)) }))
    }

    fn given(&self, bytes: usize, first: &CudaStream) -> std::result::Result<sys::CUdeviceptr, DriverError> {
        first.context().bind_to_thread()?;
        // SAFETY: pool and stream are there as long as `self` and `first` are.
        match &self.handle {
            Some(pool) => unsafe { mem_pool::alloc_async(pool.0, bytes, first.cu_stream()) },
            None => unsafe { result::malloc_sync(bytes) },
        }
    }

    /// Gives back to the driver what is not in use, but for so many bytes. Waits for what was started.
    /// Errors: `External` if something that was started failed.
    pub fn trim(&self, kept: usize) -> Result<()> {
        self.stream.synchronize().map_err(failed)?; // what waits to be freed is then free
        let Some(pool) = &self.handle else { return Ok(()) };
        // SAFETY: the pool is there.
        unsafe { mem_pool::trim_to(pool.0, kept) }.map_err(failed)
    }

    /// Bytes that the driver has given: those in use, and those that are kept for what comes.
    /// Errors: `External` if the driver does not say.
    pub fn reserved(&self) -> Result<usize> {
        let Some(pool) = &self.handle else { return Ok(self.budget.used()) };
        let mut bytes = 0u64;
        let attribute = Attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT;
        // SAFETY: the pool is there; the attribute is 64 bits wide.
        unsafe { mem_pool::get_attribute(pool.0, attribute, (&raw mut bytes).cast()) }.map_err(failed)?;
        Ok(bytes as usize)
    }

    /// Nothing is in use: a large part of the pool goes back to the driver.
    fn rest(&self) {
        if self.budget.most() > KEPT_IDLE {
            self.budget.forget_most();
            // What is not given back now is given back by the next one.
            let _ = self.trim(KEPT_IDLE);
        }
    }
}

impl Handle {
    fn new(context: &CudaContext) -> std::result::Result<Self, DriverError> {
        let location =
            sys::CUmemLocation { type_: sys::CUmemLocationType::CU_MEM_LOCATION_TYPE_DEVICE, id: context.ordinal() as i32 };
        let properties = sys::CUmemPoolProps {
            allocType: sys::CUmemAllocationType::CU_MEM_ALLOCATION_TYPE_PINNED,
            handleTypes: sys::CUmemAllocationHandleType::CU_MEM_HANDLE_TYPE_NONE,
            location,
            win32SecurityAttributes: std::ptr::null_mut(),
            maxSize: 0,
            usage: 0,
            reserved: [0; 54],
        };
        let (mut all, mut no) = (u64::MAX, 0i32);
        // SAFETY: the properties are of a device that is there; the attributes are 64 and 32 bits wide.
        unsafe {
            let pool = Handle(mem_pool::create(&properties)?);
            mem_pool::set_attribute(pool.0, Attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, (&raw mut all).cast())?;
            // Else what is copied would wait for kernels whose memory it could take.
            let waiting = Attribute::CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES;
            mem_pool::set_attribute(pool.0, waiting, (&raw mut no).cast())?;
            Ok(pool)
        }
    }
}

impl Allocation {
    /// Where it begins.
    pub fn address(&self, stream: &CudaStream) -> u64 {
        // Events are not tracked: what the guard would wait for is waited for by whoever uses other streams.
        self.slice.device_ptr(stream).0
    }

    pub fn slice(&self) -> &CudaSlice<u8> {
        &self.slice
    }

    pub fn slice_mut(&mut self) -> &mut CudaSlice<u8> {
        &mut self.slice
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.0.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.rest();
        }
    }
}

fn is_short(error: DriverError) -> bool {
    error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY
}
