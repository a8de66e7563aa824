//! Rows folded into groups by index, with the same bits in every run. Few groups are folded without an order (`scatter_few`),
//! single numbers of many groups in the order of parts of them (`scatter_many`). All others here: the rows are put in the
//! order of their groups, by digits, and each group is folded in the order of its rows.
//!
//! Single numbers go along with their groups, so that each group's lie side by side; of rows of several, only the places do.

use gradframe_ml_core::graph::{ReduceOp, ScatterOp};
use gradframe_ml_core::{DType, Dim, Result, Shape};
use gradframe_ml_kernels::schedule::{Scatter, Schedule};

use super::pointwise::THREADS;
use super::radix::{Carried, FREE, Radix, joined};
use super::text::{Entry, accumulator, c_type, fold_name, neutral, product};
use super::{scatter_few, scatter_many};
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scatter) -> Result<CudaKernel> {
    let few = scatter_few::print(schedule, name, kernel);
    match few.or_else(|| scatter_many::print(schedule, name, kernel)) {
        Some(printed) => Ok(printed),
        None => by_digits(schedule, name, kernel),
    }
}

/// Whether a shape has one element.
pub fn is_one(shape: &Shape) -> bool {
    shape.dims().iter().all(|dim| dim.is_one())
}

/// How values of one group are folded.
pub fn fold_of(kernel: &Scatter) -> ReduceOp {
    match kernel.op {
        ScatterOp::Sum => ReduceOp::Sum,
        ScatterOp::Max => ReduceOp::Max,
        ScatterOp::Min => ReduceOp::Min,
    }
}

fn by_digits(schedule: &Schedule, name: &str, kernel: &Scatter) -> Result<CudaKernel> {
    let rows = &schedule.buffers[kernel.indices.index()].shape;
    let is_single = is_one(&kernel.outer) && is_one(&kernel.inner);
    let carried = if is_single { Carried::Values(schedule.buffers[kernel.values.index()].dtype) } else { Carried::Places };
    let (key, bytes) = key_of(&kernel.size);
    let radix = Radix { schedule, name, rows, key, bytes, carried, into: (!is_single).then_some(Place::Temporary(FREE)) };
    let groups = Groups { radix: &radix, kernel };
    let mut temporaries = radix.temporaries();
    let mut all = vec![groups.start()];
    all.extend(radix.passes());
    if is_single {
        temporaries.push(Temporary { dtype: DType::I64, count: Count::one_more(&Shape::new([kernel.size.clone()])) });
        all.extend([groups.bounds(), groups.fold()]);
    } else {
        temporaries.push(Temporary { dtype: DType::I64, count: Count::of(rows) });
        temporaries.push(Temporary { dtype: DType::I64, count: Count::one_more(&Shape::new([kernel.size.clone()])) });
        all.extend([groups.row_bounds(), groups.fold_rows()]);
    }
    let (source, launches) = joined(all);
    Ok(CudaKernel { source, temporaries, launches })
}

/// The type of a group as a key, and how many of its bytes differ: the number of groups is a key, too.
fn key_of(size: &Dim) -> (DType, usize) {
    match size.as_fixed() {
        Some(size) if size < 1 << 32 => (DType::U32, (usize::BITS - size.leading_zeros()).div_ceil(8).max(1) as usize),
        _ => (DType::U64, 8),
    }
}

struct Groups<'a, 'k> {
    radix: &'k Radix<'a>,
    kernel: &'k Scatter,
}

impl<'a> Groups<'a, '_> {
    fn entry(&self, what: &str) -> (Entry<'a>, String, String) {
        let mut entry = Entry::new(self.radix.schedule, format!("{}_{what}", self.radix.name), THREADS);
        let rows = entry.count(self.radix.rows.dims());
        let groups = entry.dim(&self.kernel.size);
        (entry, rows, groups)
    }

    /// Each row's key, and what it carries.
    fn start(&self) -> (String, Launch) {
        let (mut entry, rows, groups) = self.entry("start");
        let indices = entry.read(self.kernel.indices);
        let [keys, carried] = Radix::first();
        let call = match self.radix.carried {
            Carried::Places => format!("start_places({indices}"),
            Carried::Values(_) => format!("start_values({indices}, {}", entry.read(self.kernel.values)),
        };
        entry.named(format!("{}* __restrict__ keys", c_type(self.radix.key)), Argument::Array(keys));
        entry.named(format!("{}* __restrict__ carried", self.radix.carried_type()), Argument::Array(carried));
        entry.code.line(format!("radix::{call}, {rows}, {groups}, keys, carried);"));
        entry.finish(Count::of(self.radix.rows), THREADS, None)
    }

    fn bounds(&self) -> (String, Launch) {
        let (mut entry, rows, groups) = self.entry("bounds");
        let [keys, _] = self.radix.sorted();
        entry.named(format!("const {}* __restrict__ keys", c_type(self.radix.key)), Argument::Array(keys));
        entry.named("at_t* __restrict__ starts", Argument::Array(Place::Temporary(FREE)));
        entry.code.line(format!("radix::bounds(keys, {rows}, {groups}, starts);"));
        entry.finish(Count::one_more(self.radix.rows), THREADS, None)
    }

    fn fold(&self) -> (String, Launch) {
        let (mut entry, rows, groups) = self.entry("fold");
        let (op, dtype) = (fold_of(self.kernel), entry.dtype(self.kernel.output));
        let [_, carried] = self.radix.sorted();
        entry.named(format!("const {}* __restrict__ carried", self.radix.carried_type()), Argument::Array(carried));
        entry.named("const at_t* __restrict__ starts", Argument::Array(Place::Temporary(FREE)));
        let output = entry.write(self.kernel.output);
        let (name, start) = (fold_name(op), neutral(op, dtype));
        entry.code.line(format!("radix::fold<{name}>(carried, starts, {rows}, {groups}, {start}, {output});"));
        entry.finish(Count::of(&Shape::new([self.kernel.size.clone()])), 1, None)
    }

    /// Where each group's rows begin among the places in their order, which a thread finds by halves.
    fn row_bounds(&self) -> (String, Launch) {
        let (mut entry, rows, groups) = self.entry("bounds");
        let indices = entry.read(self.kernel.indices);
        entry.named("const i64* __restrict__ order", Argument::Array(Place::Temporary(FREE)));
        entry.named("at_t* __restrict__ starts", Argument::Array(Place::Temporary(FREE + 1)));
        let code = &mut entry.code;
        code.line(format!("const at_t size = {groups}, rows = {rows};"));
        code.open("for (at_t group = first_thread(); group <= size; group += all_threads())");
        code.line("at_t low = 0, high = rows;");
        code.open("while (low < high)");
        code.line("const at_t middle = low + (high - low) / 2;");
        code.line(format!("if (radix::group_of<i64>({indices}[order[middle]], size) < group) low = middle + 1;"));
        code.line("else high = middle;");
        code.close();
        code.line("starts[group] = low;");
        code.close();
        entry.finish(Count::one_more(&Shape::new([self.kernel.size.clone()])), THREADS, None)
    }

    /// One thread folds a group's numbers, which it finds by the places of its rows.
    fn fold_rows(&self) -> (String, Launch) {
        let kernel = self.kernel;
        let (mut entry, rows, groups) = self.entry("fold");
        let (outer, inner) = (entry.count(kernel.outer.dims()), entry.count(kernel.inner.dims()));
        let (op, dtype) = (fold_of(self.kernel), entry.dtype(kernel.output));
        let acc = c_type(accumulator(op, dtype));
        let values = entry.read(kernel.values);
        entry.named("const i64* __restrict__ order", Argument::Array(Place::Temporary(FREE)));
        entry.named("const at_t* __restrict__ starts", Argument::Array(Place::Temporary(FREE + 1)));
        let output = entry.write(kernel.output);
        let code = &mut entry.code;
        code.line(format!("const at_t size = {groups}, inner = {inner}, rows = {rows};"));
        let tasks = product(&[&outer, "size", "inner"]);
        code.open(format!("for (at_t task = first_thread(); task < {tasks}; task += all_threads())"));
        code.line("const at_t group = task / inner % size, end = starts[group + 1];");
        code.line("const at_t first = task / inner / size * rows * inner + task % inner;");
        code.line(format!("{acc} total = {};", neutral(op, dtype)));
        code.open("for (at_t r = starts[group]; r < end; ++r)");
        let name = fold_name(op);
        code.line(format!("total = {name}::of(total, convert<{acc}>({values}[first + (at_t)order[r] * inner]));"));
        code.close();
        code.line(format!("{output}[task] = convert<{}>(total);", c_type(dtype)));
        code.close();
        let dims = kernel.outer.dims().iter().chain([&kernel.size]).chain(kernel.inner.dims());
        entry.finish(Count::of(&Shape::new(dims.cloned())), THREADS, None)
    }
}
