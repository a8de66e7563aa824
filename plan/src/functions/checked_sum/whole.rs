//! The sum of all rows, or of the rows of a moving window.

use std::fmt;
use std::marker::PhantomData;

use arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::Named;
use super::wide::{Summed, Wide, carries, narrowed, scalar};

/// An exact sum so far.
pub(super) struct Whole<T: Summed> {
    named: Named,
    sum: <T::Native as Wide>::Total,
    /// How many values are in it.
    count: u64,
    of: PhantomData<T>,
}

impl<T: Summed> Whole<T> {
    pub(super) fn new(named: Named) -> Self {
        Whole { named, sum: Default::default(), count: 0, of: PhantomData }
    }
}

impl<T: Summed> fmt::Debug for Whole<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole({})", self.named.name)
    }
}

fn present(column: &ArrayRef) -> u64 {
    (column.len() - column.null_count()) as u64
}

impl<T: Summed> Accumulator for Whole<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += present(&values[0]);
        self.sum = self.sum + T::Native::sum_of(values[0].as_primitive::<T>());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count -= present(&values[0]);
        self.sum = self.sum - T::Native::sum_of(values[0].as_primitive::<T>());
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (low, carry) = T::Native::halves(self.sum);
        Ok(vec![scalar::<T>((self.count > 0).then_some(low), &self.named.data_type)?, ScalarValue::Int32(Some(carry))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lows = states[0].as_primitive::<T>();
        for (low, carry) in lows.iter().zip(carries(&states[1]).values()) {
            if let Some(low) = low {
                self.sum = self.sum + low.joined(*carry);
                self.count += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return scalar::<T>(None, &self.named.data_type);
        }
        match narrowed::<T::Native>(self.sum, &self.named.data_type) {
            Some(sum) => scalar::<T>(Some(sum), &self.named.data_type),
            None => Err(self.named.beyond::<T::Native>(self.sum)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.named.name.capacity()
    }
}
