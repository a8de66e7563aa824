//! The elements of one pack: each computed by itself, its part in folds and stores.

use gradframe_ml_core::graph::{Fn2, ReduceOp};
use gradframe_ml_core::{DType, Result};
use gradframe_ml_kernels::schedule::{Instr, ValueId};

use super::super::chain::ChainText;
use super::super::functions;
use super::super::pack::Reach;
use super::super::text::c_type;
use super::walk::Walk;
use super::{Rows, text};

impl Rows<'_> {
    /// The elements of one pack.
    pub(super) fn elements(&mut self, walk: &Walk) -> Result<()> {
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
}
