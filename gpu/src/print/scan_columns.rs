//! Scans of lines side by side: fixed chunks of each line, what comes before each chunk, and each again from there.
//! Neighbouring threads take neighbouring lines.

use gradframe_ml_core::{DType, Result, Shape};
use gradframe_ml_kernels::schedule::{Scan, Schedule};

use super::moves::lines;
use super::pointwise::THREADS;
use super::text::{Entry, accumulator, c_type, fold_name, neutral, product};
use crate::launch::{Argument, Count, CudaKernel, Place, Temporary};

/// Elements of a chunk, which a thread folds.
const CHUNK: usize = 256;
/// Totals of chunks that a thread reads before it folds them.
const AHEAD: usize = 8;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Scan) -> Result<CudaKernel> {
    let along = Shape::new([kernel.shape.dims()[kernel.axis].clone()]);
    let kept = kernel.shape.without(&[kernel.axis]);
    let is_short = along.as_fixed().is_some_and(|n| n[0] <= CHUNK);
    let tasks = || if is_short { Count::of(&kept) } else { Count::with_pieces(&kept, &along, CHUNK) };
    let printer = Scans { schedule, kernel };
    let apply = printer.pass(format!("{name}_columns"), Pass::Apply { is_short }).finish(tasks(), THREADS, None);
    if is_short {
        return Ok(CudaKernel { source: apply.0, temporaries: Vec::new(), launches: vec![apply.1] });
    }
    let totals = printer.pass(format!("{name}_totals"), Pass::Totals).finish(tasks(), THREADS, None);
    let before = printer.before(format!("{name}_before")).finish(Count::of(&kept), THREADS, None);
    let temporary = Temporary { dtype: printer.accumulator(), count: tasks() };
    Ok(CudaKernel {
        source: [totals.0, before.0, apply.0].join("\n"),
        temporaries: vec![temporary],
        launches: vec![totals.1, before.1, apply.1],
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Totals,
    Apply { is_short: bool },
}

struct Scans<'a> {
    schedule: &'a Schedule,
    kernel: &'a Scan,
}

impl<'a> Scans<'a> {
    fn accumulator(&self) -> DType {
        accumulator(self.kernel.op.fold(), self.schedule.buffers[self.kernel.values.index()].dtype)
    }

    fn neutral(&self) -> String {
        neutral(self.kernel.op.fold(), self.accumulator())
    }

    /// A walk over each chunk: its total into the temporary, or its elements into the result.
    fn pass(&self, name: String, pass: Pass) -> Entry<'a> {
        let kernel = self.kernel;
        let mut entry = Entry::new(self.schedule, name, THREADS);
        let ([outer, size, inner], _) = lines(&mut entry, &kernel.shape, kernel.axis);
        let (acc, op) = (c_type(self.accumulator()), fold_name(kernel.op.fold()));
        let values = entry.read(kernel.values);
        if pass != (Pass::Apply { is_short: true }) {
            entry.named(format!("{acc}* __restrict__ totals"), Argument::Array(Place::Temporary(0)));
        }
        let output = matches!(pass, Pass::Apply { .. }).then(|| (entry.write(kernel.output), entry.dtype(kernel.output)));
        let code = &mut entry.code;
        code.line(format!("const at_t size = {size}, inner = {inner}, chunks = pieces(size, {CHUNK});"));
        code.open(format!(
            "for (at_t task = first_thread(); task < {}; task += all_threads())",
            product(&[&outer, "chunks", "inner"])
        ));
        code.line(format!("const at_t start = task / inner % chunks * {CHUNK};"));
        code.line(format!("const at_t end = start + {CHUNK} < size ? start + {CHUNK} : size;"));
        code.line("const at_t line = task / inner / chunks * size * inner + task % inner;");
        let start = if pass == (Pass::Apply { is_short: false }) { "totals[task]".into() } else { self.neutral() };
        code.line(format!("{acc} total = {start};"));
        code.open("for (at_t k = start; k < end; ++k)");
        code.line(format!("total = {op}::of(total, convert<{acc}>({values}[line + k * inner]));"));
        if let Some((output, dtype)) = &output {
            code.line(format!("{output}[line + k * inner] = convert<{}>(total);", c_type(*dtype)));
        }
        code.close();
        if pass == Pass::Totals {
            code.line("totals[task] = total;");
        }
        code.close();
        entry
    }

    /// Each chunk's total becomes the fold of all chunks before it.
    fn before(&self, name: String) -> Entry<'a> {
        let kernel = self.kernel;
        let mut entry = Entry::new(self.schedule, name, THREADS);
        let ([outer, size, inner], _) = lines(&mut entry, &kernel.shape, kernel.axis);
        let (acc, op) = (c_type(self.accumulator()), fold_name(kernel.op.fold()));
        entry.named(format!("{acc}* __restrict__ totals"), Argument::Array(Place::Temporary(0)));
        let code = &mut entry.code;
        code.line(format!("const at_t inner = {inner}, chunks = pieces({size}, {CHUNK});"));
        code.open(format!("for (at_t line = first_thread(); line < {}; line += all_threads())", product(&[&outer, "inner"])));
        code.line(format!("{acc} before = {};", self.neutral()));
        code.open(format!("for (at_t first = 0; first < chunks; first += {AHEAD})"));
        code.line("const at_t at = (line / inner * chunks + first) * inner + line % inner;");
        code.line(format!("{acc} found[{AHEAD}];"));
        code.line("#pragma unroll");
        code.line(format!("for (int c = 0; c < {AHEAD}; ++c) if (first + c < chunks) found[c] = totals[at + c * inner];"));
        code.line("#pragma unroll");
        code.open(format!("for (int c = 0; c < {AHEAD}; ++c)"));
        code.line("if (first + c < chunks) totals[at + c * inner] = before;");
        code.line(format!("if (first + c < chunks) before = {op}::of(before, found[c]);"));
        code.close();
        code.close();
        code.close();
        entry
    }
}
