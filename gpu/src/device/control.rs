//! Loops and choices: the host drives them, and starts the kernels of their bodies.

use std::sync::Arc;

use gradframe_ml_core::ops::check_limit;
use gradframe_ml_core::{DType, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{BufferId, Choose, Repeat, Trips};

use super::body::Body;
use super::loaded::Code;
use super::memory::Memory;
use super::pool::Allocation;
use super::{Device, DeviceTensor};

/// Bytes from one step's number to the next: kernels read whole vectors from where an argument begins.
const STEP_BYTES: usize = 256;
/// Numbers of steps that are sent to the device at once.
const STEPS: usize = 256;

impl Code {
    /// Runs the body as often as the loop says.
    pub fn repeat(&self, loops: &Repeat, condition: Option<&Body>, body: &Body, memory: &mut Memory) -> Result<()> {
        let mut carried = tensors(&loops.carried, memory)?;
        let constants = tensors(&loops.constants, memory)?;
        let mut steps = Steps::new(&self.device);
        for step in 0.. {
            if matches!(loops.trips, Trips::Count(count) if step == count) {
                break;
            }
            let number = steps.number(step)?;
            let arguments = |carried: Vec<DeviceTensor>| {
                std::iter::once(number.clone()).chain(carried).chain(constants.iter().cloned()).collect::<Vec<_>>()
            };
            if let (Trips::While { condition: schedule, limit }, Some(condition)) = (&loops.trips, condition) {
                let holds = self.run_body(schedule, condition, arguments(carried.clone()), memory.sizes)?;
                if !self.is_true(&holds[0])? {
                    break;
                }
                check_limit(step, *limit)?;
            }
            // Given away: what the body updates, it updates in place.
            carried = self.run_body(&loops.body, body, arguments(std::mem::take(&mut carried)), memory.sizes)?;
        }
        keep(&carried, &loops.results, memory)
    }

    /// Runs the branch that the condition names.
    pub fn choose(&self, choice: &Choose, branches: &[Body; 2], memory: &mut Memory) -> Result<()> {
        let holds = self.is_true(&memory.tensor(choice.condition, &Shape::scalar())?)?;
        let branch = usize::from(!holds);
        let operands = tensors(&choice.operands, memory)?;
        let values = self.run_body(&choice.branches[branch], &branches[branch], operands, memory.sizes)?;
        keep(&values, &choice.results, memory)
    }

    fn is_true(&self, flag: &DeviceTensor) -> Result<bool> {
        let flag = self.device.get(flag)?;
        let none = || Error::internal("cuda", "a condition without a value");
        Ok(*flag.buffer().as_slice().first().ok_or_else(none)? != 0)
    }
}

fn tensors(operands: &[(BufferId, Shape)], memory: &Memory) -> Result<Vec<DeviceTensor>> {
    operands.iter().map(|(id, shape)| memory.tensor(*id, shape)).collect()
}

fn keep(values: &[DeviceTensor], results: &[(usize, BufferId)], memory: &mut Memory) -> Result<()> {
    results.iter().try_for_each(|&(result, id)| memory.set(id, &values[result]))
}

/// The numbers of a loop's steps, on the device.
struct Steps<'a> {
    device: &'a Device,
    block: Option<Arc<Allocation>>,
}

impl<'a> Steps<'a> {
    fn new(device: &'a Device) -> Self {
        Steps { device, block: None }
    }

    /// i64 []; asked for from 0 on, one after the other.
    fn number(&mut self, step: usize) -> Result<DeviceTensor> {
        let place = step % STEPS;
        let block = match self.block.take() {
            Some(block) if place != 0 => block,
            _ => self.device.copied(&numbers(step))?,
        };
        self.block = Some(Arc::clone(&block));
        Ok(DeviceTensor::new(DType::I64, Vec::new(), place * STEP_BYTES, block))
    }
}

fn numbers(from: usize) -> Vec<u8> {
    let mut bytes = vec![0; STEPS * STEP_BYTES];
    for (place, own) in bytes.chunks_mut(STEP_BYTES).enumerate() {
        own[..size_of::<i64>()].copy_from_slice(&((from + place) as i64).to_le_bytes());
    }
    bytes
}
