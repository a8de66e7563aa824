//! Lays intermediate results into scratch slots that are used again once a result is dead.

use gradframe_ml_core::Dim;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::schedule::{BufferDef, BufferId, Donation, Schedule, Source};

/// Gives results memory of their own.
pub fn set_results_apart(schedule: &mut Schedule) {
    for &(BufferId(id), _) in &schedule.outputs {
        let source = &mut schedule.buffers[id as usize].source;
        if matches!(source, Source::Slot(_)) {
            *source = Source::Output;
        }
    }
}

/// Gives the other buffers slots, which they share; what is `given` stays where it was.
pub fn plan(schedule: &mut Schedule, given: &[Donation]) {
    let dying = dying(schedule);
    let mut slots = Slots::default();
    let givers: FxHashMap<BufferId, BufferId> = given.iter().map(|pair| (pair.output, pair.input)).collect();
    let handed: FxHashSet<BufferId> = given.iter().map(|pair| pair.input).collect();
    for (step, kernel) in schedule.kernels.iter().enumerate() {
        for BufferId(id) in kernel.writes() {
            let giver = givers.get(&BufferId(id)).map(|giver| schedule.buffers[giver.index()].source.clone());
            let buffer = &mut schedule.buffers[id as usize];
            if matches!(buffer.source, Source::Slot(_)) {
                buffer.source = giver.unwrap_or_else(|| Source::Slot(slots.take(size(buffer))));
            }
        }
        for &BufferId(id) in dying[step].iter().filter(|id| !handed.contains(id)) {
            let buffer = &schedule.buffers[id as usize];
            if let Source::Slot(slot) = buffer.source {
                slots.give(slot, size(buffer));
            }
        }
    }
    schedule.slots = slots.sizes.len();
}

/// Bytes of a buffer, where they are of a dimension's form.
fn size(buffer: &BufferDef) -> Option<Dim> {
    buffer.shape.elements().and_then(|n| n.mul(&Dim::fixed(buffer.dtype.size_bytes())))
}

/// Pieces of scratch memory, each as long as the longest result that it is given to.
///
/// One that is free again goes to the next result of its size, as it is in the caches still; else the shortest that is long enough is
/// taken, else the longest of all, which grows. Sizes that depend on symbols are compared as if each were [`NOMINAL`]: whether
/// they are right says how much memory a run takes, not what it computes.
#[derive(Default)]
struct Slots {
    /// Nominal bytes.
    sizes: Vec<usize>,
    /// The latest last.
    free: Vec<usize>,
}

/// What a dimension without a size is taken for.
const NOMINAL: usize = 1024;

/// A piece so many times longer than the result, or shorter, stays for others.
const STRETCH_MAX: usize = 8;

impl Slots {
    /// A piece for a result of this size; one of its own, if nothing can be said of it.
    fn take(&mut self, size: Option<Dim>) -> usize {
        let bytes = size.as_ref().and_then(nominal);
        let Some(at) = bytes.and_then(|bytes| self.best(bytes)) else {
            self.sizes.push(bytes.unwrap_or(0));
            return self.sizes.len() - 1;
        };
        let slot = self.free.remove(at);
        self.sizes[slot] = self.sizes[slot].max(bytes.unwrap_or(0));
        slot
    }

    /// The place among the free ones of the piece to take.
    fn best(&self, bytes: usize) -> Option<usize> {
        let fits = |&at: &usize| {
            let size = self.sizes[self.free[at]];
            size.max(bytes) <= size.min(bytes).saturating_mul(STRETCH_MAX)
        };
        let places = || (0..self.free.len()).rev().filter(fits);
        let long_enough = places().filter(|&at| self.sizes[self.free[at]] >= bytes);
        long_enough.min_by_key(|&at| self.sizes[self.free[at]]).or_else(|| places().max_by_key(|&at| self.sizes[self.free[at]]))
    }

    fn give(&mut self, slot: usize, size: Option<Dim>) {
        if size.as_ref().and_then(nominal).is_some() {
            self.free.push(slot);
        }
    }
}

/// Bytes, as if each symbol were [`NOMINAL`].
fn nominal(size: &Dim) -> Option<usize> {
    let product = size.symbols().iter().try_fold(size.coefficient(), |product, _| product.checked_mul(NOMINAL as i64))?;
    usize::try_from(product.checked_add(size.constant())?).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(bytes: usize) -> Option<Dim> {
        Some(Dim::fixed(bytes))
    }

    #[test]
    fn a_piece_goes_to_the_result_that_it_fits_best() {
        let mut slots = Slots::default();
        let [long, short, middle] = [4000, 1000, 2000].map(|bytes| slots.take(fixed(bytes)));
        for (slot, bytes) in [(long, 4000), (middle, 2000), (short, 1000)] {
            slots.give(slot, fixed(bytes));
        }
        assert_eq!([slots.take(fixed(1500)), slots.take(fixed(1000)), slots.take(fixed(5000))], [middle, short, long]);
        // The longest has grown; a result of another order of magnitude leaves it alone.
        slots.give(long, fixed(5000));
        assert_eq!(slots.take(fixed(100)), 3);
        assert_eq!(slots.take(fixed(4900)), long);
        assert_eq!(slots.sizes, [5000, 1000, 2000, 100]);
    }

    #[test]
    fn the_latest_of_equal_pieces_comes_first() {
        let mut slots = Slots::default();
        let of_rows = || Dim::symbol("N").mul(&Dim::fixed(4));
        let [a, b] = [slots.take(of_rows()), slots.take(of_rows())];
        slots.give(b, of_rows());
        slots.give(a, of_rows());
        assert_eq!([slots.take(of_rows()), slots.take(of_rows())], [a, b]);
    }
}
