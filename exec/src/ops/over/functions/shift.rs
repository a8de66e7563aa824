//! `lag` and `lead` over all rows: the same values some rows later or earlier, with a default at the end that is left.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::physical_plan::expressions::Literal;
use datafusion::physical_plan::windows::WindowUDFExpr;

use super::{Function, Rows};
use crate::memory::column_bytes;

/// Values between where they were and where they go.
pub(super) struct Shift {
    default: Option<ScalarValue>,
    /// Rows without a value that come first.
    first: usize,
    /// Values that are skipped before any is given: as many rows without one come last.
    skipped: usize,
    waiting: VecDeque<ArrayRef>,
    /// How many values wait.
    count: usize,
    finished: bool,
}

impl Shift {
    /// None if the distance is not a constant, or nulls are passed over.
    pub fn of(function: &WindowUDFExpr) -> Option<Self> {
        let distance = match function.args().get(1) {
            Some(argument) => match argument.downcast_ref::<Literal>()?.value() {
                ScalarValue::Int64(Some(distance)) => *distance,
                _ => return None,
            },
            None => 1,
        };
        let default = match function.args().get(2) {
            Some(argument) => Some(argument.downcast_ref::<Literal>()?.value().clone()),
            None => None,
        };
        // DataFusion shows what it lets nobody read: that nothing is passed over or turned around.
        let shown = format!("{function:?}");
        if !(shown.contains("is_reversed: false") && shown.ends_with("ignore_nulls: false }")) {
            return None;
        }
        let later = (function.fun().name() == "lag") == (distance >= 0);
        let rows = usize::try_from(distance.unsigned_abs()).ok()?;
        let (first, skipped) = if later { (rows, 0) } else { (0, rows) };
        Some(Shift { default, first, skipped, waiting: VecDeque::new(), count: 0, finished: false })
    }

    /// The next `count` values that wait, or as many as there are.
    fn next(&mut self, mut count: usize, parts: &mut Vec<ArrayRef>) {
        while count > 0 {
            let Some(front) = self.waiting.pop_front() else { break };
            let taken = count.min(front.len());
            parts.push(front.slice(0, taken));
            if taken < front.len() {
                self.waiting.push_front(front.slice(taken, front.len() - taken));
            }
            (count, self.count) = (count - taken, self.count - taken);
        }
    }

    fn defaults(&self, of: &ArrayRef, count: usize) -> Result<ArrayRef> {
        let default = match &self.default {
            Some(default) if !default.is_null() => default.cast_to(of.data_type())?,
            _ => ScalarValue::try_from(of.data_type())?,
        };
        default.to_array_of_size(count)
    }
}

impl Function for Shift {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        let values = &rows.args[0];
        let skipped = self.skipped.min(values.len());
        self.skipped -= skipped;
        // Kept also where none is left of it: the type of what comes last.
        self.waiting.push_back(values.slice(skipped, values.len() - skipped));
        self.count += values.len() - skipped;
        Ok(None)
    }

    fn finish(&mut self, _order: Option<&super::Order>) -> Result<()> {
        self.finished = true;
        Ok(())
    }

    fn give(&mut self, count: usize, _groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        let Some(of) = self.waiting.front().cloned() else { return Ok(None) };
        let first = self.first.min(count);
        if !self.finished && self.count < count - first {
            return Ok(None);
        }
        let mut parts = vec![];
        if first > 0 {
            parts.push(self.defaults(&of, first)?);
            self.first -= first;
        }
        self.next(count - first, &mut parts);
        let missing = count - parts.iter().map(|part| part.len()).sum::<usize>();
        if missing > 0 {
            parts.push(self.defaults(&of, missing)?);
        }
        if self.waiting.is_empty() {
            self.waiting.push_back(new_empty_array(of.data_type()));
        }
        parts.retain(|part| !part.is_empty());
        match parts.as_slice() {
            [one] => Ok(Some(ArrayRef::clone(one))),
            parts => Ok(Some(concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>())?)),
        }
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().map(column_bytes).sum()
    }
}
