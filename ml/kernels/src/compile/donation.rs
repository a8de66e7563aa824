//! Finds the inputs over which results may be written: the parameters of a training step, above all.

use rustc_hash::FxHashSet;

use crate::schedule::{BufferId, Donation, DynUpdate, Instr, Kernel, Level, Loop, Schedule, Source, ValueId};

/// Notes for each result the input whose memory it may take.
pub fn find(schedule: &mut Schedule) {
    let last_reads = last_reads(schedule);
    let mut found: Vec<Donation> = Vec::new();
    let mut taken: FxHashSet<BufferId> = FxHashSet::default();
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        if let Kernel::DynUpdate(kernel) = kernel {
            let is_free = last_reads[kernel.target.index()] == step && is_over_target(schedule, kernel);
            if is_free && taken.insert(kernel.target) {
                found.push(Donation { kernel: step, input: kernel.target, output: kernel.output });
            }
            continue;
        }
        let Kernel::Loop(kernel) = kernel else { continue };
        for &(value, output) in &kernel.stores {
            if !matches!(schedule.buffers[output.index()].source, Source::Output) {
                continue;
            }
            let fits = |input: &BufferId| {
                last_reads[input.index()] == step
                    && !taken.contains(input)
                    && may_overwrite(schedule, kernel, *input, value, output)
            };
            if let Some(input) = kernel.chain.loads().map(|l| l.buffer).find(fits) {
                taken.insert(input);
                found.push(Donation { kernel: step, input, output });
            }
        }
    }
    schedule.donations = found;
}

/// True if the part may be written over the target itself: an input of which nothing else is read meanwhile.
fn is_over_target(schedule: &Schedule, kernel: &DynUpdate) -> bool {
    let (from, to) = (&schedule.buffers[kernel.target.index()], &schedule.buffers[kernel.output.index()]);
    matches!(from.source, Source::Input(_))
        && matches!(to.source, Source::Output)
        && (from.dtype, &from.shape) == (to.dtype, &to.shape)
        && ![kernel.part, kernel.start].contains(&kernel.target)
}

/// The last kernel that reads each buffer; past all of them for one that is a result itself.
fn last_reads(schedule: &Schedule) -> Vec<usize> {
    let mut last = vec![0; schedule.buffers.len()];
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        kernel.reads().into_iter().for_each(|b| last[b.index()] = step);
    }
    schedule.outputs.iter().for_each(|(b, _)| last[b.index()] = usize::MAX);
    last
}

/// True if `kernel` reads each element of `input` just where, and before, it writes the element of `output`.
fn may_overwrite(schedule: &Schedule, kernel: &Loop, input: BufferId, value: ValueId, output: BufferId) -> bool {
    let (from, to) = (&schedule.buffers[input.index()], &schedule.buffers[output.index()]);
    let types_agree = matches!(from.source, Source::Input(_))
        && matches!(to.source, Source::Output)
        && (from.dtype, &from.shape) == (to.dtype, &to.shape)
        && kernel.chain.value(value).level == Level::Element;
    let mut loads = kernel.chain.values.iter().enumerate().filter(|(_, v)| is_load_of(&v.instr, input));
    types_agree && loads.all(|(at, v)| at < value.index() && v.level == Level::Element && is_same_place(&v.instr, kernel))
}

fn is_load_of(instr: &Instr, buffer: BufferId) -> bool {
    matches!(instr, Instr::Load(load) if load.buffer == buffer)
}

fn is_same_place(instr: &Instr, kernel: &Loop) -> bool {
    matches!(instr, Instr::Load(load) if load.is_whole(&kernel.outer, &kernel.row))
}
