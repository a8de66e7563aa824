//! Rows folded into few groups: tables in shared memory (`groups.cuh`), one for each warp of a fixed chunk of rows, and then
//! the chunks in their order. Nothing is sorted: each element is read once.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Shape};
use gradframe_ml_kernels::schedule::{Scatter, Schedule};

use super::scatter::{fold_of, is_one};
use super::text::{Entry, accumulator, c_type, fold_name, neutral};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Cells of a warp's table, at most: groups times the numbers of a row.
const CELLS_MAX: usize = 4096;
/// As `groups.cuh` has them: elements of a chunk at least, chunks at most, and threads that join them.
const CHUNK: usize = 16_384;
const CHUNKS: usize = 4096;
const JOINING: u32 = 1024;

/// Prints the kernel under this name, if it is known that the groups are few, and rows are the first axis.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scatter) -> Option<CudaKernel> {
    let cells = Shape::new([&kernel.size].into_iter().chain(kernel.inner.dims()).cloned());
    let count: usize = cells.as_fixed()?.iter().product();
    if count == 0 || count > CELLS_MAX || !is_one(&kernel.outer) {
        return None;
    }
    let op = fold_of(kernel);
    let rows = schedule.buffers[kernel.indices.index()].shape.dims();
    let elements = Shape::new(rows.iter().chain(kernel.inner.dims()).cloned());
    let dtype = schedule.buffers[kernel.output.index()].dtype;
    let few = Few { schedule, kernel, op, dtype, elements, cells: count };
    let (folding, fold) = few.fold(format!("{name}_few"));
    let (joining, join) = few.join(format!("{name}_join"));
    let partial = Count::with_pieces(&cells, &few.elements, CHUNK).at_most(CHUNKS * count);
    Some(CudaKernel {
        source: format!("{folding}\n{joining}"),
        temporaries: vec![Temporary { dtype: accumulator(op, dtype), count: partial }],
        launches: vec![fold, join],
    })
}

struct Few<'a> {
    schedule: &'a Schedule,
    kernel: &'a Scatter,
    op: ReduceOp,
    /// Of the values and the result.
    dtype: DType,
    /// Of all values.
    elements: Shape,
    /// Elements of the result.
    cells: usize,
}

impl Few<'_> {
    /// Threads of a block that folds, as `groups::Few` has them.
    fn threads(&self) -> u32 {
        match self.cells {
            ..=1024 => 96,
            1025..=2048 => 64,
            _ => 32,
        }
    }

    /// The fold's name, the number of cells, and what a fold over nothing gives.
    fn words(&self) -> (&'static str, usize, String) {
        (fold_name(self.op), self.cells, neutral(self.op, self.dtype))
    }

    fn partial(&self, entry: &mut Entry, c: &str) {
        let acc = c_type(accumulator(self.op, self.dtype));
        entry.named(format!("{c}{acc}* partial"), Argument::Array(Place::Temporary(0)));
    }

    fn fold(&self, name: String) -> (String, Launch) {
        let kernel = self.kernel;
        let mut entry = Entry::new(self.schedule, name, self.threads());
        let rows = entry.count(self.schedule.buffers[kernel.indices.index()].shape.dims());
        let (inner, size) = (entry.count(kernel.inner.dims()), entry.dim(&kernel.size));
        let (values, indices) = (entry.read(kernel.values), entry.read(kernel.indices));
        self.partial(&mut entry, "");
        let (fold, cells, start) = self.words();
        entry.code.line(format!("const at_t rows = {rows}, size = {size}, inner = {inner};"));
        let arguments = format!("{values}, {indices}, rows, size, inner, {start}, partial");
        entry.code.line(format!("groups::fold_chunks<{fold}, {cells}>({arguments});"));
        let tasks = Count::with_pieces(&Shape::scalar(), &self.elements, CHUNK).at_most(CHUNKS);
        entry.finish(tasks, 1, None)
    }

    fn join(&self, name: String) -> (String, Launch) {
        let mut entry = Entry::new(self.schedule, name, JOINING);
        let elements = entry.count(self.elements.dims());
        self.partial(&mut entry, "const ");
        let output = entry.write(self.kernel.output);
        let (fold, cells, start) = self.words();
        entry.code.line(format!("groups::join_chunks<{fold}, {cells}>(partial, {output}, (at_t){elements}, {start});"));
        entry.finish(Count::of(&Shape::fixed(&[cells])), 32, None)
    }
}
