//! Lines: a block folds a chunk of one.

use gradframe_ml_core::{Result, Shape};

use super::{Folds, IN_FLIGHT_BYTES};
use crate::launch::{Count, Launch};
use crate::print::elements::{Elements, Limits, unrolled};
use crate::print::pack;
use crate::print::pointwise::THREADS;
use crate::print::text::{Entry, product};

/// Folded elements of a block's chunk.
pub const CHUNK: usize = 16 * 1024;

/// The fold of each chunk into a temporary, or without chunks of each line into the result.
pub fn print(folds: &Folds, name: String, chunk: Option<usize>) -> Result<(String, Launch)> {
    let kernel = folds.kernel;
    let scalar = Shape::scalar();
    let length_factor = pack::factor_of_count(kernel.folded.dims());
    let is_single = kernel.outer.dims().iter().all(|d| d.is_one());
    let start_factor = if is_single { 0 } else { length_factor };
    let limits = Limits { stored_bytes: 1, start_factor, in_flight_bytes: IN_FLIGHT_BYTES };
    let elements = Elements::of(folds.text(&scalar), &limits);
    let mut entry = Entry::new(folds.schedule, name, THREADS);
    let (kept, folded) = (entry.count(folds.kept.dims()), entry.count(kernel.folded.dims()));
    elements.constants(&mut entry)?;
    let tasks = match chunk {
        Some(chunk) => {
            entry.code.line(format!("const at_t folded = {folded}, chunks = pieces(folded, {chunk});"));
            product(&[&kept, "chunks"])
        }
        None => {
            entry.code.line(format!("const at_t folded = {folded};"));
            kept
        }
    };
    entry.code.open(format!("for (at_t task = (at_t)blockIdx.x; task < {tasks}; task += gridDim.x)"));
    bounds(&mut entry, chunk);
    let has_tail = pack::shared(elements.lanes, length_factor) < elements.lanes;
    let whole = if has_tail { format!("start + (end - start) / {0} * {0}", elements.lanes) } else { "end".into() };
    entry.code.line(format!("const at_t whole = {whole};"));
    entry.code.line(format!("Folded<{}, {}> fold{{{}}};", folds.op(), folds.acc(), folds.neutral()));
    packs(folds, &elements, &mut entry)?;
    if has_tail {
        tail(folds, &elements, &mut entry)?;
    }
    let total = format!("block_fold<{}, {THREADS}>(fold.total)", folds.op());
    entry.code.line(format!("const {} total = {total};", folds.acc()));
    let (array, value) = folds.target(&mut entry, chunk.is_some(), "total");
    entry.code.line(format!("if (threadIdx.x == 0) {array}[task] = {value};"));
    entry.code.close();
    let count = match chunk {
        Some(chunk) => Count::with_pieces(&folds.kept, &kernel.folded, chunk),
        None => Count::of(&folds.kept),
    };
    Ok(entry.finish(count, 1, None))
}

fn bounds(entry: &mut Entry, chunk: Option<usize>) {
    let Some(chunk) = chunk else {
        entry.code.line("const at_t first = task * folded, start = 0, end = folded;");
        return;
    };
    entry.code.line(format!("const at_t first = task / chunks * folded, start = task % chunks * {chunk};"));
    entry.code.line(format!("const at_t end = start + {chunk} < folded ? start + {chunk} : folded;"));
}

/// The walk over packs, several in flight.
fn packs(folds: &Folds, elements: &Elements, entry: &mut Entry) -> Result<()> {
    let (lanes, count) = (elements.lanes, elements.packs);
    let tile = THREADS as usize * lanes * count;
    entry.code.open(format!("for (at_t tile = start; tile < whole; tile += {tile})"));
    elements.held(entry);
    open_packs(entry, lanes, count);
    elements.loads(entry, false)?;
    entry.code.close();
    open_packs(entry, lanes, count);
    let is_paired = folds.is_paired() && lanes > 1;
    if is_paired {
        entry.code.line(format!("float pack[{lanes}];"));
    }
    elements.each(entry, false, |entry, name| {
        let value = name(folds.kernel.value);
        let line = if is_paired { format!("pack[k] = {value};") } else { format!("fold.add(({}){value});", folds.acc()) };
        entry.code.line(line);
    })?;
    if is_paired {
        entry.code.line(format!("fold.add(sum_of<{lanes}>(pack));"));
    }
    entry.code.close();
    entry.code.close();
    Ok(())
}

fn open_packs(entry: &mut Entry, lanes: usize, count: usize) {
    unrolled(&mut entry.code, "u", count);
    entry.code.line(format!("const at_t f = tile + (u * {THREADS} + (at_t)threadIdx.x) * {lanes};"));
    entry.code.line("if (f >= whole) continue;");
    entry.code.line("const at_t i = first + f;");
}

/// The elements behind the last pack, fewer than one.
fn tail(folds: &Folds, elements: &Elements, entry: &mut Entry) -> Result<()> {
    entry.code.open("if (whole + (at_t)threadIdx.x < end)");
    entry.code.line("const at_t i = first + whole + (at_t)threadIdx.x;");
    elements.single(entry)?;
    entry.code.line(format!("fold.add(({}){});", folds.acc(), elements.single_name(folds.kernel.value)));
    entry.code.close();
    Ok(())
}
