//! The memory that a run needs beside its arguments and results.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result, Sizes};
use gradframe_ml_kernels::schedule::{Schedule, Source};

use super::Device;
use super::budget::Taken;
use super::pool::Allocation;
use crate::launch::{Argument, CudaKernel, Place};

/// Memory that a run needs for itself. It is all there before anything is started.
pub struct Space {
    /// That buffers share; None for one that nobody uses.
    pub slots: Vec<Option<Arc<Allocation>>>,
    /// What kernels have between their launches, one after the other; the largest first.
    pub temporaries: Vec<Arc<Allocation>>,
    /// What is left of what may stay, less this.
    _stays: Option<Taken>,
}

/// The bytes of a [`Space`]: 0 for a slot that nobody uses.
struct SpaceBytes {
    slots: Vec<usize>,
    temporaries: Vec<usize>,
}

impl Space {
    /// For one run of a schedule's kernels, of which these are printed.
    pub fn for_once<'k>(
        device: &Device,
        schedule: &Schedule,
        kernels: impl Iterator<Item = &'k CudaKernel>,
        sizes: &Sizes,
    ) -> Result<Self> {
        let bytes = SpaceBytes::of(schedule, kernels, sizes, |_| true)?;
        bytes.allocated(None, |bytes| device.allocated(bytes))
    }

    /// For one run of this kernel alone.
    pub fn for_kernel(device: &Device, schedule: &Schedule, kernel: &CudaKernel, sizes: &Sizes) -> Result<Self> {
        let bytes = SpaceBytes::of(schedule, std::iter::once(kernel), sizes, |buffer| is_argument(kernel, buffer))?;
        bytes.allocated(None, |bytes| device.allocated(bytes))
    }

    /// As [`Space::for_once`], for runs one after the other, whose arrays lie where they lay. None if that is more than may stay,
    /// or than is free.
    pub fn to_stay<'k>(
        device: &Device,
        schedule: &Schedule,
        kernels: impl Iterator<Item = &'k CudaKernel>,
        sizes: &Sizes,
    ) -> Result<Option<Self>> {
        let bytes = SpaceBytes::of(schedule, kernels, sizes, |_| true)?;
        let Ok(stays) = device.staying.take(bytes.all()) else { return Ok(None) };
        match bytes.allocated(Some(stays), |bytes| device.pool.allocated(bytes, &device.stream)) {
            Err(Error::Resources(_)) => Ok(None),
            space => space.map(Some),
        }
    }
}

impl SpaceBytes {
    fn of<'k>(
        schedule: &Schedule,
        kernels: impl Iterator<Item = &'k CudaKernel>,
        sizes: &Sizes,
        is_used: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let mut slots = vec![0; schedule.slots];
        for (number, buffer) in schedule.buffers.iter().enumerate() {
            match buffer.source {
                Source::Slot(slot) if slot < slots.len() && is_used(number) => {
                    slots[slot] = (buffer.shape.count(sizes)? * buffer.dtype.size_bytes()).max(1).max(slots[slot]);
                }
                _ => {} // not a slot, or a value that was fused into others
            }
        }
        let mut temporaries: Vec<usize> = Vec::new();
        for kernel in kernels {
            let mut own = temporary_bytes(kernel, sizes)?;
            own.sort_unstable_by(|a, b| b.cmp(a));
            temporaries.resize(temporaries.len().max(own.len()), 0);
            temporaries.iter_mut().zip(own).for_each(|(most, bytes)| *most = bytes.max(*most));
        }
        Ok(SpaceBytes { slots, temporaries })
    }

    fn all(&self) -> usize {
        self.slots.iter().chain(&self.temporaries).copied().fold(0, usize::saturating_add)
    }

    fn allocated(self, stays: Option<Taken>, allocate: impl Fn(usize) -> Result<Arc<Allocation>>) -> Result<Space> {
        let slots = self.slots.into_iter().map(|bytes| (bytes > 0).then(|| allocate(bytes)).transpose());
        let temporaries = self.temporaries.into_iter().map(&allocate);
        Ok(Space { slots: slots.collect::<Result<_>>()?, temporaries: temporaries.collect::<Result<_>>()?, _stays: stays })
    }
}

/// Whether a kernel is called with this buffer.
fn is_argument(kernel: &CudaKernel, buffer: usize) -> bool {
    let mut arguments = kernel.launches.iter().flat_map(|launch| &launch.arguments);
    arguments.any(|argument| matches!(argument, Argument::Array(Place::Buffer(id)) if id.index() == buffer))
}

/// What a kernel's launches share, in bytes.
pub fn temporary_bytes(kernel: &CudaKernel, sizes: &Sizes) -> Result<Vec<usize>> {
    kernel.temporaries.iter().map(|t| Ok(t.count.eval(sizes)?.saturating_mul(t.dtype.size_bytes()))).collect()
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{DType, Dim, Graph, Shape};
    use gradframe_ml_kernels::schedule::BufferId;

    use super::super::testing::{of_rows, on_device};
    use super::*;
    use crate::launch::{Count, Launch, Temporary};

    /// A kernel called with these buffers, that shares memory of so many bytes between its launches.
    fn kernel(buffers: impl Iterator<Item = BufferId>, temporaries: &[usize]) -> CudaKernel {
        let count = |bytes: &usize| Count::of(&Shape::fixed(&[*bytes]));
        let launch = Launch {
            entry: String::new(),
            threads: 32,
            tasks: count(&1),
            tasks_per_block: 1,
            arguments: buffers.map(|id| Argument::Array(Place::Buffer(id))).collect(),
            doubling: None,
        };
        let temporaries = temporaries.iter().map(|bytes| Temporary { dtype: DType::U8, count: count(bytes) }).collect();
        CudaKernel { source: String::new(), temporaries, launches: vec![launch] }
    }

    #[test]
    fn a_space_has_what_is_used_of_slots_and_the_largest_of_temporaries() {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F32, Shape::new([Dim::symbol("N")])));
        let sums = g.cumsum(x, 0).unwrap();
        let sums = g.cumsum(sums, 0).unwrap();
        let sum = g.sum_all(sums).unwrap();
        let program = on_device(g, vec![sum]);
        let (schedule, sizes) = (program.schedule(), of_rows(1000));
        let kernels = [kernel(std::iter::empty(), &[10, 700]), kernel(std::iter::empty(), &[600, 20, 5])];
        let all = SpaceBytes::of(schedule, kernels.iter(), &sizes, |_| true).unwrap();
        assert!(all.slots.contains(&4000), "{:?} of\n{program}", all.slots);
        assert_eq!(all.temporaries, [700, 20, 5]);
        let first = schedule.kernels[0].writes();
        let alone = kernel(first.clone().into_iter(), &[]);
        let used = SpaceBytes::of(schedule, std::iter::once(&alone), &sizes, |buffer| is_argument(&alone, buffer)).unwrap();
        assert!(first.iter().all(|id| is_argument(&alone, id.index())));
        assert_eq!(used.slots.iter().filter(|bytes| **bytes > 0).count(), 1);
        let unused = SpaceBytes::of(schedule, kernels.iter(), &sizes, |_| false).unwrap();
        assert!(unused.slots.iter().all(|bytes| *bytes == 0));
    }
}
