//! The exact aggregates of many groups at once.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::Columns;
use super::columns::{for_each_state, passes, states};

/// The sums of each group, and what is made of them.
pub(super) struct Groups<T> {
    tallies: Vec<T>,
    value: fn(&T) -> Option<f64>,
    /// Bytes that the sums hold beside themselves, kept along: to ask all of them each time would cost more than to add.
    heap_bytes: usize,
}

impl<T: Columns> Groups<T> {
    pub(super) fn new(value: fn(&T) -> Option<f64>) -> Self {
        Groups { tallies: vec![], value, heap_bytes: 0 }
    }

    fn change(&mut self, group: usize, change: impl FnOnce(&mut T)) {
        let tally = &mut self.tallies[group];
        let before = tally.heap_bytes();
        change(tally);
        self.heap_bytes += tally.heap_bytes() - before;
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<T> {
        let taken = emit_to.take_needed(&mut self.tallies);
        self.heap_bytes = match emit_to {
            EmitTo::All => 0,
            EmitTo::First(_) => self.heap_bytes - taken.iter().map(T::heap_bytes).sum::<usize>(),
        };
        taken
    }
}

impl<T: Columns> GroupsAccumulator for Groups<T> {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.tallies.resize_with(total, T::default);
        T::for_each(values, |at, row| {
            if passes(filter, at) {
                self.change(groups[at], |tally| tally.add(row));
            }
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.tallies.resize_with(total, T::default);
        for_each_state(states, |at, other: T| self.change(groups[at], |tally| tally.merge(&other)))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let values: Float64Array = self.take(emit_to).iter().map(self.value).collect();
        Ok(Arc::new(values))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(states(self.take(emit_to).iter().map(Some)))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut rows: Vec<Option<T>> = vec![None; values.first().map_or(0, |column| column.len())];
        T::for_each(values, |at, row| {
            if passes(filter, at) {
                rows[at].get_or_insert_default().add(row);
            }
        })?;
        Ok(vec![Arc::new(states(rows.iter().map(Option::as_ref)))])
    }

    fn size(&self) -> usize {
        self.tallies.capacity() * size_of::<T>() + self.heap_bytes
    }
}
