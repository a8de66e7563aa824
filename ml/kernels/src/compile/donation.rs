//! Finds what may be written over: inputs by results, the parameters of a training step above all, and intermediate results by others.

use rustc_hash::FxHashSet;

use crate::schedule::{BufferId, Donation, DynUpdate, Instr, Kernel, Level, Loop, Schedule, Source, ValueId};

/// Notes for each result the input whose memory it may take; `within` are those of intermediate results.
pub fn find(schedule: &mut Schedule, within: Vec<Donation>) {
    let mut found = within;
    found.extend(pairs(schedule, (|from| matches!(from, Source::Input(_)), |to| matches!(to, Source::Output))));
    found.sort_by_key(|donation| donation.kernel);
    schedule.donations = found;
}

/// For intermediate results, before they have their places: each that dies where another is made of it, element by element.
pub fn within(schedule: &Schedule) -> Vec<Donation> {
    let is_temporary: fn(&Source) -> bool = |source| matches!(source, Source::Slot(_));
    pairs(schedule, (is_temporary, is_temporary))
}

/// Which buffers give their memory, and which take it.
type Sides = (fn(&Source) -> bool, fn(&Source) -> bool);

fn pairs(schedule: &Schedule, sides: Sides) -> Vec<Donation> {
    let last_reads = last_reads(schedule);
    let mut found: Vec<Donation> = Vec::new();
    let mut taken: FxHashSet<BufferId> = FxHashSet::default();
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        if let Kernel::DynUpdate(kernel) = kernel {
            let is_free = last_reads[kernel.target.index()] == step && is_over_target(schedule, kernel, sides);
            if is_free && taken.insert(kernel.target) {
                found.push(Donation { kernel: step, input: kernel.target, output: kernel.output });
            }
            continue;
        }
        let Kernel::Loop(kernel) = kernel else { continue };
        for &(value, output) in &kernel.stores {
            let fits = |input: &BufferId| {
                last_reads[input.index()] == step
                    && !taken.contains(input)
                    && are_alike(schedule, *input, output, sides)
                    && may_overwrite(kernel, *input, value)
            };
            if let Some(input) = kernel.chain.loads().map(|l| l.buffer).find(fits) {
                taken.insert(input);
                found.push(Donation { kernel: step, input, output });
            }
        }
    }
    found
}

/// True if the part may be written over the target itself, of which nothing else is read meanwhile.
fn is_over_target(schedule: &Schedule, kernel: &DynUpdate, sides: Sides) -> bool {
    are_alike(schedule, kernel.target, kernel.output, sides) && ![kernel.part, kernel.start].contains(&kernel.target)
}

/// True of buffers of these sides that hold as many elements of one type.
fn are_alike(schedule: &Schedule, from: BufferId, to: BufferId, (gives, takes): Sides) -> bool {
    let (from, to) = (&schedule.buffers[from.index()], &schedule.buffers[to.index()]);
    let are_as_long = from.shape == to.shape || from.shape.elements().is_some_and(|count| to.shape.elements() == Some(count));
    gives(&from.source) && takes(&to.source) && from.dtype == to.dtype && are_as_long
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

/// True if `kernel` reads each element of `input` just where, and before, it writes the element of the stored `value`.
fn may_overwrite(kernel: &Loop, input: BufferId, value: ValueId) -> bool {
    let mut loads = kernel.chain.values.iter().enumerate().filter(|(_, v)| is_load_of(&v.instr, input));
    kernel.chain.value(value).level == Level::Element
        && loads.all(|(at, v)| at < value.index() && v.level == Level::Element && is_same_place(&v.instr, kernel))
}

fn is_load_of(instr: &Instr, buffer: BufferId) -> bool {
    matches!(instr, Instr::Load(load) if load.buffer == buffer)
}

fn is_same_place(instr: &Instr, kernel: &Loop) -> bool {
    matches!(instr, Instr::Load(load) if load.is_whole(&kernel.outer, &kernel.row))
}
