//! The process's CUDA device: nothing of it is looked for before a plan wants one.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gradframe_gpu::device::{self, GroupedOnDevice, Measured, OnDevice};
use gradframe_gpu::nvrtc::Width;
use gradframe_gpu::print;
use gradframe_ml_core::{DType, Error, MemorySize, Result, Tensor};
use gradframe_ml_kernels::grouped::{Folded, Grouped};
use gradframe_ml_kernels::{Backend, Program};
use parking_lot::Mutex;

use super::pinned::elsewhere;
use super::{Device, Loaded, LoadedFolds, PinnedColumn, There};

/// The first device. Programs are loaded one at a time, so that none is compiled twice; runs take turns on the device, where the
/// copies of one go over the bus while another's kernels run.
#[derive(Debug)]
struct Cuda {
    device: device::Device,
    loading: Mutex<()>,
}

/// What sessions have said about the device's memory, and the device itself once it is open.
#[derive(Debug)]
struct Shared {
    memory_limit: Option<MemorySize>,
    device: Option<device::Device>,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { memory_limit: None, device: None });

/// The process's device, opened at the first call. Errors: `NoDevice` saying what is missing, the same at every call.
pub(super) fn device() -> std::result::Result<Arc<dyn Device>, &'static Error> {
    static DEVICE: OnceLock<Result<Arc<Cuda>>> = OnceLock::new();
    let opened = DEVICE.get_or_init(|| Ok(Arc::new(Cuda { device: open()?, loading: Mutex::default() })));
    opened.as_ref().map(|device| Arc::clone(device) as Arc<dyn Device>)
}

fn open() -> Result<device::Device> {
    let mut shared = SHARED.lock();
    let device = device::Device::open(0)?;
    if let Some(limit) = &shared.memory_limit {
        device.limit_memory(Some(limit));
    }
    shared.device = Some(device.clone());
    Ok(device)
}

/// Limits what all sessions of the process together may have in use of the device's memory, at once if it is open and otherwise
/// when it is; None takes the limit back. What is in use stays so.
pub fn limit_device_memory(limit: Option<MemorySize>) {
    let mut shared = SHARED.lock();
    if let Some(device) = &shared.device {
        device.limit_memory(limit.as_ref());
    }
    shared.memory_limit = limit;
}

impl Device for Cuda {
    fn name(&self) -> &str {
        "cuda:0"
    }

    fn takes(&self, program: &Program) -> Result<()> {
        program.for_device().and_then(|schedule| print::program(&schedule)).map(|_| ())
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>> {
        let _one = self.loading.lock();
        Ok(Box::new(CudaProgram(self.device.load(program, Width::Narrow)?)))
    }

    fn column(&self, dtype: DType, rows: usize) -> Result<Box<dyn PinnedColumn>> {
        Ok(Box::new(self.device.column(dtype, rows)?))
    }

    fn load_folds(&self, folds: &Grouped) -> Result<Box<dyn LoadedFolds>> {
        let _one = self.loading.lock();
        Ok(Box::new(CudaFolds(self.device.load_grouped(folds)?)))
    }

    fn backend(&self) -> &dyn Backend {
        &self.device
    }
}

#[derive(Debug)]
struct CudaFolds(GroupedOnDevice);

impl LoadedFolds for CudaFolds {
    fn run(&self, columns: &[There]) -> Result<(Vec<Folded>, Measured)> {
        let of = |column: &There| match column {
            There::Cuda(tensor) => Ok(tensor.clone()),
            There::Host(_) => Err(elsewhere()),
        };
        self.0.run_measured(&columns.iter().map(of).collect::<Result<Vec<_>>>()?)
    }
}

struct CudaProgram(OnDevice);

impl Loaded for CudaProgram {
    fn run(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)> {
        self.0.run_measured(inputs)
    }
}

impl fmt::Debug for CudaProgram {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("CudaProgram")
    }
}
