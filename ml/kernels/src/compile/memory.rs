//! Lays intermediate results into scratch slots that are used again once a result is dead.

use gradframe_ml_core::Dim;

use crate::schedule::{BufferId, Schedule, Source};

/// Gives each buffer its source: results get memory of their own, the others share slots.
pub fn plan(schedule: &mut Schedule) {
    for &(BufferId(id), _) in &schedule.outputs {
        let source = &mut schedule.buffers[id as usize].source;
        if matches!(source, Source::Slot(_)) {
            *source = Source::Output;
        }
    }
    let last_reads = last_reads(schedule);
    let mut slots: Vec<Slot> = Vec::new();
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        for BufferId(id) in kernel.writes() {
            let buffer = &mut schedule.buffers[id as usize];
            if matches!(buffer.source, Source::Slot(_)) {
                let size = buffer.shape.elements().and_then(|n| n.mul(&Dim::fixed(buffer.dtype.size_bytes())));
                buffer.source = Source::Slot(taken(&mut slots, step, size, last_reads[id as usize]));
            }
        }
    }
    schedule.slots = slots.len();
}

/// A piece of scratch memory.
struct Slot {
    /// Bytes, where they are of a dimension's form.
    size: Option<Dim>,
    /// The last step that reads what it holds.
    busy_until: usize,
}

/// A slot that is free at `step`, best one of this size; else a new one. Slots grow as needed.
fn taken(slots: &mut Vec<Slot>, step: usize, size: Option<Dim>, busy_until: usize) -> usize {
    let same = slots.iter().position(|s| s.busy_until < step && s.size.is_some() && s.size == size);
    if let Some(i) = same {
        slots[i].busy_until = busy_until;
        return i;
    }
    slots.push(Slot { size, busy_until });
    slots.len() - 1
}

fn last_reads(schedule: &Schedule) -> Vec<usize> {
    let mut last = vec![0; schedule.buffers.len()];
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        kernel.reads().into_iter().chain(kernel.writes()).for_each(|b| last[b.index()] = step);
    }
    last
}
