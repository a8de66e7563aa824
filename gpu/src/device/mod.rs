//! A CUDA device: its memory, its streams, and programs that run on it.
//!
//! `driver`: whether one can be opened. `budget`, `pool`: memory. `tensor`: arrays that lie there. `staging`, `host`: copies over
//! the bus, beside the kernels, and where they arrive. `loaded`: a compiled program and its runs; `body`: its constants and steps.
//! `space`, `memory`, `launches`, `control`: what a run needs, what it has, what it starts, and loops and choices, which the host drives. `replay`: runs that are repeated are captured and
//! replayed. `turns`: runs that are under way at once. `modules`: compiled code, kept here and on the disk. `products`:
//! contractions that cuBLASLt computes. `columns`: long columns, copied there in parts. `grouped`: folds of rows into groups.
//! `compact`: the elements that a mask keeps. `steps`: a training's steps, whose state stays there. `span`: time. `testing`: what these modules' tests share.

mod body;
mod budget;
mod columns;
mod compact;
mod control;
mod driver;
mod grouped;
mod host;
mod launches;
mod loaded;
mod memory;
mod modules;
mod pool;
mod products;
mod replay;
mod space;
mod span;
mod staging;
mod steps;
mod tensor;
#[cfg(test)]
mod testing;
mod turns;

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, sys};
use gradframe_ml_core::{Error, MemorySize, Result};
use parking_lot::Mutex;

use self::budget::Budget;
pub use self::budget::VARIABLE as MEMORY_VARIABLE;
pub use self::columns::ColumnBuilder;
pub use self::grouped::GroupedOnDevice;
use self::host::Blocks;
pub use self::loaded::{Measured, OnDevice};
use self::memory::NARROW_ELEMENTS;
use self::modules::Modules;
use self::pool::{Allocation, Pool};
use self::products::Library;
use self::replay::AllReplays;
use self::span::Span;
use self::staging::Lanes;
pub use self::tensor::DeviceTensor;
use self::turns::Turns;
use crate::kept::KeptCode;
use crate::nvrtc::Nvrtc;

/// One part in so many of the memory's budget may stay with runs that are repeated.
const STAYING: usize = 4;
/// Bytes of the host's memory that are pinned for results, at most, and one part in so many of the device's.
const PINNED_MAX: usize = 1 << 30;
const PINNED_SHARE: usize = 8;

/// A device that is there, with a stream of its own in which kernels run one after the other.
#[derive(Debug, Clone)]
pub struct Device {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// What is captured is started here, so that nothing of other threads gets into it.
    captured: Arc<Mutex<Arc<CudaStream>>>,
    /// Whoever starts kernels that are timed.
    starting: Arc<Mutex<()>>,
    pool: Arc<Pool>,
    /// What repeated runs may keep of it, and do.
    staying: Arc<Budget>,
    replays: Arc<AllReplays>,
    /// Fewer positions than these are counted with 32 bits.
    narrow_positions: usize,
    lanes: Arc<Lanes>,
    blocks: Arc<Blocks>,
    turns: Arc<Turns>,
    nvrtc: Nvrtc,
    architecture: String,
    modules: Arc<Modules>,
    library: Library,
    has_graphs: bool,
}

impl Device {
    /// The device of this number, from 0. Its memory's budget is what `GRADFRAME_CUDA_MEMORY` says, else 80 % of what is free.
    /// Errors: `NoDevice` if the driver, the compiler or the device is missing, or the driver is too old; `Plan` if the variable
    /// says no size.
    pub fn open(number: usize) -> Result<Self> {
        driver::check()?;
        let nvrtc = Nvrtc::find(&[])?;
        let unusable = |e: DriverError| driver::unusable(number, e);
        let context = CudaContext::new(number).map_err(unusable)?;
        let (major, minor) = context.compute_capability().map_err(unusable)?;
        let stream = context.new_stream().map_err(unusable)?;
        // SAFETY: kernels run in one stream, where one thing waits for the other; copies in others are waited for by hand.
        unsafe { context.disable_event_tracking() };
        let budget = Budget::of_environment(context.mem_get_info().map_err(unusable)?.0)?;
        let staying = Arc::new(Budget::new(budget.bytes() / STAYING));
        let pinned = PINNED_MAX.min(budget.bytes() / PINNED_SHARE);
        Ok(Device {
            captured: Arc::new(Mutex::new(context.new_stream().map_err(unusable)?)),
            starting: Arc::default(),
            pool: Arc::new(Pool::new(&stream, budget).map_err(unusable)?),
            blocks: Arc::new(Blocks::new(&context, pinned)),
            staying,
            replays: Arc::default(),
            narrow_positions: NARROW_ELEMENTS,
            lanes: Arc::new(Lanes::new(&context).map_err(unusable)?),
            turns: Arc::default(),
            nvrtc,
            architecture: format!("sm_{major}{minor}"),
            modules: Arc::new(Modules::new(KeptCode::of_user())),
            library: Library::default(),
            has_graphs: true,
            context,
            stream,
        })
    }

    /// The same device; programs that it loads start their kernels one by one in every run.
    pub fn without_graphs(&self) -> Self {
        Device { has_graphs: false, ..self.clone() }
    }

    /// The same device; trainings count so many positions and more with 64 bits: 2^30 unless asked for, and no more than that.
    pub fn with_narrow_positions(&self, most: usize) -> Self {
        Device { narrow_positions: most.min(NARROW_ELEMENTS), ..self.clone() }
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

    /// Bytes that may be in use at once: more is a `Resources` error.
    pub fn memory_budget(&self) -> usize {
        self.pool.budget().bytes()
    }

    /// Sets [`Device::memory_budget`], for all who use this device. What is in use stays so.
    pub fn set_memory_budget(&self, bytes: usize) {
        self.pool.budget().set(bytes);
        self.staying.set(bytes / STAYING);
    }

    /// Sets [`Device::memory_budget`] to a size, or a share of what was free when the device was opened; None is what it was then.
    pub fn limit_memory(&self, size: Option<&MemorySize>) {
        self.pool.budget().limit(size);
        self.staying.set(self.memory_budget() / STAYING);
    }

    /// Bytes in use: by arrays, constants of loaded programs, what repeated runs keep, and cuBLASLt.
    pub fn memory_used(&self) -> usize {
        self.pool.budget().used()
    }

    /// Bytes that the driver has given to this device's pool: those in use, and those that are kept for what comes.
    /// Errors: `External` if the driver does not say.
    pub fn memory_reserved(&self) -> Result<usize> {
        self.pool.reserved()
    }

    /// Gives memory that is not in use back to the driver, and the host's that was pinned for results. Waits for what was started. Once nothing is in use, all but 1 GiB
    /// goes back without being asked for.
    /// Errors: `External` if something that was started failed.
    pub fn trim(&self) -> Result<()> {
        self.pool.trim(0)?;
        self.blocks.forget();
        Ok(())
    }

    /// Waits until all that was started is done.
    /// Errors: `External` if something that was started failed.
    pub fn synchronize(&self) -> Result<()> {
        self.stream.synchronize().map_err(failed)
    }

    /// What `work` gives, and the seconds that what it starts takes on the device.
    /// Errors: those of `work`; `External` if the driver fails.
    pub fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
        let (result, span) = Span::around(&self.stream, work)?;
        Ok((result, span.seconds()?))
    }

    /// An event that says when all that was started before it is done.
    fn mark(&self) -> Result<CudaEvent> {
        self.stream.record_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT)).map_err(failed)
    }

    fn allocated(&self, bytes: usize) -> Result<Arc<Allocation>> {
        self.allocated_in(bytes, &self.stream)
    }

    /// As [`Device::allocated`], for memory whose first use is in this stream.
    fn allocated_in(&self, bytes: usize, first: &CudaStream) -> Result<Arc<Allocation>> {
        self.with_room(|| self.pool.allocated(bytes, first))
    }

    /// What `take` gives; where memory is short, what repeated runs keep goes back first.
    fn with_room<T>(&self, take: impl Fn() -> Result<T>) -> Result<T> {
        match take() {
            Err(Error::Resources(_)) => {
                self.replays.give_back(); // or another thread has just now
                take()
            }
            taken => taken,
        }
    }
}

fn failed(error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::resources("cuda", "the device's memory is short").because(error),
        _ => Error::external("cuda", "the driver failed").because(error),
    }
}
