//! The exact aggregate of all rows, or of those of a frame that moves: what leaves is taken off without a trace.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::Columns;
use super::columns::{for_each_state, states};

/// Sums so far, and what is made of them.
#[derive(Debug)]
pub(super) struct Whole<T> {
    tally: T,
    value: fn(&T) -> Option<f64>,
}

impl<T: Columns> Whole<T> {
    pub(super) fn new(value: fn(&T) -> Option<f64>) -> Self {
        Whole { tally: T::default(), value }
    }
}

impl<T: Columns> Accumulator for Whole<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        T::for_each(values, |_, row| self.tally.add(row))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        T::for_each(values, |_, row| self.tally.remove(row))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = states(std::iter::once(Some(&self.tally)));
        Ok(vec![ScalarValue::try_from_array(&(Arc::new(states) as ArrayRef), 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for_each_state(states, |_, other: T| self.tally.merge(&other))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.value)(&self.tally)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.tally.heap_bytes()
    }
}
