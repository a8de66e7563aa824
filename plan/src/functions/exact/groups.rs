//! The exact aggregates of many groups at once.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use gradframe_ml_learn::exact::Grouped;

use super::columns::{StateColumns, Values, states};
use crate::error::to_datafusion;

/// The sums of each group.
pub(super) struct Groups(pub(super) Box<dyn Grouped>);

impl GroupsAccumulator for Groups {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        let values = Values::of(values, filter)?;
        self.0.add(&values.slices(), values.present.as_ref(), groups, total);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let states = StateColumns::of(states)?;
        self.0.merge(states.view(&states.slices()), groups, total).map_err(to_datafusion)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(Float64Array::from(self.0.values(first(emit_to)))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        states(self.0.states(first(emit_to)))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        Ok(Values::of(values, filter)?.into_states())
    }

    fn size(&self) -> usize {
        self.0.memory_bytes()
    }
}

fn first(emit_to: EmitTo) -> Option<usize> {
    if let EmitTo::First(groups) = emit_to { Some(groups) } else { None }
}
