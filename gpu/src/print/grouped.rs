//! Rows folded into few groups, in one pass over what they are made of: each thread keeps a number for each group and fold.
//!
//! A group's numbers are registers, so only so many groups are folded at once; where there are more, the rows are read again
//! for the next of them.

use gradframe_ml_core::{DType, Error, Result, Shape};
use gradframe_ml_kernels::grouped::{Folded, GroupFold, GroupOp, Grouped, Rows};
use gradframe_ml_kernels::schedule::{Schedule, ValueId};

use super::chain::ChainText;
use super::elements::{Elements, Limits, unrolled};
use super::pack;
use super::text::Entry;
use crate::launch::{Argument, Count, CudaKernel, Launch, Place, Temporary};

/// Threads of a block.
const THREADS: u32 = 256;
/// Chunks that blocks take, at most.
const CHUNKS_MAX: usize = 2112;
/// Rows of a chunk, at least. 2^30 rows in [`CHUNKS_MAX`] chunks are fewer than 2^19 a chunk, so that 64 bits hold its sums.
const CHUNK_MIN: usize = 8192;
/// Numbers that a thread keeps, about.
const KEPT_MAX: usize = 48;
/// Groups times folds, at most.
const SLOTS_MAX: usize = 4096;
/// Bytes of loads that a thread has in flight, at least.
const IN_FLIGHT_BYTES: usize = 64;

/// Numbers that a run gives back for each group of each fold: the bits of a float or an integer, or the sums of the lower and
/// of the upper halves of integers.
pub const WORDS: usize = 2;

/// Prints the folds. The second temporary is the result: [`WORDS`] of u64 for each group of each fold.
/// Errors: `NotImplemented` for too many groups, and for rows that are not computed each by itself.
pub fn print(grouped: &Grouped, name: &str) -> Result<CudaKernel> {
    let slots = grouped.groups() * grouped.folds().len();
    if slots > SLOTS_MAX {
        let what = format!("{} groups of {} folds", grouped.groups(), grouped.folds().len());
        return Err(Error::not_implemented("cuda", what).hint(format!("{SLOTS_MAX} numbers are folded at once, at most")));
    }
    let rows = grouped.rows()?;
    let printer = Printer { grouped, rows: &rows, schedule: grouped.program().schedule() };
    let (chunks, first) = printer.chunks(format!("{name}_chunks"))?;
    let (joined, second) = printer.joined(format!("{name}_joined"));
    let words = |count| Temporary { dtype: DType::U64, count };
    let partial = words(printer.pieces(slots));
    let totals = words(Count::of(&Shape::fixed(&[WORDS * slots])));
    Ok(CudaKernel { source: format!("{chunks}\n{joined}"), temporaries: vec![partial, totals], launches: vec![first, second] })
}

struct Printer<'a> {
    grouped: &'a Grouped,
    rows: &'a Rows,
    schedule: &'a Schedule,
}

/// What stands where in the text of the first launch.
struct Layout {
    /// Groups that are folded at once.
    groups: usize,
    passes: usize,
    tile: usize,
}

impl Printer<'_> {
    /// Chunks, each so many times.
    fn pieces(&self, times: usize) -> Count {
        let outer = &self.rows.kernel.outer;
        Count::with_pieces(&Shape::fixed(&[times]), outer, CHUNK_MIN).at_most(times * CHUNKS_MAX)
    }

    fn layout(&self, elements: &Elements) -> Layout {
        let most = (KEPT_MAX / self.grouped.folds().len()).clamp(1, self.grouped.groups());
        let passes = self.grouped.groups().div_ceil(most);
        let groups = self.grouped.groups().div_ceil(passes);
        Layout { groups, passes, tile: THREADS as usize * elements.lanes * elements.packs }
    }

    fn chunks(&self, name: String) -> Result<(String, Launch)> {
        let kernel = &self.rows.kernel;
        let text = ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &kernel.row, at: "i", at_row: "i" };
        let limits = Limits { stored_bytes: 4, start_factor: 0, in_flight_bytes: IN_FLIGHT_BYTES };
        let elements = Elements::of(text, &limits);
        let layout = self.layout(&elements);
        let mut entry = Entry::new(self.schedule, name, THREADS);
        self.begin(&mut entry, layout.tile);
        elements.constants(&mut entry)?;
        entry
            .code
            .open(format!("for (at_t task = (at_t)blockIdx.x; task < chunks * {}; task += (at_t)gridDim.x)", layout.passes));
        entry.code.line("const at_t chunk = task % chunks, start = chunk * length;");
        entry.code.line("const at_t end = start + length < rows ? start + length : rows;");
        entry.code.line(format!("const int base = (int)(task / chunks) * {};", layout.groups));
        self.declare(&mut entry, &layout);
        let has_tail = pack::shared(elements.lanes, pack::factor_of_count(kernel.outer.dims())) < elements.lanes;
        let lanes = elements.lanes;
        let whole = if has_tail { format!("start + (end - start) / {lanes} * {lanes}") } else { "end".into() };
        entry.code.line(format!("const at_t whole = {whole};"));
        self.packs(&mut entry, &elements, &layout)?;
        if has_tail {
            entry.code.open("if (whole + (at_t)threadIdx.x < end)");
            entry.code.line("const at_t i = whole + (at_t)threadIdx.x;");
            elements.single(&mut entry)?;
            self.fold(&mut entry, &layout, &|v| elements.single_name(v));
            entry.code.close();
        }
        self.finish(&mut entry, &layout);
        entry.code.close();
        Ok(entry.finish(self.pieces(layout.passes), 1, None))
    }

    /// How the rows are cut: the same in both launches.
    fn begin(&self, entry: &mut Entry, tile: usize) {
        let rows = entry.count(self.rows.kernel.outer.dims());
        entry.named("u64* __restrict__ partial", Argument::Array(Place::Temporary(0)));
        entry.code.line(format!("const at_t rows = {rows};"));
        entry.code.line(format!("const at_t length = grouped::chunk_length(rows, {CHUNKS_MAX}, {CHUNK_MIN}, {tile});"));
        entry.code.line("const at_t chunks = pieces(rows, length);");
    }

    /// The walk over packs, several in flight.
    fn packs(&self, entry: &mut Entry, elements: &Elements, layout: &Layout) -> Result<()> {
        entry.code.open(format!("for (at_t tile = start; tile < whole; tile += {})", layout.tile));
        elements.held(entry);
        open_packs(entry, elements);
        elements.loads(entry, false)?;
        entry.code.close();
        open_packs(entry, elements);
        elements.each(entry, false, |entry, name| self.fold(entry, layout, name))?;
        entry.code.close();
        entry.code.close();
        Ok(())
    }

    /// The numbers that a thread keeps.
    fn declare(&self, entry: &mut Entry, layout: &Layout) {
        for (number, fold) in self.grouped.folds().iter().enumerate() {
            entry.code.line(format!("{} kept{number}[{}];", self.kept_type(fold), layout.groups));
        }
        unrolled(&mut entry.code, "g", layout.groups);
        for (number, fold) in self.grouped.folds().iter().enumerate() {
            entry.code.line(format!("kept{number}[g] = {};", self.neutral(fold)));
        }
        entry.code.close();
    }

    /// A row goes to its group's numbers.
    fn fold(&self, entry: &mut Entry, layout: &Layout, name: &dyn Fn(ValueId) -> String) {
        let of = |result: usize| name(self.rows.results[result]);
        let group = match self.grouped.group() {
            Some(group) => {
                let group = of(group);
                format!("{group} >= 0 && {group} < {} ? (int){group} - base : -1", self.grouped.groups())
            }
            None => "0".into(),
        };
        entry.code.line(format!("const int own = {group};"));
        unrolled(&mut entry.code, "g", layout.groups);
        entry.code.open("if (own == g)");
        for (number, fold) in self.grouped.folds().iter().enumerate() {
            let kept = format!("kept{number}[g]");
            let next = match (fold.op, fold.value) {
                (GroupOp::Count, _) | (_, None) => format!("{kept} += 1;"),
                (_, Some(value)) => format!("{kept} = {}::of({kept}, {});", op(fold), of(value)),
            };
            let when = fold.rows.map_or(String::new(), |rows| format!("if ({}) ", of(rows)));
            entry.code.line(when + &next);
        }
        entry.code.close();
        entry.code.close();
    }

    /// The block's numbers, one after the other.
    fn finish(&self, entry: &mut Entry, layout: &Layout) {
        let groups = self.grouped.groups();
        unrolled(&mut entry.code, "g", layout.groups);
        for (number, fold) in self.grouped.folds().iter().enumerate() {
            let (of, total) = (self.total_type(fold), format!("total{number}"));
            entry.code.line(format!("const {of} {total} = block_fold<{}, {THREADS}>(({of})kept{number}[g]);", op(fold)));
            let slot = format!("({} + base + g) * chunks + chunk", number * groups);
            entry.code.line(format!("if (threadIdx.x == 0 && base + g < {groups}) partial[{slot}] = bits_as<u64>({total});"));
        }
        entry.code.close();
    }

    /// One block for each number.
    fn joined(&self, name: String) -> (String, Launch) {
        let groups = self.grouped.groups();
        let slots = groups * self.grouped.folds().len();
        let kernel = &self.rows.kernel;
        let text = ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &kernel.row, at: "i", at_row: "i" };
        let limits = Limits { stored_bytes: 4, start_factor: 0, in_flight_bytes: IN_FLIGHT_BYTES };
        let tile = self.layout(&Elements::of(text, &limits)).tile;
        let mut entry = Entry::new(self.schedule, name, THREADS);
        self.begin(&mut entry, tile);
        entry.named("u64* __restrict__ totals", Argument::Array(Place::Temporary(1)));
        entry.code.open(format!("for (at_t slot = (at_t)blockIdx.x; slot < {slots}; slot += (at_t)gridDim.x)"));
        entry.code.line(format!("u64* const total = totals + {WORDS} * slot;"));
        entry.code.line("const u64* const own = partial + slot * chunks;");
        entry.code.open(format!("switch (slot / {groups})"));
        for (number, fold) in self.grouped.folds().iter().enumerate() {
            let (of, neutral) = (self.total_type(fold), self.neutral(fold));
            let call = match is_wide(fold) && of == "i64" {
                true => "grouped::joined_wide(own, chunks, total)".into(),
                false => format!("grouped::joined<{}, {of}>(own, chunks, total, {neutral})", op(fold)),
            };
            entry.code.line(format!("case {number}: {call}; break;"));
        }
        entry.code.close();
        entry.code.close();
        entry.finish(Count::of(&Shape::fixed(&[slots])), 1, None)
    }

    fn kept_type(&self, fold: &GroupFold) -> &'static str {
        if fold.op == GroupOp::Count { "int" } else { self.total_type(fold) }
    }

    fn total_type(&self, fold: &GroupFold) -> &'static str {
        if self.grouped.is_float(fold) { "double" } else { "i64" }
    }

    fn neutral(&self, fold: &GroupFold) -> &'static str {
        match fold.op {
            GroupOp::Count | GroupOp::Sum => "0",
            GroupOp::Min => "Limits<i64>::high",
            GroupOp::Max => "Limits<i64>::low",
        }
    }
}

fn open_packs(entry: &mut Entry, elements: &Elements) {
    unrolled(&mut entry.code, "u", elements.packs);
    entry.code.line(format!("const at_t i = tile + (u * {THREADS} + (at_t)threadIdx.x) * {};", elements.lanes));
    entry.code.line("if (i >= whole) continue;");
}

/// The fold's name in the prelude.
fn op(fold: &GroupFold) -> &'static str {
    match fold.op {
        GroupOp::Count | GroupOp::Sum => "Sum",
        GroupOp::Min => "Min",
        GroupOp::Max => "Max",
    }
}

/// What the folds gave, of the words that the second launch leaves. Errors: `Internal` for too few of them.
pub fn folded(grouped: &Grouped, words: &[u64]) -> Result<Vec<Folded>> {
    let per_fold = WORDS * grouped.groups();
    if words.len() < per_fold * grouped.folds().len() {
        return Err(Error::internal("cuda", "fewer numbers than folds"));
    }
    let folds = grouped.folds().iter().zip(words.chunks(per_fold));
    Ok(folds.map(|(fold, words)| numbers(grouped, fold, words.chunks(WORDS))).collect())
}

fn numbers<'w>(grouped: &Grouped, fold: &GroupFold, groups: impl Iterator<Item = &'w [u64]>) -> Folded {
    if grouped.is_float(fold) {
        return Folded::Floats(groups.map(|words| f64::from_bits(words[0])).collect());
    }
    let number = |words: &[u64]| match is_wide(fold) {
        true => i128::from(words[0] as i64) + (i128::from(words[1] as i64) << 32),
        false => i128::from(words[0] as i64),
    };
    Folded::Integers(groups.map(number).collect())
}

/// True for what the host puts together from two sums.
fn is_wide(fold: &GroupFold) -> bool {
    matches!(fold.op, GroupOp::Count | GroupOp::Sum)
}
