//! The exact aggregate of all rows, or of those of a frame that moves: what leaves is taken off without a trace.

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;
use gradframe_ml_learn::exact::{Row, Tally, each_row, merge_state, write_state};

use super::columns::{StateColumns, Values};
use crate::error::to_datafusion;

/// Sums so far, and what is made of them.
#[derive(Debug)]
pub(super) struct Whole<T> {
    tally: T,
    value: fn(&T) -> Option<f64>,
}

impl<T: Tally> Whole<T> {
    pub(super) fn new(value: fn(&T) -> Option<f64>) -> Self {
        Whole { tally: T::default(), value }
    }
}

impl<T: Tally> Accumulator for Whole<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(values, |row| self.tally.add(row))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(values, |row| self.tally.remove(row))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut bytes = None;
        if self.tally.count() > 0 {
            write_state(&self.tally, bytes.insert(vec![]));
        }
        let row = std::iter::repeat_n(ScalarValue::Float64(None), T::Row::WIDTH);
        Ok(row.chain([ScalarValue::LargeBinary(bytes)]).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = StateColumns::of(states)?;
        each_row(&states.slices(), states.is_row(), |_, row| self.tally.add(row));
        let mut bytes = states.bytes();
        bytes.try_for_each(|bytes| merge_state(&mut self.tally, bytes)).map_err(to_datafusion)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.value)(&self.tally)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.tally.heap_bytes()
    }
}

fn each<R: Row>(values: &[ArrayRef], mut row: impl FnMut(R)) -> Result<()> {
    let values = Values::of(values, None)?;
    each_row(&values.slices(), values.present.as_ref(), |_, of| row(of));
    Ok(())
}
