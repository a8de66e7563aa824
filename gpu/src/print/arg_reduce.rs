//! The place of the largest or smallest along an axis: the first of ties, the first NaN before all numbers.

use gradframe_ml_core::Result;
use gradframe_ml_core::graph::ArgOp;
use gradframe_ml_kernels::schedule::{ArgReduce, Schedule};

use super::moves::{compared, lines};
use super::pointwise::THREADS;
use super::text::Entry;
use crate::launch::{Count, CudaKernel};

/// Prints the kernel under this name: a block searches a line; where lines lie side by side, a thread does.
pub fn print(schedule: &Schedule, name: &str, kernel: &ArgReduce) -> Result<CudaKernel> {
    let mut entry = Entry::new(schedule, name.into(), THREADS);
    let ([_, size, inner], kept) = lines(&mut entry, &kernel.shape, kernel.axis);
    let by_block = inner == "1";
    let count = entry.count(kept.dims());
    let (values, dtype) = compared(&mut entry, kernel.values);
    let output = entry.write(kernel.output);
    let code = &mut entry.code;
    let is_largest = kernel.op == ArgOp::Max;
    let before = format!("is_found_before<{is_largest}>");
    if by_block {
        code.line(format!("__shared__ {dtype} best_values[{THREADS}];"));
        code.line(format!("__shared__ at_t best_places[{THREADS}];"));
    }
    let (first, step) = if by_block { ("(at_t)blockIdx.x", "gridDim.x") } else { ("first_thread()", "all_threads()") };
    code.line(format!("const at_t size = {size}, inner = {inner};"));
    code.open(format!("for (at_t line = {first}; line < {count}; line += {step})"));
    code.line("const at_t start = line / inner * size * inner + line % inner;");
    let (own, by) = if by_block { ("threadIdx.x < size ? threadIdx.x : 0", "THREADS") } else { ("0", "1") };
    code.line(format!("at_t place = {own};"));
    code.line(format!("{dtype} best = convert<{dtype}>({values}[start + place * inner]);"));
    code.open(format!("for (at_t k = place + {by}; k < size; k += {by})").replace("THREADS", &THREADS.to_string()));
    code.line(format!("const {dtype} value = convert<{dtype}>({values}[start + k * inner]);"));
    code.line(format!("if ({before}(value, k, best, place)) best = value, place = k;"));
    code.close();
    if by_block {
        code.line("best_values[threadIdx.x] = best;");
        code.line("best_places[threadIdx.x] = place;");
        code.line("__syncthreads();");
        code.open("if (threadIdx.x == 0)");
        code.open(format!("for (int t = 1; t < {THREADS}; ++t)"));
        code.line(format!(
            "if ({before}(best_values[t], best_places[t], best, place)) best = best_values[t], place = best_places[t];"
        ));
        code.close();
        code.line(format!("{output}[line] = place;"));
        code.close();
        code.line("__syncthreads();");
    } else {
        code.line(format!("{output}[line] = place;"));
    }
    code.close();
    let (source, launch) = entry.finish(Count::of(&kept), if by_block { 1 } else { THREADS }, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}
