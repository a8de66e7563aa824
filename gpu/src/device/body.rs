//! A schedule's constants and steps on a device.

use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::schedule::{Kernel, Schedule, Source, Trips};

use super::Device;
use super::memory::Constants;
use crate::launch::CudaKernel;
use crate::print::Step;

/// A schedule's constants and steps.
pub struct Body {
    pub constants: Constants,
    pub steps: Vec<Work>,
}

/// What a kernel of the schedule is.
pub enum Work {
    Kernel(CudaKernel),
    Repeat { condition: Option<Body>, body: Box<Body> },
    Choose(Box<[Body; 2]>),
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
    /// Of printed steps. Errors: `Resources` if the device has no memory for the constants.
    pub fn new(device: &Device, schedule: &Schedule, steps: Vec<Step>) -> Result<Self> {
        let constants = constants(device, schedule)?;
        let steps = schedule.kernels.iter().zip(steps).map(|(kernel, step)| Work::new(device, kernel, step));
        Ok(Body { constants, steps: steps.collect::<Result<_>>()? })
    }

    /// Those that are started without asking the host for a choice.
    pub fn kernels(&self) -> impl Iterator<Item = &CudaKernel> {
        self.steps.iter().filter_map(|work| if let Work::Kernel(kernel) = work { Some(kernel) } else { None })
    }
}

impl Work {
    fn new(device: &Device, kernel: &Kernel, step: Step) -> Result<Self> {
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
