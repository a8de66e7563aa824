//! A device for tests: the CPU, with little memory of its own.

use gradframe_gpu::device::Measured;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::grouped::Grouped;
use gradframe_ml_kernels::{Backend, Program, Threads};

use super::pinned::{HostColumn, HostFolds};
use super::{Device, Loaded, LoadedFolds, PinnedColumn};

/// The CPU as a device.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// Rows that its memory holds of each argument.
    pub rows_max: usize,
    /// Whether it has a form of nothing.
    pub takes_nothing: bool,
}

impl Default for Simulated {
    fn default() -> Self {
        Simulated { rows_max: usize::MAX, takes_nothing: false }
    }
}

#[derive(Debug)]
struct Run {
    program: Program,
    rows_max: usize,
}

impl Device for Simulated {
    fn name(&self) -> &str {
        "simulated:0"
    }

    fn takes(&self, _program: &Program) -> Result<()> {
        if self.takes_nothing { Err(Error::not_implemented("simulated", "it has no form here")) } else { Ok(()) }
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>> {
        self.takes(program)?;
        Ok(Box::new(Run { program: program.clone(), rows_max: self.rows_max }))
    }

    fn column(&self, dtype: DType, rows: usize) -> Result<Box<dyn PinnedColumn>> {
        if self.rows_max == 0 {
            return Err(Error::resources("simulated", "the device's memory is short"));
        }
        Ok(Box::new(HostColumn::new(dtype, rows)))
    }

    fn piece_rows(&self) -> usize {
        self.rows_max.max(1)
    }

    fn load_folds(&self, folds: &Grouped) -> Result<Box<dyn LoadedFolds>> {
        self.takes(folds.program())?;
        folds.rows()?; // as a device wants them
        Ok(Box::new(HostFolds(folds.clone())))
    }

    fn backend(&self) -> &dyn Backend {
        &Threads::Pool
    }
}

impl Loaded for Run {
    fn run(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)> {
        if inputs.iter().any(|input| input.shape()[0] > self.rows_max) {
            return Err(Error::resources("simulated", "the device's memory is short"));
        }
        let results = self.program.run(inputs)?;
        let bytes = |tensors: &[Tensor]| tensors.iter().map(|tensor| tensor.buffer().len()).sum();
        let (bytes_to_device, bytes_from_device) = (bytes(inputs), bytes(&results));
        Ok((results, Measured { bytes_to_device, bytes_from_device, ..Measured::default() }))
    }
}
