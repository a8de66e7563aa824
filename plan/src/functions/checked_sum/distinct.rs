//! The sum of different values: DataFusion's set of them, added up exactly.

use std::fmt;
use std::marker::PhantomData;

use arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::Named;
use super::wide::{Summed, Wide, narrowed, scalar};

/// The values so far, each once.
pub(super) struct Distinct<T> {
    values: Box<dyn Accumulator>,
    named: Named,
    of: PhantomData<T>,
}

impl<T: Summed> Distinct<T> {
    pub(super) fn new(values: Box<dyn Accumulator>, named: Named) -> Self {
        Distinct { values, named, of: PhantomData }
    }
}

impl<T> fmt::Debug for Distinct<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distinct({})", self.named.name)
    }
}

impl<T: Summed> Accumulator for Distinct<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.values.state()
    }

    /// Its state is the list of its values.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.values.state()?;
        let Some(ScalarValue::List(list)) = state.first() else { return super::wide::unexpected(&self.named.data_type) };
        let values = list.value(0);
        let values = values.as_primitive::<T>();
        if values.len() == values.null_count() {
            return scalar::<T>(None, &self.named.data_type);
        }
        let sum = T::Native::sum_of(values);
        match narrowed::<T::Native>(sum, &self.named.data_type) {
            Some(sum) => scalar::<T>(Some(sum), &self.named.data_type),
            None => Err(self.named.beyond::<T::Native>(sum)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.size()
    }
}
