//! The exact aggregate of different values. Zeros are one value, whatever their sign, and so are NaNs.

use std::collections::HashSet;
use std::fmt;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::Accumulator;
use gradframe_ml_learn::exact::{Tally, each_row};

use super::RESULT;
use super::columns::Values;

/// The values so far, each once.
pub(super) struct Distinct<T> {
    values: HashSet<u64>,
    value: fn(&T) -> Option<f64>,
}

impl<T> Distinct<T> {
    pub(super) fn new(value: fn(&T) -> Option<f64>) -> Self {
        Distinct { values: HashSet::new(), value }
    }
}

impl<T> fmt::Debug for Distinct<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distinct({} values)", self.values.len())
    }
}

impl<T: Tally<Row = f64>> Accumulator for Distinct<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = Values::of(values, None)?;
        each_row(&values.slices(), values.present.as_ref(), |_, x: f64| {
            let x = if x.is_nan() { f64::NAN } else { x + 0.0 };
            self.values.insert(x.to_bits());
        });
        Ok(())
    }

    /// One list.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.values.iter().map(|bits| f64::from_bits(*bits).into()).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &RESULT))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states.first().and_then(|states| states.as_list_opt::<i32>());
        let lists = lists.ok_or_else(|| internal_datafusion_err!("the states of different values are no lists"))?;
        for values in lists.iter().flatten() {
            self.values.extend(values.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut tally = T::default();
        self.values.iter().for_each(|bits| tally.add(f64::from_bits(*bits)));
        Ok(ScalarValue::Float64((self.value)(&tally)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * (size_of::<u64>() + 1)
    }
}
