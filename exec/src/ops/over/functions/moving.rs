//! A kernel whose values look at so many rows before and after their own, over all rows: a few windows' rows at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::error::Result;
use datafusion::physical_expr::window::{StandardWindowFunctionExpr, WindowExpr};
use datafusion::physical_plan::windows::{StandardWindowExpr, WindowUDFExpr};
use gradframe_plan::functions::column::reach;

use super::super::grouping::Order;
use super::{Function, Rows};
use crate::memory::column_bytes;

/// How many windows are computed at once, so that few rows are looked at twice.
const WINDOWS_AT_ONCE: usize = 8;

/// Rows that windows will look at, and values that were computed.
pub(super) struct Moving {
    function: Arc<dyn StandardWindowFunctionExpr>,
    before: usize,
    after: usize,
    /// The arguments from row `first` on.
    batches: VecDeque<Vec<ArrayRef>>,
    first: usize,
    /// Rows taken, computed and given.
    taken: usize,
    computed: usize,
    given: usize,
    values: VecDeque<ArrayRef>,
    finished: bool,
}

impl Moving {
    /// None of a window without such a bound.
    pub fn of(window: &Arc<dyn WindowExpr>) -> Option<Self> {
        let standard = window.as_any().downcast_ref::<StandardWindowExpr>()?;
        let function = Arc::clone(standard.get_standard_func_expr());
        let (before, after) = reach(function.as_any().downcast_ref::<WindowUDFExpr>()?.fun())?;
        Some(Moving {
            function,
            before,
            after,
            batches: VecDeque::new(),
            first: 0,
            taken: 0,
            computed: 0,
            given: 0,
            values: VecDeque::new(),
            finished: false,
        })
    }

    /// Computes what can be, if it is much or the last.
    fn compute(&mut self) -> Result<()> {
        let until = if self.finished { self.taken } else { self.taken.saturating_sub(self.after) };
        let enough = if self.finished { 1 } else { (self.before + self.after + 1).saturating_mul(WINDOWS_AT_ONCE) };
        if until < self.computed.saturating_add(enough) {
            return Ok(());
        }
        let whole = |column: usize| -> Result<ArrayRef> {
            Ok(concat(&self.batches.iter().map(|batch| batch[column].as_ref()).collect::<Vec<_>>())?)
        };
        let columns = (0..self.batches.front().map_or(0, Vec::len)).map(whole).collect::<Result<Vec<_>>>()?;
        let rows = self.taken - self.first;
        let values = self.function.create_evaluator()?.evaluate_all(&columns, rows)?;
        self.values.push_back(values.slice(self.computed - self.first, until - self.computed));
        self.computed = until;
        // Sums begin anew where they would of all rows: their last bits must not tell where batches end.
        let window = self.before + 1;
        let first = self.computed.saturating_sub(self.before) / window * window;
        if first > self.first {
            let kept = columns.iter().map(|column| column.slice(first - self.first, self.taken - first)).collect();
            self.batches = VecDeque::from([kept]);
            self.first = first;
        }
        Ok(())
    }
}

impl Function for Moving {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        self.batches.push_back(rows.args.to_vec());
        self.taken += rows.count;
        self.compute()?;
        Ok(None)
    }

    fn finish(&mut self, _order: Option<&Order>) -> Result<()> {
        self.finished = true;
        self.compute()
    }

    fn give(&mut self, count: usize, _groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        if self.computed - self.given < count {
            return Ok(None);
        }
        let (mut missing, mut parts) = (count, vec![]);
        while let Some(front) = self.values.pop_front() {
            let taken = missing.min(front.len());
            parts.push(front.slice(0, taken));
            missing -= taken;
            if taken < front.len() {
                self.values.push_front(front.slice(taken, front.len() - taken));
            }
            if missing == 0 {
                break;
            }
        }
        self.given += count;
        match parts.as_slice() {
            [one] => Ok(Some(Arc::clone(one))),
            parts => Ok(Some(concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>())?)),
        }
    }

    fn bytes(&self) -> usize {
        self.batches.iter().flatten().chain(&self.values).map(column_bytes).sum()
    }
}
