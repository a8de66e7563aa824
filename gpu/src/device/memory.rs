//! The arrays of one run: arguments, constants, results, and slots that buffers share.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::CudaStream;
use gradframe_ml_core::{Error, Result, Shape, Sizes};
use gradframe_ml_kernels::schedule::{BufferId, Kernel, Schedule, Source};

use super::budget::Taken;
use super::pool::Allocation;
use super::{Device, DeviceTensor};
use crate::launch::CudaKernel;

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

/// Memory that a run needs for itself.
pub struct Space {
    /// That buffers share.
    slots: Vec<Arc<Allocation>>,
    /// What kernels have between their launches, one after the other. None: each kernel gets its own, which is freed after it.
    temporaries: Option<Vec<Arc<Allocation>>>,
    /// What is left of what may stay, less this.
    _stays: Option<Taken>,
}

impl Space {
    /// For one run.
    pub fn for_once(device: &Device, schedule: &Schedule, sizes: &Sizes) -> Result<Self> {
        let slots = slot_bytes(schedule, sizes)?.into_iter().map(|bytes| device.allocated(bytes));
        Ok(Space { slots: slots.collect::<Result<_>>()?, temporaries: None, _stays: None })
    }

    /// For runs one after the other, whose arrays lie where they lay. None if that is more than may stay.
    pub fn to_stay<'k>(
        device: &Device,
        schedule: &Schedule,
        kernels: impl Iterator<Item = &'k CudaKernel>,
        sizes: &Sizes,
    ) -> Result<Option<Self>> {
        let slots = slot_bytes(schedule, sizes)?;
        let mut temporaries = Vec::new();
        for kernel in kernels {
            temporaries.resize(temporaries.len().max(kernel.temporaries.len()), 0);
            for (most, bytes) in temporaries.iter_mut().zip(temporary_bytes(kernel, sizes)?) {
                *most = bytes.max(*most);
            }
        }
        let bytes = slots.iter().chain(&temporaries).copied().fold(0, usize::saturating_add);
        let Ok(stays) = device.staying.take(bytes) else { return Ok(None) };
        let allocated = |bytes: Vec<usize>| bytes.into_iter().map(|bytes| device.allocated(bytes)).collect::<Result<Vec<_>>>();
        Ok(Some(Space { slots: allocated(slots)?, temporaries: Some(allocated(temporaries)?), _stays: Some(stays) }))
    }
}

fn slot_bytes(schedule: &Schedule, sizes: &Sizes) -> Result<Vec<usize>> {
    let mut slots = vec![0; schedule.slots];
    for buffer in &schedule.buffers {
        match buffer.source {
            Source::Slot(slot) if slot < slots.len() => {
                slots[slot] = (buffer.shape.count(sizes)? * buffer.dtype.size_bytes()).max(slots[slot]);
            }
            _ => {} // not a slot, or a value that was fused into others
        }
    }
    Ok(slots)
}

fn temporary_bytes(kernel: &CudaKernel, sizes: &Sizes) -> Result<Vec<usize>> {
    kernel.temporaries.iter().map(|t| Ok(t.count.eval(sizes)? * t.dtype.size_bytes())).collect()
}

/// What the kernels of one schedule see.
pub struct Memory<'a> {
    device: &'a Device,
    pub schedule: &'a Schedule,
    pub sizes: &'a Sizes,
    /// Where kernels are started: the device's, or one that is captured.
    pub stream: &'a Arc<CudaStream>,
    constants: &'a Constants,
    space: &'a Space,
    pub inputs: Vec<DeviceTensor>,
    /// Results, and what a loop or a choice gave.
    pub made: HashMap<usize, DeviceTensor>,
}

impl<'a> Memory<'a> {
    pub fn new(
        device: &'a Device,
        schedule: &'a Schedule,
        constants: &'a Constants,
        space: &'a Space,
        inputs: Vec<DeviceTensor>,
        sizes: &'a Sizes,
    ) -> Self {
        let (stream, made) = (&device.stream, HashMap::new());
        Memory { device, schedule, sizes, stream, constants, space, inputs, made }
    }

    /// The same, for kernels that are started in another stream.
    pub fn in_stream<'b>(&'b self, stream: &'b Arc<CudaStream>) -> Memory<'b> {
        Memory { stream, inputs: self.inputs.clone(), made: self.made.clone(), ..*self }
    }

    /// What a kernel's launches share.
    pub fn temporaries(&self, kernel: &CudaKernel) -> Result<Vec<Arc<Allocation>>> {
        match &self.space.temporaries {
            Some(shared) => Ok(shared[..kernel.temporaries.len()].to_vec()),
            None => temporary_bytes(kernel, self.sizes)?.into_iter().map(|bytes| self.device.allocated(bytes)).collect(),
        }
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

    fn given_away(&self, kernel: usize, output: BufferId, bytes: usize) -> Option<Arc<Allocation>> {
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
                let memory = self.space.slots.get(*slot).ok_or_else(missing)?;
                Ok(DeviceTensor::new(buffer.dtype, shape, 0, Arc::clone(memory)))
            }
            Source::Output => Err(missing()),
        }
    }

    /// Where a buffer begins.
    pub fn address(&self, id: BufferId) -> Result<u64> {
        Ok(self.tensor(id, &self.schedule.buffers[id.index()].shape)?.address(self.stream))
    }

    /// The schedule's results. Nobody else holds those that it has computed.
    pub fn results(mut self) -> Result<Vec<DeviceTensor>> {
        let outputs: Vec<DeviceTensor> =
            self.schedule.outputs.iter().map(|(id, shape)| self.tensor(*id, shape)).collect::<Result<_>>()?;
        self.made.clear();
        Ok(outputs)
    }
}
