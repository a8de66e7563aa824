//! In which walk over its row each value of a row kernel is known, and what one walk hands to the next.

use gradframe_ml_core::DType;
use gradframe_ml_kernels::schedule::{Chain, Instr, Level, Loop, Value, ValueId};

use super::chain::ChainText;

/// A chain falls into phases, each a walk over the row; a fold ends one.
pub struct Phases {
    /// For each value, the phase in which it is known.
    known: Vec<usize>,
    /// For each value, whether it is one number a row.
    is_of_row: Vec<bool>,
    /// For each value, whether a later phase asks for its elements.
    is_kept: Vec<bool>,
}

impl Phases {
    /// The phases of a row kernel.
    pub fn of(kernel: &Loop, text: &ChainText) -> Self {
        let values = &kernel.chain.values;
        let mut known: Vec<usize> = Vec::with_capacity(values.len());
        for value in values {
            let operands = value.instr.operands().map(|v| known[v.index()]).max().unwrap_or(0);
            known.push(operands + usize::from(is_fold(value)));
        }
        let mut phases = Phases { known, is_of_row: of_rows(kernel), is_kept: Vec::new() };
        phases.defer(kernel, text);
        phases.keep(&kernel.chain);
        phases
    }

    /// The last phase.
    pub fn last(&self) -> usize {
        self.known.iter().max().copied().unwrap_or(0)
    }

    /// The phase in which a value is known.
    pub fn known(&self, v: ValueId) -> usize {
        self.known[v.index()]
    }

    /// True for a number of the row, whether the chain says so or it is the same for all elements.
    pub fn is_of_row(&self, v: ValueId) -> bool {
        self.is_of_row[v.index()]
    }

    /// True if it stays in registers for a later phase.
    pub fn is_kept(&self, v: ValueId) -> bool {
        self.is_kept[v.index()]
    }

    /// Nothing stays: each phase computes again what it needs.
    pub fn forget(&mut self) {
        self.is_kept.fill(false);
    }

    /// The phase in which a value's operands are asked for: a fold works in the phase before it is known.
    pub fn works(&self, chain: &Chain, v: ValueId) -> usize {
        self.known[v.index()] - usize::from(is_fold(chain.value(v)))
    }

    /// What all rows read, and functions of one value, wait for the first phase that asks: they take no registers before.
    fn defer(&mut self, kernel: &Loop, text: &ChainText) {
        let chain = &kernel.chain;
        let ids: Vec<ValueId> = chain.ids().collect();
        for v in ids.iter().rev() {
            let is_stored = kernel.stores.iter().any(|s| s.0 == *v);
            let can_wait = !is_stored
                && !self.is_of_row(*v)
                && match &chain.value(*v).instr {
                    Instr::Load(load) => !text.is_whole(load, Level::Element),
                    Instr::Map1(..) | Instr::Cast(_) | Instr::Bitcast(_) => true,
                    _ => false,
                };
            let users = ids.iter().filter(|u| chain.value(**u).instr.operands().any(|o| o == *v));
            let asked = users.map(|u| self.works(chain, *u)).min();
            if let (true, Some(phase)) = (can_wait, asked) {
                self.known[v.index()] = phase;
            }
        }
    }

    fn keep(&mut self, chain: &Chain) {
        let mut is_kept = vec![false; chain.values.len()];
        for u in chain.ids() {
            for v in chain.value(u).instr.operands().filter(|v| self.known(*v) < self.works(chain, u)) {
                is_kept[v.index()] = !self.is_of_row(v) && !is_position(chain, v);
            }
        }
        self.is_kept = is_kept;
    }
}

/// True for the fold of a row.
pub fn is_fold(value: &Value) -> bool {
    matches!(value.instr, Instr::Reduce(..))
}

/// Positions cost nothing: each walk that uses them computes them again.
pub fn is_position(chain: &Chain, v: ValueId) -> bool {
    let value = chain.value(v);
    matches!(value.instr, Instr::Iota(_)) && value.level == Level::Element && value.dtype == DType::I64
}

/// Which values are one number a row: those of that level, and what is computed of nothing else.
fn of_rows(kernel: &Loop) -> Vec<bool> {
    let rank = kernel.outer.rank();
    let mut of_row: Vec<bool> = Vec::with_capacity(kernel.chain.values.len());
    for value in &kernel.chain.values {
        let is_same = match &value.instr {
            Instr::Load(load) => load.axes.iter().all(|map| map.terms.iter().all(|term| term.0 < rank)),
            Instr::Iota(map) => map.terms.iter().all(|term| term.0 < rank),
            Instr::Reduce(..) | Instr::Spread(_) | Instr::Scalar(_) => true,
            instr => instr.operands().all(|v| of_row[v.index()]),
        };
        of_row.push(value.level == Level::Row || is_same);
    }
    of_row
}
