//! Folds of rows into groups on a device: one pass over the columns, and a few numbers back.

use std::collections::HashMap;

use gradframe_ml_core::{DType, Error, Result, Sizes};
use gradframe_ml_kernels::grouped::{Folded, Grouped};

use super::body::constants;
use super::launches::{Entries, started};
use super::memory::{Constants, Memory, NARROW_ELEMENTS};
use super::space::Space;
use super::{Device, DeviceTensor, Measured, failed};
use crate::launch::CudaKernel;
use crate::nvrtc::Width;
use crate::print::{grouped as printed, prelude};

/// Folds that are compiled for a device.
pub struct GroupedOnDevice {
    device: Device,
    grouped: Grouped,
    kernel: CudaKernel,
    entries: Entries,
    constants: Constants,
}

impl Device {
    /// The folds with their kernels compiled for this device.
    /// Errors: `NotImplemented` for too many groups, or rows that are not computed each by itself; `Internal` if a kernel does
    /// not compile; `Resources` if the device has no memory for constants.
    pub fn load_grouped(&self, grouped: &Grouped) -> Result<GroupedOnDevice> {
        let kernel = printed::print(grouped, "grouped")?;
        let module = self.module(&format!("{}\n{}", prelude(&kernel.source), kernel.source), Width::Narrow)?;
        let mut functions = HashMap::new();
        for launch in &kernel.launches {
            functions.insert(launch.entry.clone(), module.load_function(&launch.entry).map_err(failed)?);
        }
        let constants = constants(self, grouped.program().schedule())?;
        let entries = Entries { functions, width: Width::Narrow };
        Ok(GroupedOnDevice { device: self.clone(), grouped: grouped.clone(), kernel, entries, constants })
    }
}

impl GroupedOnDevice {
    /// What the folds give of all rows, which lie on the device. The same bits in every run. Waits for it.
    /// Errors: `Shape` or `DType` naming the argument that does not fit; `Resources` for 2^30 rows or more, or if the
    /// device's memory is short.
    pub fn run_there(&self, inputs: &[DeviceTensor]) -> Result<Vec<Folded>> {
        Ok(self.run_measured(inputs)?.0)
    }

    /// As [`GroupedOnDevice::run_there`]; says what it moved and how long that took.
    pub fn run_measured(&self, inputs: &[DeviceTensor]) -> Result<(Vec<Folded>, Measured)> {
        let types: Vec<(DType, &[usize])> = inputs.iter().map(|input| (input.dtype(), input.shape())).collect();
        let sizes = self.grouped.program().bind_types(&types)?;
        let rows = inputs.first().map_or(0, |input| input.shape()[0]);
        if rows == 0 {
            return Ok((self.grouped.nothing(), Measured::default()));
        }
        if rows >= NARROW_ELEMENTS {
            return Err(Error::resources("cuda", format!("{rows} rows are more than one run folds")).hint("fold them in parts"));
        }
        let (totals, kernels_s) = self.device.timed(|| self.totals(inputs, &sizes))?;
        let (totals, from_device_s) = self.device.timed(|| self.device.get(&totals))?;
        let bytes_from_device = totals.buffer().len();
        Ok((
            printed::folded(&self.grouped, totals.values::<u64>()?)?,
            Measured { bytes_from_device, kernels_s, from_device_s, ..Measured::default() },
        ))
    }

    /// Starts the kernels; what they leave, on the device.
    pub fn totals(&self, inputs: &[DeviceTensor], sizes: &Sizes) -> Result<DeviceTensor> {
        let schedule = self.grouped.program().schedule();
        let space = Space::for_kernel(&self.device, schedule, &self.kernel, sizes)?;
        let memory = Memory::new(&self.device, schedule, &self.constants, &space, inputs.to_vec(), sizes);
        let missing = || Error::internal("cuda", "folds without a result");
        let totals = started(&self.entries, &self.kernel, &memory)?.pop().ok_or_else(missing)?;
        let words = printed::WORDS * self.grouped.groups() * self.grouped.folds().len();
        Ok(DeviceTensor::new(DType::U64, vec![words], 0, totals))
    }
}

impl std::fmt::Debug for GroupedOnDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupedOnDevice")
    }
}
