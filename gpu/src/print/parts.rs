//! Parts of arrays at a place known at run time, one thread an element.

use gradframe_ml_core::Result;
use gradframe_ml_kernels::schedule::{DynSlice, DynUpdate, Schedule};

use super::pointwise::THREADS;
use super::text::{Entry, literal, product};
use crate::launch::{Count, CudaKernel};

/// Copies a part out; zeros where it leaves the axis.
pub fn slice(schedule: &Schedule, name: &str, kernel: &DynSlice) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let dims = kernel.shape.dims();
    let (outer, n) = (entry.count(&dims[..kernel.axis]), entry.dim(&dims[kernel.axis]));
    let (inner, size) = (entry.count(&dims[kernel.axis + 1..]), entry.dim(&kernel.size));
    let (source, start) = (entry.read(kernel.source), entry.read(kernel.start));
    let output = entry.write(kernel.output);
    let zero = literal(entry.dtype(kernel.source), 0);
    let code = &mut entry.code;
    code.line(format!("const at_t size = {size}, inner = {inner}, count = {};", product(&[&outer, "size", "inner"])));
    code.line(format!("const i64 n = {n}, start = {start}[0];"));
    code.open("for (at_t i = first_thread(); i < count; i += all_threads())");
    code.line("const i64 offset = i / inner % size;");
    code.line("const bool is_inside = start >= -offset && start < n - offset;"); // no sum that overflows
    code.line("const at_t at = is_inside ? (at_t)(start + offset) : 0;");
    code.line(format!("{output}[i] = is_inside ? {source}[(i / inner / size * (at_t)n + at) * inner + i % inner] : {zero};"));
    code.close();
    let shape = kernel.shape.with(kernel.axis, kernel.size.clone());
    let (source, launch) = entry.finish(Count::of(&shape), THREADS, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// Takes each element from the part where that lies, else from the target.
pub fn update(schedule: &Schedule, name: &str, kernel: &DynUpdate) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let dims = kernel.shape.dims();
    let n = entry.dim(&dims[kernel.axis]);
    let (inner, size) = (entry.count(&dims[kernel.axis + 1..]), entry.dim(&kernel.size));
    let count = entry.count(dims);
    let (target, part) = (entry.read(kernel.target), entry.read(kernel.part));
    let start = entry.read(kernel.start);
    let output = entry.write(kernel.output);
    let code = &mut entry.code;
    code.line(format!("const at_t n = {n}, inner = {inner};"));
    code.line(format!("const i64 size = {size}, start = {start}[0];"));
    code.open(format!("for (at_t i = first_thread(); i < {count}; i += all_threads())"));
    code.line("const i64 place = i / inner % n;");
    code.line("const bool is_part = start <= place && place - size < start;");
    code.line("const at_t at = is_part ? (at_t)(place - start) : 0;");
    code.line(format!("{output}[i] = is_part ? {part}[(i / inner / n * (at_t)size + at) * inner + i % inner] : {target}[i];"));
    code.close();
    let (source, launch) = entry.finish(Count::of(&kernel.shape), THREADS, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}
