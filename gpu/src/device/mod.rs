//! A CUDA device: its memory, its stream, and programs that run on it.
//!
//! `tensor`: arrays that lie there. `loaded`: a compiled program and its runs. `memory`, `launches`, `control`: what a run
//! has, what it starts, and loops and choices, which the host drives. `modules`: compiled code, kept here and on the disk.
//! `columns`: long columns, copied there in parts. `grouped`: folds of rows into groups.
//! `products`: contractions that cuBLASLt computes. `steps`: a training's steps, whose state stays there.

mod columns;
mod control;
mod grouped;
mod launches;
mod loaded;
mod memory;
mod modules;
mod products;
mod steps;
mod tensor;

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DriverError, sys};
use gradframe_ml_core::{Error, Result};

pub use self::columns::ColumnBuilder;
pub use self::grouped::GroupedOnDevice;
pub use self::loaded::{Measured, OnDevice};
use self::modules::Modules;
use self::products::Library;
pub use self::tensor::DeviceTensor;
use crate::kept::KeptCode;
use crate::nvrtc::Nvrtc;

/// A device that is there, with a stream of its own.
#[derive(Debug, Clone)]
pub struct Device {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    nvrtc: Nvrtc,
    architecture: String,
    modules: Arc<Modules>,
    library: Library,
}

impl Device {
    /// The device of this number, from 0.
    /// Errors: `NoDevice` if the driver, the compiler or the device is missing.
    pub fn open(number: usize) -> Result<Self> {
        // SAFETY: looks for the driver's library, and nothing else: calling it where it is missing would panic.
        if !unsafe { sys::is_culib_present() } {
            return Err(Error::no_device("cuda", "libcuda was not found").hint("it comes with NVIDIA's driver"));
        }
        let nvrtc = Nvrtc::find(&[])?;
        let none = |e: DriverError| Error::no_device("cuda", format!("device {number} cannot be used")).because(e);
        let context = CudaContext::new(number).map_err(none)?;
        let (major, minor) = context.compute_capability().map_err(none)?;
        let stream = context.new_stream().map_err(none)?;
        // SAFETY: all work of a device is given to one stream, in which one thing waits for the other.
        unsafe { context.disable_event_tracking() };
        keep_freed_memory(&context).map_err(none)?;
        let modules = Arc::new(Modules::new(KeptCode::of_user()));
        let architecture = format!("sm_{major}{minor}");
        Ok(Device { context, stream, nvrtc, architecture, modules, library: Library::default() })
    }

    /// The device's name and architecture.
    /// Errors: `External` if the driver does not say.
    pub fn name(&self) -> Result<String> {
        Ok(format!("{} ({})", self.context.name().map_err(failed)?, self.architecture))
    }

    /// Bytes of memory that are free, and bytes in all. What this process has freed and keeps for itself is not free.
    /// Errors: `External` if the driver does not say.
    pub fn memory(&self) -> Result<(usize, usize)> {
        self.context.mem_get_info().map_err(failed)
    }

    /// Waits until all that was started is done.
    /// Errors: `External` if something that was started failed.
    pub fn synchronize(&self) -> Result<()> {
        self.stream.synchronize().map_err(failed)
    }

    /// What `work` gives, and the seconds that what it starts takes on the device.
    /// Errors: those of `work`; `External` if the driver fails.
    pub fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
        let mark = || self.stream.record_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT)).map_err(failed);
        let start = mark()?;
        let result = work()?;
        let end = mark()?;
        let milliseconds = start.elapsed_ms(&end).map_err(failed)?;
        Ok((result, f64::from(milliseconds) / 1000.0))
    }

    fn allocated(&self, bytes: usize) -> Result<Arc<CudaSlice<u8>>> {
        // SAFETY: bytes have any value; kernels and copies write before anything reads.
        let memory = unsafe { self.stream.alloc::<u8>(bytes.max(1)) };
        memory.map(Arc::new).map_err(|error| short_of(bytes, error))
    }
}

/// Memory that is freed stays with the process until it ends: the next allocation costs nothing.
fn keep_freed_memory(context: &Arc<CudaContext>) -> std::result::Result<(), DriverError> {
    if !context.has_async_alloc() {
        return Ok(());
    }
    let (mut pool, mut all) = (std::ptr::null_mut(), u64::MAX);
    // SAFETY: the device is there; `pool` is written; the attribute is 64 bits wide.
    unsafe {
        sys::cuDeviceGetDefaultMemPool(&mut pool, context.cu_device()).result()?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        sys::cuMemPoolSetAttribute(pool, attribute, (&raw mut all).cast()).result()
    }
}

fn short_of(bytes: usize, error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            Error::resources("cuda", format!("the device's memory is short of {bytes} bytes")).because(error)
        }
        _ => failed(error),
    }
}

fn failed(error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::resources("cuda", "the device's memory is short").because(error),
        _ => Error::external("cuda", "the driver failed").because(error),
    }
}
