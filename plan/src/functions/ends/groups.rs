//! The first or last rows of many groups at once.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::kept::{Kept, kept};
use super::order::Order;

/// For each group the numbers of the row that is wanted so far, and its value.
pub(super) struct Groups<const W: usize> {
    order: Order,
    ignore_nulls: bool,
    /// The greatest numbers of all stand for a group without a row, too.
    keys: Vec<[u64; W]>,
    is_set: Vec<bool>,
    /// Groups that have a row.
    set: usize,
    /// The greatest numbers of all rows so far.
    greatest: Option<[u64; W]>,
    values: Box<dyn Kept>,
}

const UNSET: u64 = u64::MAX;

impl<const W: usize> Groups<W> {
    pub(super) fn new(order: Order, args: &AccumulatorArgs) -> Self {
        let values = kept(args.return_field.data_type());
        let ignore_nulls = args.ignore_nulls;
        Groups { order, ignore_nulls, keys: vec![], is_set: vec![], set: 0, greatest: None, values }
    }

    /// Looks at rows: a value and what orders it, of those for which `is_wanted`.
    fn see(&mut self, columns: &[ArrayRef], groups: &[usize], is_wanted: impl Fn(usize) -> bool, total: usize) -> Result<()> {
        let known = self.passed_over();
        self.grow(total);
        let (values, order) = (&columns[0], &columns[1..]);
        let keys = self.order.keys::<W>(order, groups.len())?;
        let is_later = keys.iter().min() > self.greatest.as_ref();
        let from = if is_later { known } else { 0 };
        self.greatest = self.greatest.max(keys.iter().max().copied());
        let nulls = values.logical_nulls().filter(|nulls| self.ignore_nulls && nulls.null_count() > 0);
        let is_seen = |row: usize| is_wanted(row) && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let mut winners = vec![];
        for (row, (group, key)) in groups.iter().zip(&keys).enumerate() {
            if *group >= from && is_seen(row) && self.wins(*group, key) {
                winners.push((*group, row));
            }
        }
        self.values.put(values, &winners)
    }

    /// Groups, from the first, that have a row: those that come behind all rows so far change nothing.
    fn passed_over(&self) -> usize {
        if self.set == self.keys.len() { self.set } else { 0 }
    }

    fn grow(&mut self, total: usize) {
        self.keys.resize(total, [UNSET; W]);
        self.is_set.resize(total, false);
        self.values.grow(total);
    }

    /// Whether a row is wanted rather than that which the group has; it is the group's from then on.
    fn wins(&mut self, group: usize, key: &[u64; W]) -> bool {
        let own = &mut self.keys[group];
        let may_be_unset = *own == [UNSET; W];
        if !(key < own || may_be_unset && !self.is_set[group]) {
            return false;
        }
        *own = *key;
        if may_be_unset && !self.is_set[group] {
            self.is_set[group] = true;
            self.set += 1;
        }
        true
    }

    /// The values, the numbers and whether there are any, of the first groups.
    fn taken(&mut self, emit_to: EmitTo) -> Result<(ArrayRef, Vec<[u64; W]>, BooleanBuffer)> {
        let keys = emit_to.take_needed(&mut self.keys);
        let is_set = BooleanBuffer::from(emit_to.take_needed(&mut self.is_set));
        self.set -= is_set.count_set_bits();
        let values = self.values.take(emit_to, NullBuffer::new(is_set.clone()))?;
        Ok((values, keys, is_set))
    }
}

impl<const W: usize> GroupsAccumulator for Groups<W> {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        match filter {
            Some(filter) => self.see(values, groups, |row| is_true(filter, row), total),
            None => self.see(values, groups, |_| true, total),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let (is_set, columns) = (states[states.len() - 1].as_boolean(), &states[..states.len() - 1]);
        self.see(columns, groups, |row| is_true(is_set, row), total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.taken(emit_to)?.0)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (values, keys, is_set) = self.taken(emit_to)?;
        let order = self.order.columns(keys)?;
        let is_set: ArrayRef = Arc::new(BooleanArray::new(is_set, None));
        Ok([vec![values], order, vec![is_set]].concat())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let is_set = match filter {
            Some(filter) => filter.clone(),
            None => BooleanArray::new(BooleanBuffer::new_set(rows), None),
        };
        Ok([&values[..=self.order.len()], &[Arc::new(is_set) as ArrayRef]].concat())
    }

    fn size(&self) -> usize {
        self.keys.capacity() * size_of::<[u64; W]>() + self.is_set.capacity() + self.values.bytes()
    }
}

fn is_true(flags: &BooleanArray, row: usize) -> bool {
    flags.is_valid(row) && flags.value(row)
}
