//! The arrays of one run: arguments, constants, results, and slots that buffers share.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::CudaSlice;
use gradframe_ml_core::{Error, Result, Shape, Sizes};
use gradframe_ml_kernels::schedule::{BufferId, Kernel, Schedule, Source};

use super::{Device, DeviceTensor};

/// Fewer positions than these are counted with 32 bits.
pub const NARROW_ELEMENTS: usize = 1 << 30;

/// Constants of a schedule, on the device.
pub type Constants = HashMap<usize, DeviceTensor>;

/// The most positions that a kernel counts: of its arrays, or of the space that it walks over.
pub fn positions_max(schedule: &Schedule, sizes: &Sizes) -> Result<usize> {
    let mut most = 0;
    for kernel in &schedule.kernels {
        for id in kernel.reads().into_iter().chain(kernel.writes()) {
            most = schedule.buffers[id.index()].shape.count(sizes)?.max(most);
        }
        let walked: &[&Shape] = match kernel {
            Kernel::Loop(k) => &[&k.outer, &k.row],
            Kernel::Fold(k) => &[&k.outer, &k.folded, &k.inner],
            Kernel::Dot(k) => {
                &[if k.left_shape.count(sizes)? > k.right_shape.count(sizes)? { &k.left_shape } else { &k.right_shape }]
            }
            _ => &[],
        };
        let counts = walked.iter().map(|shape| shape.count(sizes)).collect::<Result<Vec<_>>>()?;
        most = counts.into_iter().fold(1usize, usize::saturating_mul).max(most);
    }
    Ok(most)
}

/// What the kernels of one schedule see.
pub struct Memory<'a> {
    device: &'a Device,
    pub schedule: &'a Schedule,
    pub sizes: &'a Sizes,
    constants: &'a Constants,
    inputs: Vec<DeviceTensor>,
    /// Results, and what a loop or a choice gave.
    made: HashMap<usize, DeviceTensor>,
    slots: Vec<Arc<CudaSlice<u8>>>,
}

impl<'a> Memory<'a> {
    pub fn new(
        device: &'a Device,
        schedule: &'a Schedule,
        constants: &'a Constants,
        inputs: Vec<DeviceTensor>,
        sizes: &'a Sizes,
    ) -> Result<Self> {
        let mut slots = vec![0; schedule.slots];
        for buffer in &schedule.buffers {
            match buffer.source {
                Source::Slot(slot) if slot < slots.len() => {
                    slots[slot] = (buffer.shape.count(sizes)? * buffer.dtype.size_bytes()).max(slots[slot]);
                }
                _ => {} // not a slot, or a value that was fused into others
            }
        }
        let slots = slots.into_iter().map(|bytes| device.allocated(bytes)).collect::<Result<_>>()?;
        Ok(Memory { device, schedule, sizes, constants, inputs, made: HashMap::new(), slots })
    }

    /// Gives a kernel's results their memory: that of an argument which nobody else holds, where it may be written over.
    pub fn prepare(&mut self, kernel: usize) -> Result<()> {
        for id in self.schedule.kernels[kernel].writes() {
            let buffer = &self.schedule.buffers[id.index()];
            if !matches!(buffer.source, Source::Output) || self.made.contains_key(&id.index()) {
                continue;
            }
            let shape = buffer.shape.eval(self.sizes)?;
            let bytes = shape.iter().product::<usize>() * buffer.dtype.size_bytes();
            let memory = match self.given_away(kernel, id, bytes) {
                Some(memory) => memory,
                None => self.device.allocated(bytes)?,
            };
            self.made.insert(id.index(), DeviceTensor::new(buffer.dtype, shape, 0, memory));
        }
        Ok(())
    }

    fn given_away(&self, kernel: usize, output: BufferId, bytes: usize) -> Option<Arc<CudaSlice<u8>>> {
        let donation = self.schedule.donations.iter().find(|d| d.kernel == kernel && d.output == output)?;
        let Source::Input(number) = self.schedule.buffers[donation.input.index()].source else { return None };
        let input = &self.inputs[number];
        let is_free = Arc::strong_count(&input.memory) == 1 && input.start == 0 && input.size_bytes() == bytes;
        is_free.then(|| Arc::clone(&input.memory))
    }

    /// Puts what a loop or a choice gave in a buffer's place.
    pub fn set(&mut self, id: BufferId, value: &DeviceTensor) -> Result<()> {
        let shape = self.schedule.buffers[id.index()].shape.eval(self.sizes)?;
        self.made.insert(id.index(), value.reshaped(&shape)?);
        Ok(())
    }

    /// A buffer under a shape with as many elements.
    pub fn tensor(&self, id: BufferId, shape: &Shape) -> Result<DeviceTensor> {
        let buffer = &self.schedule.buffers[id.index()];
        let shape = shape.eval(self.sizes)?;
        if let Some(made) = self.made.get(&id.index()) {
            return made.reshaped(&shape);
        }
        let missing = || Error::internal("cuda", format!("{id} has no memory"));
        match &buffer.source {
            Source::Input(number) => self.inputs.get(*number).ok_or_else(missing)?.reshaped(&shape),
            Source::Const(_) => self.constants.get(&id.index()).ok_or_else(missing)?.reshaped(&shape),
            Source::Slot(slot) => {
                let memory = self.slots.get(*slot).ok_or_else(missing)?;
                Ok(DeviceTensor::new(buffer.dtype, shape, 0, Arc::clone(memory)))
            }
            Source::Output => Err(missing()),
        }
    }

    /// Where a buffer begins.
    pub fn address(&self, id: BufferId) -> Result<u64> {
        Ok(self.tensor(id, &self.schedule.buffers[id.index()].shape)?.address(&self.device.stream))
    }

    /// The schedule's results. Nobody else holds those that it has computed.
    pub fn results(mut self) -> Result<Vec<DeviceTensor>> {
        let outputs: Vec<DeviceTensor> =
            self.schedule.outputs.iter().map(|(id, shape)| self.tensor(*id, shape)).collect::<Result<_>>()?;
        self.made.clear();
        Ok(outputs)
    }
}
