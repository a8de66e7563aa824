//! Programs on a device: compiled once, run for any sizes.

use std::collections::HashMap;

use gradframe_ml_core::{DType, Error, Result, Sizes, Tensor};
use gradframe_ml_kernels::Program;
use gradframe_ml_kernels::schedule::{Kernel, Schedule, Source};

use super::launches::{Entries, start};
use super::memory::{Constants, Memory, NARROW_ELEMENTS, positions_max};
use super::{Device, DeviceTensor, failed};
use crate::nvrtc::Width;
use crate::print::{self, Step};

/// A program on a device.
pub struct OnDevice {
    program: Program,
    code: Code,
    body: Body,
}

/// Where a run's time went, and what it moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Bytes of arguments that were copied to the device.
    pub bytes_to_device: usize,
    /// Bytes of results that were copied back.
    pub bytes_from_device: usize,
    /// Seconds of the copies there.
    pub to_device_s: f64,
    /// Seconds of the kernels.
    pub kernels_s: f64,
    /// Seconds of the copies back.
    pub from_device_s: f64,
}

/// A module on a device.
pub struct Code {
    pub device: Device,
    entries: Entries,
}

/// A schedule's constants and steps.
pub struct Body {
    constants: Constants,
    steps: Vec<Work>,
}

enum Work {
    Kernel(crate::launch::CudaKernel),
    Repeat { condition: Option<Body>, body: Box<Body> },
    Choose(Box<[Body; 2]>),
}

impl Device {
    /// The program with its kernels compiled for this device. Arrays of 2^30 elements and more need `Width::Wide`.
    /// Errors: `NotImplemented` for what has no CUDA form; `Internal` if a kernel does not compile; `Resources` if the
    /// device has no memory for its constants.
    pub fn load(&self, program: &Program, width: Width) -> Result<OnDevice> {
        let printed = print::program(program.schedule())?;
        let module = self.module(&printed.source, width)?;
        let mut functions = HashMap::new();
        for launch in printed.launches() {
            functions.insert(launch.entry.clone(), module.load_function(&launch.entry).map_err(failed)?);
        }
        let body = Body::new(self, program.schedule(), printed.steps)?;
        let code = Code { device: self.clone(), entries: Entries { functions, width } };
        Ok(OnDevice { program: program.clone(), code, body })
    }
}

impl OnDevice {
    /// The function's results: arguments are copied to the device and results back. The same bits in every run.
    /// Errors: `Shape` or `DType` naming the argument that does not fit; `Resources` if the device's memory is short.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.program.bind(inputs)?;
        let inputs = inputs.iter().map(|input| self.code.device.put(input)).collect::<Result<_>>()?;
        self.run_owned(inputs)?.iter().map(|result| self.code.device.get(result)).collect()
    }

    /// As [`OnDevice::run`]; says what it moved and how long that took.
    pub fn run_measured(&self, inputs: &[Tensor]) -> Result<(Vec<Tensor>, Measured)> {
        self.program.bind(inputs)?;
        let device = &self.code.device;
        let (there, to_device_s) = device.timed(|| inputs.iter().map(|input| device.put(input)).collect::<Result<_>>())?;
        let (results, kernels_s) = device.timed(|| self.run_owned(there))?;
        let (back, from_device_s) = device.timed(|| results.iter().map(|r| device.get(r)).collect::<Result<Vec<_>>>())?;
        let measured = Measured {
            bytes_to_device: inputs.iter().map(|input| input.buffer().len()).sum(),
            bytes_from_device: results.iter().map(DeviceTensor::size_bytes).sum(),
            to_device_s,
            kernels_s,
            from_device_s,
        };
        Ok((back, measured))
    }

    /// As [`OnDevice::run`], for arguments on the device; the results stay there. Comes back before they are computed.
    pub fn run_there(&self, inputs: &[DeviceTensor]) -> Result<Vec<DeviceTensor>> {
        self.run_owned(inputs.to_vec())
    }

    /// As [`OnDevice::run_there`], but the arguments are given away: a result that may take the place of an argument which
    /// nobody else holds is written over it. So a training step updates its parameters in place.
    pub fn run_owned(&self, inputs: Vec<DeviceTensor>) -> Result<Vec<DeviceTensor>> {
        let types: Vec<(DType, &[usize])> = inputs.iter().map(|input| (input.dtype(), input.shape())).collect();
        let sizes = self.program.bind_types(&types)?;
        self.code.run_body(self.program.schedule(), &self.body, inputs, &sizes)
    }
}

impl Code {
    /// A schedule's results for these arguments.
    pub fn run_body(
        &self,
        schedule: &Schedule,
        body: &Body,
        inputs: Vec<DeviceTensor>,
        sizes: &Sizes,
    ) -> Result<Vec<DeviceTensor>> {
        let positions = positions_max(schedule, sizes)?;
        if positions >= NARROW_ELEMENTS && self.entries.width == Width::Narrow {
            return Err(Error::internal("cuda", format!("{positions} positions are more than 32 bits count")));
        }
        let mut memory = Memory::new(&self.device, schedule, &body.constants, inputs, sizes)?;
        for (number, (kernel, work)) in schedule.kernels.iter().zip(&body.steps).enumerate() {
            match (kernel, work) {
                (_, Work::Kernel(printed)) => {
                    memory.prepare(number)?;
                    let is_done = matches!(kernel, Kernel::Dot(dot) if self.device.multiplies(dot, &memory)?);
                    if !is_done {
                        start(&self.device, &self.entries, printed, &memory)?;
                    }
                }
                (Kernel::Repeat(own), Work::Repeat { condition, body }) => {
                    self.repeat(own, condition.as_ref(), body, &mut memory)?;
                }
                (Kernel::Choose(own), Work::Choose(branches)) => self.choose(own, branches, &mut memory)?,
                _ => return Err(Error::internal("cuda", "a step that is not its kernel's")),
            }
        }
        memory.results()
    }
}

/// The constants of a schedule, copied to the device.
pub fn constants(device: &Device, schedule: &Schedule) -> Result<Constants> {
    let mut constants = Constants::new();
    for (number, buffer) in schedule.buffers.iter().enumerate() {
        if let Source::Const(value) = &buffer.source {
            constants.insert(number, device.put(value)?);
        }
    }
    Ok(constants)
}

impl Body {
    fn new(device: &Device, schedule: &Schedule, steps: Vec<Step>) -> Result<Self> {
        let constants = constants(device, schedule)?;
        let steps = schedule.kernels.iter().zip(steps).map(|(kernel, step)| Work::new(device, kernel, step));
        Ok(Body { constants, steps: steps.collect::<Result<_>>()? })
    }
}

impl Work {
    fn new(device: &Device, kernel: &Kernel, step: Step) -> Result<Self> {
        use gradframe_ml_kernels::schedule::Trips;
        Ok(match (kernel, step) {
            (_, Step::Kernel(printed)) => Work::Kernel(printed),
            (Kernel::Repeat(own), Step::Repeat { condition, body }) => {
                let condition = match &own.trips {
                    Trips::While { condition: schedule, .. } => Some(Body::new(device, schedule, condition)?),
                    Trips::Count(_) => None,
                };
                Work::Repeat { condition, body: Box::new(Body::new(device, &own.body, body)?) }
            }
            (Kernel::Choose(own), Step::Choose { branches: [one, other] }) => {
                let [first, second] = &own.branches;
                Work::Choose(Box::new([Body::new(device, first, one)?, Body::new(device, second, other)?]))
            }
            _ => return Err(Error::internal("cuda", "a step that is not its kernel's")),
        })
    }
}
