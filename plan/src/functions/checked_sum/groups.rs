//! The sums of many groups at once.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::NullState;

use super::Named;
use super::wide::{Summed, Wide, carries};

/// The lower halves of the groups' sums, as DataFusion's own accumulator keeps them; what was carried is kept for the few
/// groups that ever leave 64 bits, so that it costs a comparison that is never true.
pub(super) struct Groups<T: Summed> {
    named: Named,
    lows: Vec<T::Native>,
    carries: HashMap<usize, i32>,
    nulls: NullState,
}

impl<T: Summed> Groups<T> {
    pub(super) fn new(named: Named) -> Self {
        Groups { named, lows: vec![], carries: HashMap::new(), nulls: NullState::new() }
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>, total: usize) {
        self.lows.resize(total, T::default_value());
        let (lows, carries) = (&mut self.lows, &mut self.carries);
        self.nulls.accumulate(groups, values.as_primitive::<T>(), filter, total, |group, value| {
            let (sum, carry) = lows[group].add_and_carry(value);
            lows[group] = sum;
            if carry != 0 {
                carry_over(carries, group, carry);
            }
        });
    }

    /// The first groups' sums and what they carried; those that stay are counted from 0 again.
    fn take(&mut self, emit_to: EmitTo) -> (PrimitiveArray<T>, HashMap<usize, i32>) {
        let lows = emit_to.take_needed(&mut self.lows);
        let emitted = lows.len();
        let sums = PrimitiveArray::<T>::new(lows.into(), self.nulls.build(emit_to));
        let (gone, stay): (HashMap<_, _>, HashMap<_, _>) =
            std::mem::take(&mut self.carries).into_iter().partition(|(group, _)| *group < emitted);
        self.carries = stay.into_iter().map(|(group, carry)| (group - emitted, carry)).collect();
        (sums.with_data_type(self.named.data_type.clone()), gone)
    }

    /// The first group whose sum has more digits than its type.
    fn without_room(&self, sums: &PrimitiveArray<T>) -> Option<usize> {
        let has_room = |group: &usize| sums.is_null(*group) || sums.value(*group).has_room(&self.named.data_type);
        (0..sums.len()).find(|group| !has_room(group))
    }
}

#[cold]
fn carry_over(carries: &mut HashMap<usize, i32>, group: usize, carry: i32) {
    let sum = carries.entry(group).or_default();
    *sum = sum.saturating_add(carry);
}

impl<T: Summed> GroupsAccumulator for Groups<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.add(&values[0], group_indices, opt_filter, total_num_groups);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.add(&states[0], group_indices, None, total_num_groups);
        let carried = carries(&states[1]).values();
        if carried.iter().any(|carry| *carry != 0) {
            for (row, carry) in carried.iter().enumerate().filter(|(row, carry)| **carry != 0 && states[0].is_valid(*row)) {
                carry_over(&mut self.carries, group_indices[row], *carry);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, carried) = self.take(emit_to);
        let carried = carried.into_iter().filter(|(_, carry)| *carry != 0).min();
        match carried.or_else(|| self.without_room(&sums).map(|group| (group, 0))) {
            None => Ok(Arc::new(sums)),
            Some((group, carry)) => Err(self.named.beyond::<T::Native>(sums.value(group).joined(carry))),
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, carried) = self.take(emit_to);
        let mut carries = vec![0; sums.len()];
        for (group, carry) in carried {
            carries[group] = carry;
        }
        Ok(vec![Arc::new(sums), Arc::new(Int32Array::from(carries))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let filtered = opt_filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::from(filter.values() & nulls.inner()),
            None => NullBuffer::from(filter.values().clone()),
        });
        let nulls = NullBuffer::union(values.nulls(), filtered.as_ref());
        let sums = PrimitiveArray::<T>::new(values.values().clone(), nulls).with_data_type(self.named.data_type.clone());
        Ok(vec![Arc::new(sums), Arc::new(Int32Array::from(vec![0; values.len()]))])
    }

    fn size(&self) -> usize {
        self.lows.capacity() * size_of::<T::Native>() + self.carries.capacity() * size_of::<(usize, i32)>() + self.nulls.size()
    }
}
