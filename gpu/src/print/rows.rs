//! Row kernels: lanes of a warp or a block hold a row in registers across its folds.
//!
//! Each phase of the chain (see `phases`) is a walk over the row, in packs of elements side by side; `lane` of the row's
//! threads takes pack `k * threads + lane`. What a later phase needs of an element stays in the thread's registers
//! (`row7[..]` holds value 7 of its elements), so every element is read once. `frame` is what stands around the walks, `walk`
//! one of them, `elements` what it does at a pack.

mod elements;
mod frame;
mod walk;

use std::collections::BTreeSet;

use gradframe_ml_core::{Dim, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{BufferId, Chain, Instr, Level, Load, Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::pack::{self, Reach};
use super::phases::{Phases, is_fold};
use super::team::Team;
use super::text::{Entry, accumulator, c_type};
use crate::launch::{Count, CudaKernel};

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<CudaKernel> {
    let row = fixed_elements(&kernel.row)?;
    let mut rows = Rows::new(schedule, name, kernel, row);
    rows.head();
    for phase in 0..=rows.phases.last() {
        rows.row_values(phase)?;
        rows.walk(phase)?;
    }
    rows.row_stores();
    let team = rows.team;
    let (source, launch) = rows.entry.finish(Count::of(&kernel.outer), team.rows() as u32, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

/// Lines that a pointwise kernel walks over as rows, at least and at most so long.
const LINE_ELEMENTS: std::ops::RangeInclusive<usize> = 2048..=65_536;

/// A pointwise kernel as one of rows, where it reads numbers that are the same along a long last axis: they are read once a row.
pub fn of_lines(kernel: &Loop) -> Option<Loop> {
    let (last, outer) = kernel.outer.dims().split_last()?;
    let axis = outer.len();
    let is_long = last.as_fixed().is_some_and(|size| LINE_ELEMENTS.contains(&size));
    let is_of_line =
        |load: &Load| !load.axes.iter().any(|map| map.uses(axis)) && load.axes.iter().any(|map| !map.terms.is_empty());
    let is_across = |load: &Load| load.padded || load.axes.iter().rev().skip(1).any(|map| map.uses(axis));
    let applies = is_long && axis > 0 && !kernel.chain.loads().any(is_across) && kernel.chain.loads().any(is_of_line);
    let (row, outer) = (Shape::new([last.clone()]), Shape::new(outer.iter().cloned()));
    applies.then(|| Loop { outer, row, ..kernel.clone() })
}

fn fixed_elements(row: &Shape) -> Result<usize> {
    let symbolic = || Error::internal("cuda", format!("a row of no fixed length: {row}"));
    row.as_fixed().map(|sizes| sizes.iter().product()).ok_or_else(symbolic)
}

struct Rows<'a> {
    entry: Entry<'a>,
    kernel: &'a Loop,
    row: usize,
    team: Team,
    /// Elements of a pack.
    lanes: usize,
    /// The innermost axis, if each pack lies within one of its lines: its first element's position serves all.
    line: Option<usize>,
    /// How each load lies under a pack.
    reach: Vec<Option<Reach>>,
    phases: Phases,
    /// Numbers of the row of which the kernel's text has a `Divisor` by now.
    declared_divisors: BTreeSet<ValueId>,
    /// True if values of elements are computed again in each phase: rows so long that registers hold what was loaded alone.
    is_again: bool,
}

/// Bytes that a thread keeps of its row, beyond which it computes them again.
const KEPT_BYTES_MAX: usize = 256;

fn text(kernel: &Loop) -> ChainText<'_> {
    ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &kernel.row, at: "at", at_row: "row" }
}

impl<'a> Rows<'a> {
    fn new(schedule: &'a Schedule, name: &str, kernel: &'a Loop, row: usize) -> Self {
        let (chain, text) = (&kernel.chain, text(kernel));
        let mut phases = Phases::of(kernel, &text);
        let dtype_of = |buffer: BufferId| schedule.buffers[buffer.index()].dtype;
        let is_whole = |v: ValueId| matches!(&chain.value(v).instr, Instr::Load(l) if text.is_whole(l, Level::Element));
        let is_load = |v: &ValueId| matches!(chain.value(*v).instr, Instr::Load(_)) && !phases.is_of_row(*v);
        let moved = chain.ids().filter(is_load).map(|v| chain.value(v).dtype.size_bytes());
        let of_elements = |v: ValueId| chain.value(v).level == Level::Element;
        let stored = kernel.stores.iter().filter(|s| of_elements(s.0)).map(|s| dtype_of(s.1).size_bytes());
        let lanes = pack::shared(pack::lanes(moved.chain(stored).max().unwrap_or(4)), row as u64);
        let line = innermost(kernel).filter(|(_, size)| pack::shared(lanes, pack::factor(size)) == lanes).map(|(axis, _)| axis);
        let reach = chain.ids().map(|v| match &chain.value(v).instr {
            Instr::Load(_) if phases.is_of_row(v) => None,
            Instr::Load(load) if lanes == 1 => Some(if load.padded { Reach::Each } else { Reach::Same }),
            Instr::Load(_) if is_whole(v) => Some(Reach::Pack),
            Instr::Load(load) => Some(line.map_or(Reach::Each, |axis| pack::reach(load, axis, lanes))),
            _ => None,
        });
        let kept = chain.ids().filter(|v| phases.is_kept(*v)).map(|v| chain.value(v).dtype.size_bytes().max(4));
        let (kept, reach) = (kept.sum::<usize>(), reach.collect());
        let team = Team::of(row, lanes, kept);
        let is_again = row.div_ceil(lanes * team.threads) * lanes * kept > KEPT_BYTES_MAX;
        if is_again {
            phases.forget();
        }
        let entry = Entry::new(schedule, name.into(), team.block() as u32);
        Rows { entry, kernel, row, team, lanes, line, reach, phases, declared_divisors: BTreeSet::new(), is_again }
    }

    fn chain(&self) -> &'a Chain {
        &self.kernel.chain
    }

    /// Packs of a row that one thread holds.
    fn packs(&self) -> usize {
        self.row.div_ceil(self.lanes * self.team.threads)
    }

    /// The folds that end a phase.
    fn folds(&self, phase: usize) -> Vec<ValueId> {
        let chain = self.chain();
        chain.ids().filter(|v| is_fold(chain.value(*v)) && self.phases.works(chain, *v) == phase).collect()
    }

    fn accumulator(&self, fold: ValueId) -> &'static str {
        match self.chain().value(fold).instr {
            Instr::Reduce(op, _) => c_type(accumulator(op, self.chain().value(fold).dtype)),
            _ => "",
        }
    }

    fn reach_of(&self, v: ValueId) -> Option<Reach> {
        self.reach[v.index()]
    }

    fn declare(&mut self, at: &str, axes: &[usize]) {
        index::declare(&mut self.entry, &self.kernel.row, self.kernel.outer.rank(), at, |axis| axes.contains(&axis));
    }
}

/// The last axis of a row that is longer than 1, as an axis of the domain, and its size.
fn innermost(kernel: &Loop) -> Option<(usize, &Dim)> {
    pack::innermost(kernel.row.dims()).map(|axis| (kernel.outer.rank() + axis, &kernel.row.dims()[axis]))
}
