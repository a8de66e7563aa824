//! Single numbers folded into many groups: the rows of each tile are put in the order of parts of the groups, then each part's
//! rows are folded into tables in shared memory, and its tables in their order (`groups.cuh`). Each row is moved once.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Shape};
use gradframe_ml_kernels::schedule::{Scatter, Schedule};

use super::scatter::{fold_of, is_one};
use super::text::{Entry, accumulator, c_type, fold_name, neutral};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// As `groups.cuh` has them: parts at most, runs at most, rows of a task, threads that put rows in order.
const PARTS: usize = 256;
const RUNS: usize = 256;
const TASK: usize = 65_536;
const THREADS: u32 = 512;
/// Groups of a part, at most: what a table has room for.
const EACH_MAX: usize = 4096;
/// Blocks that fold tasks, at most: more than run at once.
const BLOCKS_MAX: usize = 8192;

/// Temporaries: values and cells in their order, where parts end in tiles, rows of parts in runs and in all, tables.
const VALUES: Place = Place::Temporary(0);
const CELLS: Place = Place::Temporary(1);
const ENDS: Place = Place::Temporary(2);
const COUNTS: Place = Place::Temporary(3);
const OF_PARTS: Place = Place::Temporary(4);
const PARTIAL: Place = Place::Temporary(5);

/// Prints the kernel under this name, if the number of groups is known and not too large, and a row is one number.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scatter) -> Option<CudaKernel> {
    let size = kernel.size.as_fixed().filter(|size| (1..=PARTS * EACH_MAX).contains(size))?;
    if !is_one(&kernel.outer) || !is_one(&kernel.inner) {
        return None;
    }
    let rows = &schedule.buffers[kernel.indices.index()].shape;
    let dtype = schedule.buffers[kernel.values.index()].dtype;
    let many = Many { schedule, name, kernel, op: fold_of(kernel), dtype, rows, size, each: size.div_ceil(PARTS) };
    let (sources, launches): (Vec<_>, Vec<_>) = [many.split(), many.count(), many.fold(), many.join()].into_iter().unzip();
    Some(CudaKernel { source: sources.join("\n"), temporaries: many.temporaries(), launches })
}

struct Many<'a> {
    schedule: &'a Schedule,
    name: &'a str,
    kernel: &'a Scatter,
    op: ReduceOp,
    dtype: DType,
    rows: &'a Shape,
    /// Groups, and those of a part.
    size: usize,
    each: usize,
}

impl<'a> Many<'a> {
    /// Rows of a tile, as `groups::Split` has them.
    fn tile(&self) -> usize {
        if self.dtype.size_bytes() == 8 { 4096 } else { 8192 }
    }

    fn parts(&self) -> usize {
        self.size.div_ceil(self.each)
    }

    /// So many for each tile.
    fn tiles(&self, each: usize) -> Count {
        Count::with_pieces(&Shape::fixed(&[each]), self.rows, self.tile())
    }

    fn temporaries(&self) -> Vec<Temporary> {
        let of = |dtype, count| Temporary { dtype, count };
        let fixed = |count| Count::of(&Shape::fixed(&[count]));
        // A task for each TASK rows, and one more for each part.
        let partial = Count::with_more(&Shape::fixed(&[self.each]), self.rows, TASK * (PARTS + 1), TASK);
        vec![
            of(self.dtype, self.tiles(self.tile())),
            of(DType::U16, self.tiles(self.tile())),
            of(DType::U16, self.tiles(PARTS)),
            of(DType::U32, fixed(RUNS * PARTS)),
            of(DType::U64, fixed(PARTS)),
            of(accumulator(self.op, self.dtype), partial),
        ]
    }

    fn entry(&self, what: &str, threads: u32) -> (Entry<'a>, String) {
        let mut entry = Entry::new(self.schedule, format!("{}_{what}", self.name), threads);
        let rows = entry.count(self.rows.dims());
        (entry, rows)
    }

    /// The fold's name, the groups of a part, all groups, and what a fold over nothing gives.
    fn words(&self) -> (&'static str, usize, usize, String) {
        (fold_name(self.op), self.each, self.size, neutral(self.op, self.dtype))
    }

    fn split(&self) -> (String, Launch) {
        let (mut entry, rows) = self.entry("split", THREADS);
        entry.blocks = 2; // so many run at once on a processor: registers are short
        let (values, indices) = (entry.read(self.kernel.values), entry.read(self.kernel.indices));
        entry.named(format!("{}* __restrict__ sorted", c_type(self.dtype)), Argument::Array(VALUES));
        entry.named("u16* __restrict__ cells", Argument::Array(CELLS));
        entry.named("u16* __restrict__ ends", Argument::Array(ENDS));
        entry.named("u64* of_parts", Argument::Array(OF_PARTS));
        let (_, each, size, _) = self.words();
        entry.code.line(format!("groups::split<{each}>({values}, {indices}, {rows}, {size}, sorted, cells, ends, of_parts);"));
        // One block at least: it clears the counts.
        entry.finish(Count::with_more(&Shape::scalar(), self.rows, 1, self.tile()), 1, None)
    }

    fn count(&self) -> (String, Launch) {
        let (mut entry, rows) = self.entry("count", PARTS as u32);
        entry.named("const u16* __restrict__ ends", Argument::Array(ENDS));
        entry.named("u32* counts", Argument::Array(COUNTS));
        entry.named("u64* of_parts", Argument::Array(OF_PARTS));
        entry.code.line(format!("groups::count_parts(ends, pieces({rows}, {}), counts, of_parts);", self.tile()));
        entry.finish(self.tiles(1).at_most(RUNS), 1, None)
    }

    fn fold(&self) -> (String, Launch) {
        let (mut entry, rows) = self.entry("fold", 32);
        entry.named(format!("const {}* __restrict__ sorted", c_type(self.dtype)), Argument::Array(VALUES));
        entry.named("const u16* __restrict__ cells", Argument::Array(CELLS));
        entry.named("const u16* __restrict__ ends", Argument::Array(ENDS));
        entry.named("const u32* __restrict__ counts", Argument::Array(COUNTS));
        entry.named("const u64* __restrict__ of_parts", Argument::Array(OF_PARTS));
        entry.named(format!("{}* partial", c_type(accumulator(self.op, self.dtype))), Argument::Array(PARTIAL));
        let (fold, each, size, start) = self.words();
        let arguments = format!("sorted, cells, ends, counts, of_parts, {rows}, {size}, {start}, partial");
        entry.code.line(format!("groups::fold_parts<{fold}, {each}>({arguments});"));
        let tasks = Count::with_more(&Shape::fixed(&[self.parts()]), self.rows, 1, TASK);
        entry.finish(tasks.at_most(BLOCKS_MAX), 1, None)
    }

    fn join(&self) -> (String, Launch) {
        let mut entry = Entry::new(self.schedule, format!("{}_join", self.name), PARTS as u32);
        entry.named(format!("const {}* partial", c_type(accumulator(self.op, self.dtype))), Argument::Array(PARTIAL));
        entry.named("const u64* __restrict__ of_parts", Argument::Array(OF_PARTS));
        let output = entry.write(self.kernel.output);
        let (fold, each, size, start) = self.words();
        entry.code.line(format!("groups::join_parts<{fold}, {each}>(partial, of_parts, (at_t){size}, {start}, {output});"));
        entry.finish(Count::of(&Shape::fixed(&[self.size])), PARTS as u32, None)
    }
}
