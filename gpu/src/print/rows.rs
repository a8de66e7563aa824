//! Row kernels: lanes of a warp or a block hold a row in registers across its folds.
//!
//! Each phase of the chain (see `phases`) is a walk over the row, in packs of elements side by side; `lane` of the row's
//! threads takes pack `k * threads + lane`. What a later phase needs of an element stays in the thread's registers
//! (`row7[..]` holds value 7 of its elements), so every element is read once.

use std::collections::BTreeSet;

use gradframe_ml_core::graph::{Fn2, ReduceOp};
use gradframe_ml_core::{DType, Dim, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{AxisMap, BufferId, Chain, Instr, Level, Load, Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::pack::{self, Reach};
use super::phases::{Phases, is_fold, is_position};
use super::team::Team;
use super::text::{Entry, accumulator, c_type, fold_name, neutral};
use super::{functions, index};
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

    fn head(&mut self) {
        let kernel = self.kernel;
        let count = self.entry.count(kernel.outer.dims());
        self.entry.code.line(format!("const at_t rows = {count};"));
        let folds = self.chain().ids().filter(|v| is_fold(self.chain().value(*v)));
        let folds: Vec<_> = folds.map(|v| (v, self.accumulator(v))).collect();
        self.team.shared(&mut self.entry, &folds);
        self.team.open(&mut self.entry.code);
        let used = text(kernel).used_axes();
        index::declare(&mut self.entry, &kernel.outer, 0, "row", |axis| used.contains(&axis));
        let elements = self.packs() * self.lanes;
        for v in self.chain().ids().filter(|v| self.phases.is_kept(*v)) {
            let dtype = c_type(self.chain().value(v).dtype);
            self.entry.code.line(format!("{dtype} row{}[{elements}];", v.index()));
        }
    }

    fn accumulator(&self, fold: ValueId) -> &'static str {
        match self.chain().value(fold).instr {
            Instr::Reduce(op, _) => c_type(accumulator(op, self.chain().value(fold).dtype)),
            _ => "",
        }
    }

    /// What a phase knows of the whole row, computed by every thread.
    fn row_values(&mut self, phase: usize) -> Result<()> {
        let (chain, text) = (self.chain(), text(self.kernel));
        let of_phase = |v: &ValueId| self.phases.is_of_row(*v) && self.phases.known(*v) == phase;
        let own: Vec<ValueId> = chain.ids().filter(of_phase).filter(|v| text.inlined(*v).is_none()).collect();
        for v in own {
            let value = chain.value(v);
            let dtype = c_type(value.dtype);
            let expression = match &value.instr {
                Instr::Reduce(op, _) => format!("convert<{dtype}>({})", self.team.total(v, fold_name(*op))),
                _ => text.expression(&mut self.entry, v, &|v| text.inlined(v).unwrap_or_else(|| v.to_string()))?,
            };
            self.entry.code.line(format!("const {dtype} {v} = {expression};"));
        }
        Ok(())
    }

    /// One walk over the row: the elements of this phase, and the folds that end it.
    fn walk(&mut self, phase: usize) -> Result<()> {
        let walk = Walk::of(self, phase);
        let mut own = walk.elements.iter().chain(&walk.held);
        if walk.folds.is_empty() && walk.stores.is_empty() && !own.any(|v| self.phases.is_kept(*v)) {
            return Ok(()); // nothing comes of it
        }
        for fold in &walk.folds {
            if let Instr::Reduce(op, _) = self.chain().value(*fold).instr {
                let (acc, first) = (self.accumulator(*fold), neutral(op, self.chain().value(*fold).dtype));
                let line = format!("Folded<{}, {acc}> fold{}{{{first}}};", fold_name(op), fold.index());
                self.entry.code.line(line);
            }
        }
        self.declare_divisors(&walk);
        self.held_loads(&walk)?;
        self.open_walk();
        self.elements(&walk)?;
        self.close_walk();
        self.team.meet(&mut self.entry.code, &walk.folds);
        Ok(())
    }

    /// The numbers that this walk divides by, unless an earlier one did.
    fn declare_divisors(&mut self, walk: &Walk) {
        for v in &walk.divisors {
            if self.declared_divisors.insert(*v) {
                let number = text(self.kernel).inlined(*v).unwrap_or_else(|| v.to_string());
                self.entry.code.line(format!("const Divisor by{} = divisor({number});", v.index()));
            }
        }
    }

    fn open_walk(&mut self) {
        let (threads, row, lanes, packs) = (self.team.threads, self.row, self.lanes, self.packs());
        let code = &mut self.entry.code;
        code.line("#pragma unroll");
        code.open(format!("for (int k = 0; k < {packs}; ++k)"));
        let e = if lanes == 1 { format!("k * {threads} + lane") } else { format!("(k * {threads} + lane) * {lanes}") };
        code.line(format!("const at_t e = {e};"));
        if !row.is_multiple_of(threads * lanes) {
            code.open(format!("if (e < {row})"));
        }
        code.line(format!("const at_t at = row * {row} + e;"));
    }

    fn close_walk(&mut self) {
        if !self.row.is_multiple_of(self.team.threads * self.lanes) {
            self.entry.code.close();
        }
        self.entry.code.close();
    }

    fn reach_of(&self, v: ValueId) -> Option<Reach> {
        self.reach[v.index()]
    }

    fn declare(&mut self, at: &str, axes: &[usize]) {
        index::declare(&mut self.entry, &self.kernel.row, self.kernel.outer.rank(), at, |axis| axes.contains(&axis));
    }

    /// All loads of a walk, before anything is computed.
    fn held_loads(&mut self, walk: &Walk) -> Result<()> {
        let (chain, text, packs) = (self.chain(), text(self.kernel), self.packs());
        for v in &walk.held {
            let dtype = c_type(chain.value(*v).dtype);
            let line = match self.reach_of(*v) {
                Some(Reach::Pack) => format!("Pack<{dtype}, {}> p{}[{packs}];", self.lanes, v.index()),
                _ => format!("{dtype} p{}[{packs}];", v.index()),
            };
            self.entry.code.line(line);
        }
        if walk.held.is_empty() {
            return Ok(());
        }
        self.open_walk();
        self.declare("e", &walk.axes_of_held);
        for v in &walk.held {
            let mut expression = text.expression(&mut self.entry, *v, &|v| v.to_string())?;
            if self.reach_of(*v) == Some(Reach::Pack) {
                expression = format!("packed<{}>(&{expression})", self.lanes);
            }
            self.entry.code.line(format!("p{}[k] = {expression};", v.index()));
        }
        self.close_walk();
        Ok(())
    }

    /// The elements of one pack.
    fn elements(&mut self, walk: &Walk) -> Result<()> {
        let lanes = self.lanes;
        if lanes == 1 {
            self.declare("e", &walk.axes_of_each);
            self.element(walk)?;
        } else {
            self.pack_variables(walk);
            self.entry.code.line("#pragma unroll");
            self.entry.code.open(format!("for (int j = 0; j < {lanes}; ++j)"));
            match self.line {
                Some(line) if walk.axes_of_each.contains(&line) => {
                    self.entry.code.line(format!("const at_t i{line} = start{line} + j;"));
                }
                None if !walk.axes_of_each.is_empty() => {
                    self.entry.code.line("const at_t e = start + j;");
                    self.declare("e", &walk.axes_of_each);
                }
                _ => {}
            }
            self.element(walk)?;
            self.entry.code.close();
            self.pack_ends(walk);
        }
        Ok(())
    }

    /// What stands before the walk over a pack's elements.
    fn pack_variables(&mut self, walk: &Walk) {
        match self.line {
            Some(line) => {
                self.declare("e", &walk.axes_of_each);
                if walk.axes_of_each.contains(&line) {
                    self.entry.code.line(format!("const at_t start{line} = i{line};"));
                }
            }
            None if !walk.axes_of_each.is_empty() => self.entry.code.line("const at_t start = e;"),
            None => {}
        }
        for fold in self.paired(walk) {
            self.entry.code.line(format!("float pack{}[{}];", fold.index(), self.lanes));
        }
        for (_, buffer) in &walk.stores {
            let dtype = c_type(self.entry.dtype(*buffer));
            self.entry.code.line(format!("Pack<{dtype}, {}> out_{buffer};", self.lanes));
        }
    }

    /// What stands behind it.
    fn pack_ends(&mut self, walk: &Walk) {
        for fold in self.paired(walk) {
            self.entry.code.line(format!("fold{0}.add(sum_of<{1}>(pack{0}));", fold.index(), self.lanes));
        }
        for (_, buffer) in &walk.stores {
            let buffer = self.entry.write(*buffer);
            let store = format!("unpacked(&{buffer}[at], out_{buffer});");
            self.store(&store);
        }
    }

    fn store(&mut self, store: &str) {
        let condition = if self.team.is_partial() { "if (is_row) " } else { "" };
        self.entry.code.line(format!("{condition}{store}"));
    }

    fn paired(&self, walk: &Walk) -> Vec<ValueId> {
        walk.folds.iter().copied().filter(|fold| self.is_paired(*fold)).collect()
    }

    /// A sum of single floats: a pack's elements are added in pairs, in float; packs are added in double.
    fn is_paired(&self, fold: ValueId) -> bool {
        let value = self.chain().value(fold);
        self.lanes > 1 && matches!(value.instr, Instr::Reduce(ReduceOp::Sum, _)) && value.dtype == DType::F32
    }

    /// One element: its values, its part in folds and stores.
    fn element(&mut self, walk: &Walk) -> Result<()> {
        let (chain, text) = (self.chain(), text(self.kernel));
        let names: Vec<String> = chain.ids().map(|v| self.name(v, &text, walk.phase)).collect();
        let name = |v: ValueId| names[v.index()].clone();
        for v in &walk.elements {
            let value = chain.value(*v);
            let expression = match value.instr {
                Instr::Map2(Fn2::Div, a, b) if walk.divisors.contains(&b) => {
                    functions::map2(Fn2::Div, DType::F32, &name(a), &format!("by{}", b.index()))?
                }
                _ => text.expression(&mut self.entry, *v, &name)?,
            };
            self.entry.code.line(format!("const {} {v} = {expression};", c_type(value.dtype)));
            if self.phases.is_kept(*v) {
                let kept = self.kept(*v);
                self.entry.code.line(format!("{kept} = {v};"));
            }
        }
        for v in walk.held.iter().filter(|v| self.phases.is_kept(**v)) {
            let kept = self.kept(*v);
            self.entry.code.line(format!("{kept} = {};", name(*v)));
        }
        for fold in &walk.folds {
            let Instr::Reduce(_, x) = chain.value(*fold).instr else { continue };
            let line = match self.is_paired(*fold) {
                true => format!("pack{}[j] = {};", fold.index(), name(x)),
                false => format!("fold{}.add(({}){});", fold.index(), self.accumulator(*fold), name(x)),
            };
            self.entry.code.line(line);
        }
        for (value, buffer) in &walk.stores {
            let buffer = if self.lanes == 1 { self.entry.write(*buffer) } else { buffer.to_string() };
            match self.lanes {
                1 => self.store(&format!("{buffer}[at] = {};", name(*value))),
                _ => self.entry.code.line(format!("out_{buffer}.at[j] = {};", name(*value))),
            }
        }
        Ok(())
    }

    fn kept(&self, v: ValueId) -> String {
        match self.lanes {
            1 => format!("row{}[k]", v.index()),
            lanes => format!("row{}[k * {lanes} + j]", v.index()),
        }
    }

    /// What a value of an element is called while a phase walks.
    fn name(&self, v: ValueId, text: &ChainText, phase: usize) -> String {
        if let Some(inlined) = text.inlined(v) {
            return inlined;
        }
        match self.reach_of(v) {
            _ if self.phases.is_kept(v) && self.phases.known(v) < phase => self.kept(v),
            Some(Reach::Pack) => format!("p{}[k].at[j]", v.index()),
            Some(Reach::Same) => format!("p{}[k]", v.index()),
            _ => v.to_string(),
        }
    }

    /// Numbers of rows are stored by one thread.
    fn row_stores(&mut self) {
        let (kernel, text) = (self.kernel, text(self.kernel));
        for (value, buffer) in &kernel.stores {
            if kernel.chain.value(*value).level == Level::Row {
                let buffer = self.entry.write(*buffer);
                let value = text.inlined(*value).unwrap_or_else(|| value.to_string());
                let condition = if self.team.is_partial() { "is_row && lane == 0" } else { "lane == 0" };
                self.entry.code.line(format!("if ({condition}) {buffer}[row] = {value};"));
            }
        }
        let phases_with_folds = (0..=self.phases.last()).filter(|p| !self.folds(*p).is_empty()).count();
        if self.team.is_block() && phases_with_folds == 1 {
            self.entry.code.line("__syncthreads(); // the next row's folds write where this one's were read");
        }
        self.entry.code.close();
    }
}

/// The last axis of a row that is longer than 1, as an axis of the domain, and its size.
fn innermost(kernel: &Loop) -> Option<(usize, &Dim)> {
    pack::innermost(kernel.row.dims()).map(|axis| (kernel.outer.rank() + axis, &kernel.row.dims()[axis]))
}

/// What one walk does.
struct Walk {
    phase: usize,
    /// Loads made for each pack as a whole, before the elements are computed.
    held: Vec<ValueId>,
    /// The other values of elements, positions that are used among them.
    elements: Vec<ValueId>,
    /// The folds that end it.
    folds: Vec<ValueId>,
    /// What it stores of each element.
    stores: Vec<(ValueId, BufferId)>,
    /// Numbers of the row by which elements are divided.
    divisors: BTreeSet<ValueId>,
    axes_of_held: Vec<usize>,
    axes_of_each: Vec<usize>,
}

impl Walk {
    fn of(rows: &Rows, phase: usize) -> Self {
        let (chain, phases, text) = (rows.chain(), &rows.phases, text(rows.kernel));
        let is_element = |v: &ValueId| !phases.is_of_row(*v) && chain.value(*v).level == Level::Element;
        let known = |v: ValueId| is_element(&v) && phases.known(v) == phase && !is_position(chain, v);
        // Numbers of the row that are stored as elements are stored in the phase that knows them.
        let is_stored = |v: ValueId| chain.value(v).level == Level::Element && phases.known(v) == phase;
        let stores: Vec<_> = rows.kernel.stores.iter().filter(|s| is_stored(s.0)).copied().collect();
        let folds = rows.folds(phase);
        let asks = |u: ValueId, v: ValueId| {
            let works = if is_fold(chain.value(u)) { folds.contains(&u) } else { known(u) };
            works && chain.value(u).instr.operands().any(|o| o == v)
        };
        let is_asked = |v: ValueId| stores.iter().any(|s| s.0 == v) || chain.ids().any(|u| asks(u, v));
        let is_held = |v: ValueId| matches!(rows.reach_of(v), Some(Reach::Pack | Reach::Same));
        let held: Vec<ValueId> = chain.ids().filter(|v| known(*v) && is_held(*v)).collect();
        let own = |v: &ValueId| {
            let is_used_position = is_position(chain, *v) && !phases.is_of_row(*v) && is_asked(*v);
            (known(*v) && !is_held(*v) && text.inlined(*v).is_none()) || is_used_position
        };
        let elements: Vec<ValueId> = if rows.is_again {
            let needed = needed(chain, &stores, &folds);
            let is_own = |v: &ValueId| needed[v.index()] && is_element(v) && !is_held(*v) && text.inlined(*v).is_none();
            chain.ids().filter(is_own).collect()
        } else {
            chain.ids().filter(own).collect()
        };
        let divisor = |v: &ValueId| match chain.value(*v).instr {
            Instr::Map2(Fn2::Div, _, b) if chain.value(b).dtype == DType::F32 => Some(b),
            _ => None,
        };
        let divisors: BTreeSet<ValueId> = elements.iter().filter_map(divisor).filter(|b| phases.is_of_row(*b)).collect();
        let (axes_of_held, axes_of_each) = (axes(&text, &held), axes(&text, &elements));
        Walk { phase, held, elements, folds, stores, divisors, axes_of_held, axes_of_each }
    }
}

/// Whether each value is needed for these stores and folds.
fn needed(chain: &Chain, stores: &[(ValueId, BufferId)], folds: &[ValueId]) -> Vec<bool> {
    let mut needed = vec![false; chain.values.len()];
    let mut open: Vec<ValueId> = stores.iter().map(|store| store.0).collect();
    open.extend(folds.iter().flat_map(|fold| chain.value(*fold).instr.operands()));
    while let Some(v) = open.pop() {
        if !std::mem::replace(&mut needed[v.index()], true) && !is_fold(chain.value(v)) {
            open.extend(chain.value(v).instr.operands());
        }
    }
    needed
}

/// The axes whose positions these values need.
fn axes(text: &ChainText, of: &[ValueId]) -> Vec<usize> {
    let mut maps: Vec<&AxisMap> = Vec::new();
    for v in of {
        match &text.chain.value(*v).instr {
            Instr::Load(load) if !text.is_whole(load, Level::Element) => maps.extend(&load.axes),
            Instr::Iota(map) => maps.push(map),
            _ => {}
        }
    }
    maps.into_iter().flat_map(|map| map.terms.iter().map(|term| term.0)).collect()
}
