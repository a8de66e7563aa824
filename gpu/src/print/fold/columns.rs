//! Columns side by side: threads of a block stand on columns, and groups of them on rows.

use gradframe_ml_core::{Result, Shape};

use super::{Folds, IN_FLIGHT_BYTES, SHORT};
use crate::launch::{Count, Launch};
use crate::print::elements::{Elements, Limits, unrolled};
use crate::print::pack;
use crate::print::pointwise::THREADS;
use crate::print::text::{Entry, c_type, product};

/// Threads side by side, at most.
const ACROSS: usize = 32;
/// Rows of a chunk that each thread folds.
const STEPS: usize = 32;
/// The same, where columns are few: so that there are blocks enough.
const FEW_STEPS: usize = 16;
/// Where sizes are known, chunks are no longer than leaves so many blocks, unless they would have fewer rows than this a thread.
const BLOCKS_MIN: usize = 384;
const STEPS_MIN: usize = 8;

/// How columns are folded.
pub struct Columns {
    /// Elements of a pack.
    lanes: usize,
    /// Threads side by side.
    across: usize,
    /// Rows of a chunk that each thread folds.
    steps: usize,
}

impl Columns {
    /// For these columns.
    pub fn of(folds: &Folds) -> Self {
        let scalar = Shape::scalar();
        let lanes = elements(folds, &scalar).lanes;
        let inner: Option<usize> = folds.kernel.inner.as_fixed().map(|sizes| sizes.iter().product());
        let across = inner.map_or(ACROSS, |n| n.div_ceil(lanes).clamp(1, ACROSS));
        let most = if across < ACROSS { FEW_STEPS } else { STEPS };
        let blocks = |steps: usize| {
            let stripes = folds.kernel.outer.as_fixed()?.iter().product::<usize>() * inner?.div_ceil(lanes * across);
            Some(stripes * folds.length()?.div_ceil(THREADS as usize / across * steps))
        };
        let are_few = |steps: &usize| *steps > STEPS_MIN && blocks(*steps).is_some_and(|blocks| blocks < BLOCKS_MIN);
        let steps = std::iter::successors(Some(most), |steps| Some(steps / 2)).find(|steps| !are_few(steps)).unwrap_or(most);
        Columns { lanes, across, steps }
    }

    /// Groups of threads, each on rows of its own.
    fn groups(&self) -> usize {
        THREADS as usize / self.across
    }

    /// Rows that a block folds.
    pub fn rows_of_chunk(&self) -> usize {
        self.groups() * self.steps
    }

    /// The fold of each chunk into a temporary, or without chunks of all rows into the result.
    pub fn print(&self, folds: &Folds, name: String, chunk: Option<usize>) -> Result<(String, Launch)> {
        if folds.length().is_some_and(|n| n <= SHORT) {
            return self.print_short(folds, name);
        }
        let (kernel, scalar) = (folds.kernel, Shape::scalar());
        let elements = elements(folds, &scalar);
        let mut entry = Entry::new(folds.schedule, name, THREADS);
        let (outer, inner) = (entry.count(kernel.outer.dims()), entry.count(kernel.inner.dims()));
        let folded = entry.count(kernel.folded.dims());
        elements.constants(&mut entry)?;
        let (across, groups, lanes) = (self.across, self.groups(), self.lanes);
        let code = &mut entry.code;
        code.line(format!("__shared__ {} sums[{}];", folds.acc(), THREADS as usize * lanes));
        code.line(format!("const at_t folded = {folded}, inner = {inner}, stripes = pieces(inner, {});", across * lanes));
        let chunks = chunk.map_or("1".into(), |chunk| format!("pieces(folded, {chunk})"));
        code.line(format!("const at_t chunks = {chunks};"));
        code.line(format!("const int group = threadIdx.x / {across};"));
        let tasks = product(&[&outer, "chunks", "stripes"]);
        code.open(format!("for (at_t task = (at_t)blockIdx.x; task < {tasks}; task += gridDim.x)"));
        code.line("const at_t line = task / stripes / chunks, chunk = task / stripes % chunks;");
        code.line(format!("const at_t column = (task % stripes * {across} + (at_t)threadIdx.x % {across}) * {lanes};"));
        let bounds = match chunk {
            Some(n) => format!("chunk * {n}, end = start + {n} < folded ? start + {n} : folded"),
            None => "0, end = folded".into(),
        };
        code.line(format!("const at_t start = {bounds};"));
        variables(folds, code, lanes);
        let is_idle = if (THREADS as usize).is_multiple_of(across) { String::new() } else { format!("group < {groups} && ") };
        code.open(format!("if ({is_idle}column < inner)"));
        rows(folds, &elements, &mut entry, "start + group", groups)?;
        entry.code.close();
        self.meet(&mut entry);
        entry.code.open("if (group == 0 && column < inner)");
        unrolled(&mut entry.code, "k", lanes);
        let (array, value) = folds.target(&mut entry, chunk.is_some(), "folds[k].total");
        entry.code.line(format!("{array}[(line * chunks + chunk) * inner + column + k] = {value};"));
        entry.code.close();
        entry.code.close();
        entry.code.close();
        let stripes = Count::with_pieces(&kernel.outer, &kernel.inner, across * lanes);
        let count = match chunk {
            Some(chunk) => stripes.and_pieces(&kernel.folded, chunk),
            None => stripes,
        };
        Ok(entry.finish(count, 1, None))
    }

    /// The groups' folds come together in the first one, in halves.
    fn meet(&self, entry: &mut Entry) {
        let (across, groups, lanes) = (self.across, self.groups(), self.lanes);
        let code = &mut entry.code;
        let distance = across * lanes;
        code.line("#pragma unroll");
        code.open(format!("for (int half = {}; half > 0; half /= 2)", groups.next_power_of_two() / 2));
        code.open("if (group >= half && group < 2 * half)");
        unrolled(code, "k", lanes);
        code.line(format!("sums[(int)threadIdx.x * {lanes} + k] = folds[k].total;"));
        code.close();
        code.close();
        code.line("__syncthreads();");
        code.open(format!("if (group < half && group + half < {groups})"));
        unrolled(code, "k", lanes);
        code.line(format!("folds[k].add(sums[(int)threadIdx.x * {lanes} + k + half * {distance}]);"));
        code.close();
        code.close();
        code.close();
    }

    /// Few rows: a thread folds all of a pack's columns.
    fn print_short(&self, folds: &Folds, name: String) -> Result<(String, Launch)> {
        let (kernel, scalar, lanes) = (folds.kernel, Shape::scalar(), self.lanes);
        let elements = elements(folds, &scalar);
        let mut entry = Entry::new(folds.schedule, name, THREADS);
        let (outer, inner) = (entry.count(kernel.outer.dims()), entry.count(kernel.inner.dims()));
        let folded = entry.count(kernel.folded.dims());
        elements.constants(&mut entry)?;
        let code = &mut entry.code;
        code.line(format!("const at_t end = {folded}, folded = end, inner = {inner}, packs = inner / {lanes};"));
        let tasks = product(&[&outer, "packs"]);
        code.open(format!("for (at_t task = first_thread(); task < {tasks}; task += all_threads())"));
        code.line(format!("const at_t line = task / packs, column = task % packs * {lanes};"));
        variables(folds, code, lanes);
        rows(folds, &elements, &mut entry, "0", 1)?;
        if lanes > 1 {
            entry.code.line(format!("Pack<{}, {lanes}> out;", c_type(folds.output)));
        }
        unrolled(&mut entry.code, "k", lanes);
        let (array, value) = folds.target(&mut entry, false, "folds[k].total");
        match lanes {
            1 => entry.code.line(format!("{array}[line * inner + column] = {value};")),
            _ => entry.code.line(format!("out.at[k] = {value};")),
        }
        entry.code.close();
        if lanes > 1 {
            entry.code.line(format!("unpacked(&{array}[line * inner + column], out);"));
        }
        entry.code.close();
        let count = Count::of(&folds.kept);
        Ok(entry.finish(count, THREADS * lanes as u32, None))
    }
}

fn elements<'t>(folds: &'t Folds, scalar: &'t Shape) -> Elements<'t> {
    let start_factor = pack::factor_of_count(folds.kernel.inner.dims());
    let stored_bytes = folds.output.size_bytes();
    Elements::of(folds.text(scalar), &Limits { stored_bytes, start_factor, in_flight_bytes: IN_FLIGHT_BYTES })
}

fn variables(folds: &Folds, code: &mut crate::print::text::Code, lanes: usize) {
    code.line(format!("Folded<{}, {}> folds[{lanes}];", folds.op(), folds.acc()));
    unrolled(code, "k", lanes);
    code.line(format!("folds[k].total = {};", folds.neutral()));
    code.close();
}

/// The walk over rows `from`, `from + step` ... `end`, several in flight.
fn rows(folds: &Folds, elements: &Elements, entry: &mut Entry, from: &str, step: usize) -> Result<()> {
    let (lanes, count) = (elements.lanes, elements.packs);
    entry.code.open(format!("for (at_t tile = {from}; tile < end; tile += {})", step * count));
    elements.held(entry);
    open_rows(entry, count, step);
    elements.loads(entry, false)?;
    entry.code.close();
    let is_paired = folds.is_paired() && count > 1;
    if is_paired {
        entry.code.line(format!("float rows[{lanes}][{count}] = {{}};"));
    }
    open_rows(entry, count, step);
    elements.each(entry, false, |entry, name| {
        let value = name(folds.kernel.value);
        let line = if is_paired { format!("rows[k][u] = {value};") } else { format!("folds[k].add(({}){value});", folds.acc()) };
        entry.code.line(line);
    })?;
    entry.code.close();
    if is_paired {
        unrolled(&mut entry.code, "k", lanes);
        entry.code.line(format!("folds[k].add(sum_of<{count}>(rows[k]));"));
        entry.code.close();
    }
    entry.code.close();
    Ok(())
}

fn open_rows(entry: &mut Entry, count: usize, step: usize) {
    unrolled(&mut entry.code, "u", count);
    let f = if step == 1 { "tile + u".to_string() } else { format!("tile + u * {step}") };
    entry.code.line(format!("const at_t f = {f};"));
    entry.code.line("if (f >= end) continue;");
    entry.code.line("const at_t i = (line * folded + f) * inner + column;");
}
