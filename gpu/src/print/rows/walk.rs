//! One walk over the row: what it loads, computes, folds and stores.

use std::collections::BTreeSet;

use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{DType, Result};
use gradframe_ml_kernels::schedule::{AxisMap, BufferId, Chain, Instr, Level, ValueId};

use super::super::chain::ChainText;
use super::super::pack::Reach;
use super::super::phases::{is_fold, is_position};
use super::super::text::{c_type, fold_name, neutral};
use super::{Rows, text};

/// What one walk does.
pub struct Walk {
    pub phase: usize,
    /// Loads made for each pack as a whole, before the elements are computed.
    pub held: Vec<ValueId>,
    /// The other values of elements, positions that are used among them.
    pub elements: Vec<ValueId>,
    /// The folds that end it.
    pub folds: Vec<ValueId>,
    /// What it stores of each element.
    pub stores: Vec<(ValueId, BufferId)>,
    /// Numbers of the row by which elements are divided.
    pub divisors: BTreeSet<ValueId>,
    axes_of_held: Vec<usize>,
    pub axes_of_each: Vec<usize>,
}

impl Rows<'_> {
    /// One walk over the row: the elements of this phase, and the folds that end it.
    pub(super) fn walk(&mut self, phase: usize) -> Result<()> {
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
