//! Rows folded into groups by index: the rows are put in the order of their groups, and each group is folded in the order
//! of its rows. The same bits in every run; no atomic operation.

use gradframe_ml_core::graph::{ReduceOp, ScatterOp};
use gradframe_ml_core::{DType, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{Scatter, Schedule};

use super::pointwise::THREADS;
use super::sort::{merge, one_line, start};
use super::text::{Entry, accumulator, c_type, fold_name, neutral, product};
use crate::launch::{Argument, Count, CudaKernel, Doubling, Place, Temporary};

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scatter) -> Result<CudaKernel> {
    let indices = &schedule.buffers[kernel.indices.index()].shape;
    let no_count = || Error::not_implemented("cuda", format!("the number of rows in {indices}"));
    let length = indices.elements().ok_or_else(no_count)?;
    let doubling = Doubling { length, output: Place::Temporary(0), spare: 1, is_first: true };
    let mut first = Entry::new(schedule, format!("{name}_start"), THREADS);
    let around = one_line(&mut first, indices);
    let (starting, first) = start(first, &around, Count::of(indices), &doubling);
    let mut pass = Entry::new(schedule, format!("{name}_merge"), THREADS);
    let around = one_line(&mut pass, indices);
    let group = group_of(&mut pass, kernel, "element");
    let (merging, pass) = merge(pass, &around, "i64", &group, false, Count::of(indices), &doubling);
    let (folding, last) = groups(schedule, format!("{name}_groups"), kernel, indices);
    let order = || Temporary { dtype: DType::I64, count: Count::of(indices) };
    Ok(CudaKernel {
        source: [starting, merging, folding].join("\n"),
        temporaries: vec![order(), order()],
        launches: vec![first, pass, last],
    })
}

/// The group of a row; one past the last for an index outside.
fn group_of(entry: &mut Entry, kernel: &Scatter, row: &str) -> String {
    let (indices, size) = (entry.read(kernel.indices), entry.dim(&kernel.size));
    format!("({indices}[{row}] >= 0 && {indices}[{row}] < {size} ? (i64){indices}[{row}] : (i64){size})")
}

/// One thread folds a group's numbers; where there is one a row, a block does.
fn groups(schedule: &Schedule, name: String, kernel: &Scatter, indices: &Shape) -> (String, crate::launch::Launch) {
    let mut entry = Entry::new(schedule, name, THREADS);
    let (outer, inner) = (entry.count(kernel.outer.dims()), entry.count(kernel.inner.dims()));
    let (size, rows) = (entry.dim(&kernel.size), entry.count(indices.dims()));
    let by_block = inner == "1";
    let dtype = entry.dtype(kernel.output);
    let op = match kernel.op {
        ScatterOp::Sum => ReduceOp::Sum,
        ScatterOp::Max => ReduceOp::Max,
        ScatterOp::Min => ReduceOp::Min,
    };
    let acc = c_type(accumulator(op, dtype));
    let values = entry.read(kernel.values);
    entry.named("const i64* __restrict__ order", Argument::Array(Place::Temporary(0)));
    let group = group_of(&mut entry, kernel, "order[middle]");
    let output = entry.write(kernel.output);
    let code = &mut entry.code;
    code.line(format!("const at_t size = {size}, inner = {inner}, rows = {rows};"));
    let (first, step) = if by_block { ("(at_t)blockIdx.x", "gridDim.x") } else { ("first_thread()", "all_threads()") };
    code.open(format!("for (at_t task = {first}; task < {}; task += {step})", product(&[&outer, "size", "inner"])));
    code.line("const at_t group = task / inner % size;");
    code.line("const at_t first = task / inner / size * rows * inner + task % inner;");
    code.line("at_t bounds[2]; // of the group's rows in their order");
    code.open("for (int side = 0; side < 2; ++side)");
    code.line("at_t low = 0, high = rows;");
    code.open("while (low < high)");
    code.line("const at_t middle = low + (high - low) / 2;");
    code.line(format!("if ({group} < group + side) low = middle + 1;"));
    code.line("else high = middle;");
    code.close();
    code.line("bounds[side] = low;");
    code.close();
    code.line(format!("{acc} total = {};", neutral(op, dtype)));
    let (own, by) = if by_block { (" + threadIdx.x", format!("r += {THREADS}")) } else { ("", "++r".into()) };
    code.open(format!("for (at_t r = bounds[0]{own}; r < bounds[1]; {by})"));
    let name = fold_name(op);
    code.line(format!("total = {name}::of(total, convert<{acc}>({values}[first + (at_t)order[r] * inner]));"));
    code.close();
    let result = |total: &str| format!("convert<{}>({total})", c_type(dtype));
    if by_block {
        code.line(format!("total = block_fold<{name}, {THREADS}>(total);"));
        code.line(format!("if (threadIdx.x == 0) {output}[task] = {};", result("total")));
    } else {
        code.line(format!("{output}[task] = {};", result("total")));
    }
    code.close();
    let dims = kernel.outer.dims().iter().chain([&kernel.size]).chain(kernel.inner.dims());
    let count = Count::of(&Shape::new(dims.cloned()));
    entry.finish(count, if by_block { 1 } else { THREADS }, None)
}
