//! What stands around the walks: where a row is, and numbers of the row.

use gradframe_ml_core::Result;
use gradframe_ml_kernels::schedule::{Instr, Level, ValueId};

use super::super::index;
use super::super::phases::is_fold;
use super::super::text::{c_type, fold_name};
use super::{Rows, text};

impl Rows<'_> {
    /// Declares what is shared, opens the loop over rows, and has room for what stays of elements.
    pub(super) fn head(&mut self) {
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

    /// What a phase knows of the whole row, computed by every thread.
    pub(super) fn row_values(&mut self, phase: usize) -> Result<()> {
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

    /// Numbers of rows are stored by one thread.
    pub(super) fn row_stores(&mut self) {
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
