//! Lays intermediate results into scratch slots that are used again once a result is dead.

use gradframe_ml_core::Dim;
use rustc_hash::FxHashMap;

use crate::schedule::{BufferDef, BufferId, Schedule, Source};

/// Gives each buffer its source: results get memory of their own, the others share slots.
pub fn plan(schedule: &mut Schedule) {
    for &(BufferId(id), _) in &schedule.outputs {
        let source = &mut schedule.buffers[id as usize].source;
        if matches!(source, Source::Slot(_)) {
            *source = Source::Output;
        }
    }
    let dying = dying(schedule);
    let mut slots = Slots::default();
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        for BufferId(id) in kernel.writes() {
            let buffer = &mut schedule.buffers[id as usize];
            if matches!(buffer.source, Source::Slot(_)) {
                buffer.source = Source::Slot(slots.take(size(buffer)));
            }
        }
        for &BufferId(id) in &dying[step] {
            let buffer = &schedule.buffers[id as usize];
            if let Source::Slot(slot) = buffer.source {
                slots.give(slot, size(buffer));
            }
        }
    }
    schedule.slots = slots.count;
}

/// Bytes of a buffer, where they are of a dimension's form.
fn size(buffer: &BufferDef) -> Option<Dim> {
    buffer.shape.elements().and_then(|n| n.mul(&Dim::fixed(buffer.dtype.size_bytes())))
}

/// Pieces of scratch memory. One that is free again goes to the next result of its size, as it is in the caches still.
#[derive(Default)]
struct Slots {
    count: usize,
    free: FxHashMap<Dim, Vec<usize>>,
}

impl Slots {
    fn take(&mut self, size: Option<Dim>) -> usize {
        let known = size.and_then(|size| self.free.get_mut(&size)?.pop());
        known.unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }

    fn give(&mut self, slot: usize, size: Option<Dim>) {
        if let Some(size) = size {
            self.free.entry(size).or_default().push(slot);
        }
    }
}

/// For each kernel, the buffers that nobody reads or writes after it.
fn dying(schedule: &Schedule) -> Vec<Vec<BufferId>> {
    let mut last = vec![None; schedule.buffers.len()];
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        kernel.reads().into_iter().chain(kernel.writes()).for_each(|b| last[b.index()] = Some(step));
    }
    let mut dying = vec![Vec::new(); schedule.kernels.len()];
    for (id, step) in last.into_iter().enumerate() {
        if let Some(step) = step {
            dying[step].push(BufferId(id as u32));
        }
    }
    dying
}
