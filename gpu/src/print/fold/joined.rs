//! The chunks of each result: threads take chunks far apart, then come together in a fixed order.

use super::Folds;
use crate::launch::{Argument, Count, Launch, Place};
use crate::print::text::{Entry, product};

/// Threads of a block where it joins one line, or columns side by side.
const THREADS: u32 = 1024;
/// Threads of a block whose warps join lines.
const WARPS_THREADS: u32 = 256;
/// Columns side by side of one block.
const ACROSS: u32 = 32;

/// The fold of the chunks of each result.
pub fn print(folds: &Folds, name: String, chunk: usize, is_line: bool) -> (String, Launch) {
    let is_single = folds.kept.dims().iter().all(|d| d.is_one());
    match (is_line, is_single) {
        (true, true) => block(folds, name, chunk),
        (true, false) => warps(folds, name, chunk),
        _ => columns(folds, name, chunk),
    }
}

fn begin<'a>(folds: &Folds<'a>, name: String, threads: u32, chunk: usize) -> Entry<'a> {
    let mut entry = Entry::new(folds.schedule, name, threads);
    let folded = entry.count(folds.kernel.folded.dims());
    entry.named(format!("const {}* __restrict__ partial", folds.acc()), Argument::Array(Place::Temporary(0)));
    entry.code.line(format!("const at_t chunks = pieces({folded}, {chunk});"));
    entry
}

fn walk(folds: &Folds, entry: &mut Entry, from: &str, step: u32, at: &str) {
    entry.code.line(format!("Folded<{}, {}> fold{{{}}};", folds.op(), folds.acc(), folds.neutral()));
    entry.code.line("#pragma unroll 4");
    entry.code.line(format!("for (at_t c = {from}; c < end; c += {step}) fold.add(partial[{at}]);"));
}

/// One result: a block takes all chunks.
fn block(folds: &Folds, name: String, chunk: usize) -> (String, Launch) {
    let mut entry = begin(folds, name, THREADS, chunk);
    entry.code.line("const at_t end = chunks;");
    walk(folds, &mut entry, "threadIdx.x", THREADS, "c");
    entry.code.line(format!("const {} total = block_fold<{}, {THREADS}>(fold.total);", folds.acc(), folds.op()));
    let (array, value) = folds.target(&mut entry, false, "total");
    entry.code.line(format!("if (blockIdx.x == 0 && threadIdx.x == 0) {array}[0] = {value};"));
    entry.finish(Count::of(&folds.kept), 1, None)
}

/// A warp takes the chunks of a line.
fn warps(folds: &Folds, name: String, chunk: usize) -> (String, Launch) {
    let mut entry = begin(folds, name, WARPS_THREADS, chunk);
    let lines = entry.count(folds.kept.dims());
    entry.code.line("const int lane = threadIdx.x % 32;");
    entry.code.open(format!("for (at_t line = first_thread() / 32; line < {lines}; line += all_threads() / 32)"));
    entry.code.line("const at_t end = chunks;");
    walk(folds, &mut entry, "lane", 32, "line * chunks + c");
    entry.code.line("team_fold<32>(fold);");
    let (array, value) = folds.target(&mut entry, false, "fold.total");
    entry.code.line(format!("if (lane == 0) {array}[line] = {value};"));
    entry.code.close();
    entry.finish(Count::of(&folds.kept), WARPS_THREADS / 32, None)
}

/// Columns side by side, and groups of threads on chunks far apart.
fn columns(folds: &Folds, name: String, chunk: usize) -> (String, Launch) {
    let mut entry = begin(folds, name, THREADS, chunk);
    let (outer, inner) = (entry.count(folds.kernel.outer.dims()), entry.count(folds.kernel.inner.dims()));
    let groups = THREADS / ACROSS;
    let code = &mut entry.code;
    code.line(format!("__shared__ {} sums[{THREADS}];", folds.acc()));
    code.line(format!("const at_t inner = {inner}, stripes = pieces(inner, {ACROSS});"));
    code.line(format!("const int group = threadIdx.x / {ACROSS};"));
    let tasks = product(&[&outer, "stripes"]);
    code.open(format!("for (at_t task = (at_t)blockIdx.x; task < {tasks}; task += gridDim.x)"));
    code.line(format!("const at_t line = task / stripes, column = task % stripes * {ACROSS} + (at_t)threadIdx.x % {ACROSS};"));
    code.line("const at_t end = column < inner ? chunks : 0;");
    walk(folds, &mut entry, "group", groups, "(line * chunks + c) * inner + column");
    let code = &mut entry.code;
    code.line("sums[threadIdx.x] = fold.total;");
    code.line("__syncthreads();");
    code.open(format!("for (int half = {}; half > 0; half /= 2)", groups / 2));
    code.line(format!("if (group < half) fold.add(sums[threadIdx.x + half * {ACROSS}]);"));
    code.line("if (group < half) sums[threadIdx.x] = fold.total;");
    code.line("__syncthreads();");
    code.close();
    let (array, value) = folds.target(&mut entry, false, "fold.total");
    entry.code.line(format!("if (group == 0 && column < inner) {array}[line * inner + column] = {value};"));
    entry.code.close();
    let count = Count::with_pieces(&folds.kernel.outer, &folds.kernel.inner, ACROSS as usize);
    entry.finish(count, 1, None)
}
