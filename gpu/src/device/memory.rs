//! The arrays of one run: arguments, constants, results, and slots that buffers share.

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::CudaStream;
use gradframe_ml_core::{Error, Result, Shape, Sizes};
use gradframe_ml_kernels::schedule::{BufferId, Kernel, Schedule, Source};

use super::pool::Allocation;
use super::space::{Space, temporary_bytes};
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

    /// What a kernel's launches share: its largest one is the space's largest one.
    pub fn temporaries(&self, kernel: &CudaKernel) -> Result<Vec<Arc<Allocation>>> {
        let bytes = temporary_bytes(kernel, self.sizes)?;
        let larger = |own: usize| (0..bytes.len()).filter(|&n| (bytes[n], own) > (bytes[own], n)).count();
        let missing = || Error::internal("cuda", "a kernel without its temporaries");
        (0..bytes.len()).map(|own| self.space.temporaries.get(larger(own)).cloned().ok_or_else(missing)).collect()
    }

    /// Gives the kernels' results their memory, but for what loops and choices give.
    pub fn prepare(&mut self) -> Result<()> {
        let schedule = self.schedule;
        let is_driven = |kernel: &Kernel| matches!(kernel, Kernel::Repeat(_) | Kernel::Choose(_));
        // What a loop or a choice gives may be an argument itself: behind the first of them none is written over.
        let mut may_take = true;
        for (number, kernel) in schedule.kernels.iter().enumerate() {
            may_take &= !is_driven(kernel);
            if !is_driven(kernel) {
                self.prepare_kernel(number, may_take)?;
            }
        }
        Ok(())
    }

    /// That of an argument which nobody else holds, where it may be written over.
    fn prepare_kernel(&mut self, kernel: usize, may_take: bool) -> Result<()> {
        for id in self.schedule.kernels[kernel].writes() {
            let buffer = &self.schedule.buffers[id.index()];
            if !matches!(buffer.source, Source::Output) || self.made.contains_key(&id.index()) {
                continue;
            }
            let shape = buffer.shape.eval(self.sizes)?;
            let bytes = shape.iter().product::<usize>() * buffer.dtype.size_bytes();
            let taken = if may_take { self.given_away(kernel, id, bytes) } else { None };
            let memory = match taken {
                Some(memory) => memory,
                None => self.device.allocated(bytes)?,
            };
            self.made.insert(id.index(), DeviceTensor::new(buffer.dtype, shape, 0, memory));
        }
        Ok(())
    }

    fn given_away(&self, kernel: usize, output: BufferId, bytes: usize) -> Option<Arc<Allocation>> {
        let donation = self.schedule.donation(kernel, output)?;
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
                let memory = self.space.slots.get(*slot).and_then(Option::as_ref).ok_or_else(missing)?;
                Ok(DeviceTensor::new(buffer.dtype, shape, 0, Arc::clone(memory)))
            }
            Source::Output => Err(missing()),
        }
    }

    /// Where a buffer begins.
    pub fn address(&self, id: BufferId) -> Result<u64> {
        Ok(self.tensor(id, &self.schedule.buffers[id.index()].shape)?.address(self.stream))
    }

    /// The arguments of a run that has started nothing.
    pub fn given_back(self) -> Vec<DeviceTensor> {
        self.inputs
    }

    /// The schedule's results. Nobody else holds those that it has computed.
    pub fn results(mut self) -> Result<Vec<DeviceTensor>> {
        let outputs: Vec<DeviceTensor> =
            self.schedule.outputs.iter().map(|(id, shape)| self.tensor(*id, shape)).collect::<Result<_>>()?;
        self.made.clear();
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::{Type, Window};
    use gradframe_ml_core::{DType, Dim, Graph};

    use super::super::testing::{of_rows, on_device};
    use super::*;

    #[test]
    fn a_convolution_counts_the_columns_of_its_windows() {
        let mut g = Graph::new();
        let image = Shape::new([Dim::symbol("N"), 3.into(), 32.into(), 32.into()]);
        let (x, w) =
            (g.input("x", Type::new(DType::F32, image)), g.input("w", Type::new(DType::F32, Shape::fixed(&[8, 3, 3, 3]))));
        let windows = vec![Window { padding: 1, ..Window::of(3) }; 2];
        let y = g.conv(x, w, &windows, 1).unwrap();
        let sum = g.sum_all(y).unwrap();
        let (_, gradients) = g.value_and_gradients(sum, &[w]).unwrap();
        let program = on_device(g, [vec![sum], gradients].concat());
        let columns = 3 * 9 * 32 * 32; // of an image; it has itself a ninth of them
        let rows = NARROW_ELEMENTS.div_ceil(columns);
        let positions = |rows: usize| positions_max(program.schedule(), &of_rows(rows)).unwrap();
        assert_eq!((positions(rows), positions(rows - 1)), (rows * columns, (rows - 1) * columns));
        assert!(positions(rows) >= NARROW_ELEMENTS && positions(rows - 1) < NARROW_ELEMENTS);
    }
}
