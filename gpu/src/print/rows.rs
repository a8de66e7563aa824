//! Row kernels: a warp or a block holds a row in registers across its folds.
//!
//! A chain falls into phases, each a walk over the row; a fold ends one. What a later phase needs of an element stays in
//! the thread's registers (`row7[k]` is value 7 of its k-th element), so every element is read once.

use gradframe_ml_core::{DType, Error, Result, Shape};
use gradframe_ml_kernels::schedule::{Instr, Level, Loop, Schedule, ValueId};

use super::chain::ChainText;
use super::index;
use super::text::{Entry, accumulator, c_type, fold_name, neutral};
use crate::launch::{Count, CudaKernel};

/// Rows up to this length are a warp's.
const WARP_ROW_MAX: usize = 512;
/// Rows that the warps of one block hold.
const WARPS: u32 = 4;

/// Prints the kernel under this name.
pub fn print(schedule: &Schedule, name: &str, kernel: &Loop) -> Result<CudaKernel> {
    let row = fixed_elements(&kernel.row)?;
    let team = Team::of(row);
    let mut rows = Rows::new(schedule, name, kernel, row, team);
    rows.head();
    for phase in 0..=rows.phases() {
        rows.row_values(phase)?;
        rows.walk(phase)?;
    }
    rows.row_stores();
    let (source, launch) = rows.entry.finish(Count::of(&kernel.outer), team.rows_per_block, None);
    Ok(CudaKernel { source, temporaries: Vec::new(), launches: vec![launch] })
}

fn fixed_elements(row: &Shape) -> Result<usize> {
    let symbolic = || Error::internal("cuda", format!("a row of no fixed length: {row}"));
    row.as_fixed().map(|sizes| sizes.iter().product()).ok_or_else(symbolic)
}

/// The threads that hold one row.
#[derive(Clone, Copy)]
struct Team {
    threads: usize,
    rows_per_block: u32,
}

impl Team {
    fn of(row: usize) -> Self {
        match row {
            0..=WARP_ROW_MAX => Team { threads: 32, rows_per_block: WARPS },
            513..=4096 => Team { threads: 256, rows_per_block: 1 },
            _ => Team { threads: 1024, rows_per_block: 1 },
        }
    }
}

struct Rows<'a> {
    entry: Entry<'a>,
    kernel: &'a Loop,
    row: usize,
    team: Team,
    /// For each value, the phase in which it is known.
    phase: Vec<usize>,
    /// For each value, whether a later phase asks for its elements.
    is_kept: Vec<bool>,
}

impl<'a> Rows<'a> {
    fn new(schedule: &'a Schedule, name: &str, kernel: &'a Loop, row: usize, team: Team) -> Self {
        let entry = Entry::new(schedule, name.into(), team.threads as u32 * team.rows_per_block);
        let values = &kernel.chain.values;
        let mut phase: Vec<usize> = Vec::with_capacity(values.len());
        for value in values {
            let known = value.instr.operands().map(|v| phase[v.index()]).max().unwrap_or(0);
            phase.push(known + usize::from(matches!(value.instr, Instr::Reduce(..))));
        }
        let mut is_kept = vec![false; values.len()];
        for (at, value) in values.iter().enumerate() {
            // A fold works in the phase before it is known.
            let works = phase[at] - usize::from(matches!(value.instr, Instr::Reduce(..)));
            value.instr.operands().filter(|v| phase[v.index()] < works).for_each(|v| is_kept[v.index()] = true);
        }
        let is_cheap = |at: usize| matches!(values[at].instr, Instr::Scalar(_) | Instr::Spread(_) | Instr::Iota(_));
        (0..values.len()).for_each(|at| is_kept[at] &= values[at].level == Level::Element && !is_cheap(at));
        Rows { entry, kernel, row, team, phase, is_kept }
    }

    fn phases(&self) -> usize {
        self.phase.iter().max().copied().unwrap_or(0)
    }

    fn text(&self) -> ChainText<'a> {
        let kernel = self.kernel;
        ChainText { chain: &kernel.chain, outer: &kernel.outer, row: &kernel.row, at: "at", at_row: "row" }
    }

    /// Elements of a row that one thread holds.
    fn per_thread(&self) -> usize {
        self.row.div_ceil(self.team.threads)
    }

    fn head(&mut self) {
        let (kernel, text) = (self.kernel, self.text());
        let count = self.entry.count(kernel.outer.dims());
        let Team { threads, rows_per_block } = self.team;
        self.entry.code.line(format!("const at_t rows = {count};"));
        let (first, step) = if rows_per_block == 1 {
            self.entry.code.line("const int lane = threadIdx.x;");
            ("(at_t)blockIdx.x".to_string(), "gridDim.x".to_string())
        } else {
            self.entry.code.line(format!("const int lane = threadIdx.x % {threads};"));
            (format!("first_thread() / {threads}"), format!("all_threads() / {threads}"))
        };
        self.entry.code.open(format!("for (at_t row = {first}; row < rows; row += {step})"));
        let used = text.used_axes();
        index::declare(&mut self.entry, &kernel.outer, 0, "row", |axis| used.contains(&axis));
        for v in kernel.chain.ids().filter(|v| self.is_kept[v.index()]) {
            let dtype = c_type(kernel.chain.value(v).dtype);
            let line = format!("{dtype} row{}[{}];", v.index(), self.per_thread());
            self.entry.code.line(line);
        }
    }

    /// What a phase knows of the whole row, computed by every thread.
    fn row_values(&mut self, phase: usize) -> Result<()> {
        let text = self.text();
        for v in self.kernel.chain.ids() {
            let value = self.kernel.chain.value(v);
            if value.level != Level::Row || self.phase[v.index()] != phase || text.inlined(v).is_some() {
                continue;
            }
            let dtype = c_type(value.dtype);
            let expression = match &value.instr {
                Instr::Reduce(op, _) => {
                    let fold = match self.team.rows_per_block {
                        1 => format!("block_fold<{}, {}>", fold_name(*op), self.team.threads),
                        _ => format!("warp_fold<{}>", fold_name(*op)),
                    };
                    format!("convert<{dtype}>({fold}(fold{}))", v.index())
                }
                _ => text.expression(&mut self.entry, v, &|v| text.inlined(v).unwrap_or_else(|| v.to_string()))?,
            };
            self.entry.code.line(format!("const {dtype} {v} = {expression};"));
        }
        Ok(())
    }

    /// One walk over the row: the elements of this phase, and the folds that end it.
    fn walk(&mut self, phase: usize) -> Result<()> {
        let (chain, text) = (&self.kernel.chain, self.text());
        let folds: Vec<ValueId> = chain
            .ids()
            .filter(|v| matches!(chain.value(*v).instr, Instr::Reduce(..)) && self.phase[v.index()] == phase + 1)
            .collect();
        let of_phase = |v: &ValueId| chain.value(*v).level == Level::Element && self.phase[v.index()] == phase;
        let stores: Vec<_> = self.kernel.stores.iter().filter(|(v, _)| of_phase(v)).copied().collect();
        let elements: Vec<ValueId> = chain.ids().filter(|v| of_phase(v) && text.inlined(*v).is_none()).collect();
        if folds.is_empty() && stores.is_empty() && !elements.iter().any(|v| self.is_kept[v.index()]) {
            return Ok(()); // nothing comes of it
        }
        for fold in &folds {
            let value = chain.value(*fold);
            if let Instr::Reduce(op, _) = value.instr {
                let line =
                    format!("{} fold{} = {};", c_type(accumulator(op, value.dtype)), fold.index(), neutral(op, value.dtype));
                self.entry.code.line(line);
            }
        }
        self.open_walk();
        self.positions(phase);
        for v in elements.iter().filter(|v| !is_position(chain, **v)) {
            self.element(*v, &text, phase)?;
        }
        for fold in &folds {
            self.fold_element(*fold, &text, phase)?;
        }
        for (value, buffer) in stores {
            let buffer = self.entry.write(buffer);
            let name = self.name(value, &text, phase);
            self.entry.code.line(format!("{buffer}[at] = {name};"));
        }
        self.close_walk();
        Ok(())
    }

    fn open_walk(&mut self) {
        let (threads, row) = (self.team.threads, self.row);
        self.entry.code.line("#pragma unroll");
        self.entry.code.open(format!("for (int k = 0; k < {}; ++k)", self.per_thread()));
        self.entry.code.line(format!("const at_t e = k * {threads} + lane;"));
        if !row.is_multiple_of(threads) {
            self.entry.code.open(format!("if (e < {row})"));
        }
        self.entry.code.line(format!("const at_t at = row * {row} + e;"));
    }

    fn close_walk(&mut self) {
        if !self.row.is_multiple_of(self.team.threads) {
            self.entry.code.close();
        }
        self.entry.code.close();
    }

    /// Index variables of the row's axes, and the positions that this walk uses.
    fn positions(&mut self, phase: usize) {
        let (kernel, text) = (self.kernel, self.text());
        let used = text.used_axes();
        index::declare(&mut self.entry, &kernel.row, kernel.outer.rank(), "e", |axis| used.contains(&axis));
        let works = |at: usize| self.phase[at] - usize::from(matches!(kernel.chain.values[at].instr, Instr::Reduce(..)));
        let users: Vec<usize> = (0..kernel.chain.values.len()).filter(|&at| works(at) == phase).collect();
        for v in kernel.chain.ids().filter(|v| is_position(&kernel.chain, *v)) {
            let stored = phase == 0 && kernel.stores.iter().any(|s| s.0 == v);
            let asked = users.iter().any(|&at| kernel.chain.values[at].instr.operands().any(|o| o == v));
            if let (true, Instr::Iota(map)) = (stored || asked, &kernel.chain.value(v).instr) {
                let along = index::along(&mut self.entry, map);
                self.entry.code.line(format!("const i64 {v} = (i64)({along});"));
            }
        }
    }

    fn element(&mut self, v: ValueId, text: &ChainText, phase: usize) -> Result<()> {
        let names: Vec<String> = self.kernel.chain.ids().map(|v| self.name(v, text, phase)).collect();
        let expression = text.expression(&mut self.entry, v, &|v| names[v.index()].clone())?;
        let dtype = c_type(self.kernel.chain.value(v).dtype);
        self.entry.code.line(format!("const {dtype} {v} = {expression};"));
        if self.is_kept[v.index()] {
            self.entry.code.line(format!("row{}[k] = {v};", v.index()));
        }
        Ok(())
    }

    fn fold_element(&mut self, fold: ValueId, text: &ChainText, phase: usize) -> Result<()> {
        let value = self.kernel.chain.value(fold);
        let Instr::Reduce(op, x) = value.instr else { return Ok(()) };
        let (at, acc) = (fold.index(), c_type(accumulator(op, value.dtype)));
        let x = self.name(x, text, phase);
        self.entry.code.line(format!("fold{at} = {}::of(fold{at}, ({acc}){x});", fold_name(op)));
        Ok(())
    }

    /// What a value is called while a phase walks.
    fn name(&self, v: ValueId, text: &ChainText, phase: usize) -> String {
        let is_earlier = self.is_kept[v.index()] && self.phase[v.index()] < phase;
        text.inlined(v).unwrap_or_else(|| if is_earlier { format!("row{}[k]", v.index()) } else { v.to_string() })
    }

    /// Numbers of rows are stored by one thread.
    fn row_stores(&mut self) {
        let text = self.text();
        for (value, buffer) in &self.kernel.stores {
            if self.kernel.chain.value(*value).level == Level::Row {
                let buffer = self.entry.write(*buffer);
                let value = text.inlined(*value).unwrap_or_else(|| value.to_string());
                self.entry.code.line(format!("if (lane == 0) {buffer}[row] = {value};"));
            }
        }
        self.entry.code.close();
    }
}

/// Positions cost nothing: each walk that uses them computes them again.
fn is_position(chain: &gradframe_ml_kernels::schedule::Chain, v: ValueId) -> bool {
    let value = chain.value(v);
    matches!(value.instr, Instr::Iota(_)) && value.level == Level::Element && value.dtype == DType::I64
}
