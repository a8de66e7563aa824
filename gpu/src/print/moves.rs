//! Kernels that only move elements: picking rows by index, and joining.

use gradframe_ml_core::{Result, Shape};
use gradframe_ml_kernels::schedule::{BufferId, Concat, Gather, Schedule};

use super::pointwise::THREADS;
use super::text::{Entry, literal, product};
use crate::launch::{Count, CudaKernel};

/// Picks rows, one thread an element; an index outside picks zeros.
pub fn gather(schedule: &Schedule, name: &str, kernel: &Gather) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let dims = kernel.shape.dims();
    let indices_shape = entry.shape(kernel.indices);
    let (outer, size) = (entry.count(&dims[..kernel.axis]), entry.dim(&dims[kernel.axis]));
    let (inner, picked) = (entry.count(&dims[kernel.axis + 1..]), entry.count(indices_shape.dims()));
    let (table, indices) = (entry.read(kernel.table), entry.read(kernel.indices));
    let output = entry.write(kernel.output);
    let zero = literal(entry.dtype(kernel.table), 0);
    let code = &mut entry.code;
    code.line(format!("const at_t picked = {picked}, inner = {inner}, count = {};", product(&[&outer, "picked", "inner"])));
    code.open("for (at_t i = first_thread(); i < count; i += all_threads())");
    code.line(format!("const i64 row = {indices}[i / inner % picked];"));
    code.line(format!("const bool is_inside = row >= 0 && row < {size};"));
    code.line(format!("const at_t from = (i / inner / picked * {size} + (at_t)row) * inner + i % inner;"));
    code.line(format!("{output}[i] = is_inside ? {table}[from] : {zero};"));
    code.close();
    let shape = [&dims[..kernel.axis], indices_shape.dims(), &dims[kernel.axis + 1..]].concat();
    let (source, launch) = entry.finish(Count::of(&Shape::new(shape)), THREADS, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// Joins arrays, one launch a part: each copies its rows to their place in the longer ones.
pub fn concat(schedule: &Schedule, name: &str, kernel: &Concat) -> Result<CudaKernel> {
    let (mut sources, mut launches) = (Vec::new(), Vec::new());
    for part in 0..kernel.parts.len() {
        let mut entry = Entry::new(schedule, format!("{name}_part{part}"), THREADS);
        let (buffer, shape) = &kernel.parts[part];
        let rows: Vec<String> = kernel.parts.iter().map(|(_, s)| entry.count(&s.dims()[kernel.axis..])).collect();
        let outer = entry.count(&shape.dims()[..kernel.axis]);
        let (read, output) = (entry.read(*buffer), entry.write(kernel.output));
        let before = if part == 0 { "0".into() } else { rows[..part].join(" + ") };
        let code = &mut entry.code;
        code.line(format!("const at_t row = {}, joined = {}, before = {before};", rows[part], rows.join(" + ")));
        code.open(format!("for (at_t i = first_thread(); i < {}; i += all_threads())", product(&[&outer, "row"])));
        code.line(format!("{output}[i / row * joined + before + i % row] = {read}[i];"));
        code.close();
        let (source, launch) = entry.finish(Count::of(shape), THREADS, None);
        sources.push(source);
        launches.push(launch);
    }
    Ok(CudaKernel { source: sources.join("\n"), temporaries: Vec::new(), launches })
}

/// The number of elements of a buffer before an axis, along it and after it, as expressions; and its lines as a shape.
pub fn lines(entry: &mut Entry, shape: &Shape, axis: usize) -> ([String; 3], Shape) {
    let dims = shape.dims();
    let around = [entry.count(&dims[..axis]), entry.dim(&dims[axis]), entry.count(&dims[axis + 1..])];
    (around, shape.without(&[axis]))
}

/// The name of a buffer that is read, and of its elements as numbers that compare: halves as singles.
pub fn compared(entry: &mut Entry, buffer: BufferId) -> (String, &'static str) {
    use gradframe_ml_core::DType;
    let dtype = match entry.dtype(buffer) {
        DType::F16 | DType::BF16 => DType::F32,
        DType::Bool => DType::U8,
        other => other,
    };
    (entry.read(buffer), super::text::c_type(dtype))
}
