//! A kernel over many groups at once: rows are held as they come, and laid out group by group when the groups are complete.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array, UInt64Array, new_empty_array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{filter, sort_to_indices, take};
use arrow::datatypes::{DataType, Field, UInt64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use gradframe_ml_core::Error;

use super::super::kernel::{Carried, Columns};
use super::{Answer, at_once, joined};
use crate::error::to_datafusion;

/// The rows so far: for each argument its arrays, and the group of each row. The last argument is the order of the rows.
pub(super) struct Groups {
    kernel: Carried,
    result: Answer,
    types: Vec<DataType>,
    held: Vec<Vec<ArrayRef>>,
    groups: Vec<usize>,
    total: usize,
    bytes: usize,
}

/// Rows group by group, each group's in their order.
struct Laid {
    columns: Vec<ArrayRef>,
    /// Where each group begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Groups {
    pub(super) fn new(kernel: Carried, result: Answer, types: Vec<DataType>) -> Self {
        Groups { kernel, result, held: vec![vec![]; types.len()], types, groups: vec![], total: 0, bytes: 0 }
    }

    fn hold(&mut self, columns: Vec<ArrayRef>, groups: impl Iterator<Item = usize>, total: usize) {
        self.total = total;
        self.groups.extend(groups);
        for (held, column) in self.held.iter_mut().zip(columns) {
            self.bytes += column.to_data().get_slice_memory_size().unwrap_or_default();
            held.push(column);
        }
    }

    /// The rows of the groups that are complete; those of others stay.
    fn lay_out(&mut self, emit_to: EmitTo) -> Result<Laid> {
        let emitted = match emit_to {
            EmitTo::All => self.total,
            EmitTo::First(n) => n,
        };
        let columns = self.held.iter().zip(&self.types).map(|(arrays, own)| joined(arrays, own)).collect::<Result<Vec<_>>>()?;
        let (mut rows, starts) = by_group(&self.groups, emitted);
        if let Some(order) = columns.last() {
            in_order(&mut rows, &starts, order)?;
        }
        let places = places(&rows);
        let laid = columns.iter().map(|column| Ok(take(column, &places, None)?)).collect::<Result<Vec<_>>>()?;
        self.keep_from(emitted, &columns)?;
        Ok(Laid { columns: laid, starts })
    }

    fn keep_from(&mut self, emitted: usize, columns: &[ArrayRef]) -> Result<()> {
        let stays: BooleanArray = self.groups.iter().map(|group| Some(*group >= emitted)).collect();
        let groups: Vec<usize> = self.groups.iter().filter(|group| **group >= emitted).map(|group| group - emitted).collect();
        let kept = match groups.is_empty() {
            true => vec![],
            false => columns.iter().map(|column| Ok(filter(column, &stays)?)).collect::<Result<Vec<_>>>()?,
        };
        (self.held, self.groups, self.bytes) = (vec![vec![]; self.types.len()], vec![], 0);
        self.hold(kept, groups.into_iter(), self.total - emitted);
        Ok(())
    }

    /// What the kernel makes of each group, one after the other, and where each group's begin.
    fn computed(&self, laid: &Laid) -> Result<(ArrayRef, Vec<usize>)> {
        let columns = &laid.columns[..laid.columns.len().saturating_sub(1)];
        let rows = columns.first().map_or(0, |column| column.len());
        let all = Columns { values: columns, rows, constants: &self.kernel.constants };
        let at_once = at_once::computed(self.kernel.name, &all, &laid.starts);
        if let Some(computed) = at_once.map_err(|error| self.kernel.with_column(error))? {
            return Ok(computed);
        }
        let (mut results, mut starts) = (Vec::with_capacity(laid.starts.len()), vec![0]);
        for group in laid.starts.windows(2) {
            let length = group[1] - group[0];
            let slices: Vec<ArrayRef> = columns.iter().map(|column| column.slice(group[0], length)).collect();
            let computed = self.kernel.run(&slices, length)?;
            let computed = if self.result == Answer::Value { computed.slice(0, 1) } else { computed };
            starts.push(starts[starts.len() - 1] + computed.len());
            results.push(computed);
        }
        let own = self.kernel.result(&self.types[..self.types.len().saturating_sub(1)])?;
        Ok((joined(&results, &own)?, starts))
    }
}

/// The rows of the first groups, group by group as they came, and where each group begins.
fn by_group(groups: &[usize], emitted: usize) -> (Vec<usize>, Vec<usize>) {
    let mut starts = vec![0; emitted + 1];
    for group in groups.iter().filter(|group| **group < emitted) {
        starts[group + 1] += 1;
    }
    for group in 0..emitted {
        starts[group + 1] += starts[group];
    }
    let (mut next, mut rows) = (starts.clone(), vec![0; starts[emitted]]);
    for (row, group) in groups.iter().enumerate().filter(|(_, group)| **group < emitted) {
        rows[next[*group]] = row;
        next[*group] += 1;
    }
    (rows, starts)
}

/// Sorts the rows of each group by a column, where they are not sorted yet.
fn in_order(rows: &mut [usize], starts: &[usize], order: &ArrayRef) -> Result<()> {
    let keys = match order.as_primitive_opt::<UInt64Type>() {
        Some(numbers) => numbers.values().to_vec(),
        None => {
            let mut ranks = vec![0; order.len()];
            for (rank, row) in sort_to_indices(order, None, None)?.values().iter().enumerate() {
                ranks[*row as usize] = rank as u64;
            }
            ranks
        }
    };
    for group in starts.windows(2) {
        let rows = &mut rows[group[0]..group[1]];
        if !rows.is_sorted_by_key(|row| keys[*row]) {
            rows.sort_by_key(|row| keys[*row]);
        }
    }
    Ok(())
}

fn places(rows: &[usize]) -> ArrayRef {
    match u32::try_from(rows.len()) {
        // The largest row is not known, but it is no larger than what was held.
        Ok(_) if rows.iter().all(|row| u32::try_from(*row).is_ok()) => {
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| *row as u32)))
        }
        _ => Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64))),
    }
}

/// Values one after the other as lists.
pub(super) fn lists(values: ArrayRef, starts: &[usize]) -> Result<ArrayRef> {
    let offset = |start: &usize| {
        i32::try_from(*start).map_err(|_| {
            let error = Error::resources("group_by", "the lists of the groups hold over 2^31 values together");
            to_datafusion(error.hint("filter the rows first, or aggregate them"))
        })
    };
    let offsets = starts.iter().map(offset).collect::<Result<Vec<i32>>>()?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), values, None)?))
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let Some(wanted) = opt_filter else {
            self.hold(values.to_vec(), group_indices.iter().copied(), total_num_groups);
            return Ok(());
        };
        let columns = values.iter().map(|column| Ok(filter(column, wanted)?)).collect::<Result<Vec<_>>>()?;
        let groups = group_indices.iter().zip(wanted).filter(|(_, wanted)| *wanted == Some(true)).map(|(group, _)| *group);
        self.hold(columns, groups, total_num_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let laid = self.lay_out(emit_to)?;
        let (computed, starts) = self.computed(&laid)?;
        match self.result {
            Answer::Value => Ok(computed),
            Answer::List => lists(computed, &starts),
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let laid = self.lay_out(emit_to)?;
        laid.columns.into_iter().map(|column| lists(column, &laid.starts)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        let (columns, groups) = rows_of(states, group_indices)?;
        self.hold(columns, groups.into_iter(), total_num_groups);
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        as_states(values, opt_filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.groups.capacity() * size_of::<usize>()
    }
}

/// The rows that states hold, and the group of each.
pub(super) fn rows_of(states: &[ArrayRef], groups: &[usize]) -> Result<(Vec<ArrayRef>, Vec<usize>)> {
    let Some(first) = states.first().map(|state| state.as_list::<i32>()) else { return Ok((vec![], vec![])) };
    let length = |row| if first.is_valid(row) { first.value_length(row) as usize } else { 0 };
    let groups = groups.iter().enumerate().flat_map(|(row, group)| std::iter::repeat_n(*group, length(row)));
    let columns = states.iter().map(|state| items(state.as_list::<i32>())).collect::<Result<Vec<_>>>()?;
    Ok((columns, groups.collect()))
}

/// A state for each row, which holds it if it is wanted.
pub(super) fn as_states(values: &[ArrayRef], wanted: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
    let rows = values.first().map_or(0, |column| column.len());
    let is_wanted = |row: usize| wanted.is_none_or(|wanted| wanted.is_valid(row) && wanted.value(row));
    let mut starts = vec![0];
    for row in 0..rows {
        starts.push(starts[row] + usize::from(is_wanted(row)));
    }
    let kept = |column: &ArrayRef| match wanted {
        Some(wanted) => filter(column, wanted),
        None => Ok(Arc::clone(column)),
    };
    values.iter().map(|column| lists(kept(column)?, &starts)).collect()
}

/// The items of all lists, one after the other.
fn items(lists: &ListArray) -> Result<ArrayRef> {
    if lists.null_count() == 0 {
        let (first, last) = (lists.value_offsets()[0], lists.value_offsets()[lists.len()]);
        return Ok(lists.values().slice(first as usize, (last - first) as usize));
    }
    let several: Vec<ArrayRef> = lists.iter().flatten().collect();
    match several.is_empty() {
        true => Ok(new_empty_array(&lists.value_type())),
        false => joined(&several, &lists.value_type()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::Int64Type;

    use super::*;

    fn groups(kernel: &'static str, constants: Vec<datafusion::common::ScalarValue>, result: Answer) -> Groups {
        Groups::new(Carried::new(kernel, constants), result, vec![DataType::Int64, DataType::UInt64])
    }

    fn rows(values: &[i64], order: &[u64]) -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(values.to_vec())), Arc::new(UInt64Array::from(order.to_vec()))]
    }

    fn shown(lists: &ArrayRef) -> Vec<Vec<i64>> {
        let list = |row| lists.as_list::<i32>().value(row).as_primitive::<Int64Type>().values().to_vec();
        (0..lists.len()).map(list).collect()
    }

    #[test]
    fn values_lie_in_the_order_of_the_rows_whatever_batch_they_came_in() -> Result<()> {
        let mut lists = groups("all_values", vec![], Answer::List);
        lists.update_batch(&rows(&[1, 2, 3], &[5, 1, 9]), &[0, 1, 0], None, 2)?;
        let wanted = BooleanArray::from(vec![Some(true), None, Some(true)]);
        lists.update_batch(&rows(&[4, 5, 6], &[2, 3, 4]), &[0, 0, 2], Some(&wanted), 3)?;
        assert_eq!(shown(&lists.evaluate(EmitTo::First(1))?), [vec![4, 1, 3]]);
        assert_eq!(shown(&lists.evaluate(EmitTo::All)?), [vec![2], vec![6]]);
        Ok(())
    }

    #[test]
    fn parts_are_merged_and_a_group_may_have_no_row() -> Result<()> {
        let mut part = groups("all_values", vec![], Answer::List);
        part.update_batch(&rows(&[1, 2], &[8, 7]), &[1, 1], None, 2)?;
        let state = part.state(EmitTo::All)?;
        let mut whole = groups("all_values", vec![], Answer::List);
        whole.merge_batch(&state, &[0, 1], 2)?;
        let rows_alone = whole.convert_to_state(&rows(&[9, 8], &[1, 2]), Some(&BooleanArray::from(vec![true, false])))?;
        whole.merge_batch(&rows_alone, &[1, 0], 2)?;
        assert_eq!(shown(&whole.evaluate(EmitTo::All)?), [vec![], vec![9, 2, 1]]);
        Ok(())
    }

    #[test]
    fn a_kernel_is_computed_once_a_group_or_all_at_once() -> Result<()> {
        for (kernel, constants) in [("product", vec![]), ("quantile", vec![1.0.into(), "nearest".into()])] {
            let mut computed = groups(kernel, constants, Answer::Value);
            computed.update_batch(&rows(&[2, 3, 7], &[0, 1, 2]), &[0, 0, 1], None, 2)?;
            let floats = arrow::compute::cast(&computed.evaluate(EmitTo::All)?, &DataType::Float64)?;
            let expected = if kernel == "product" { [6.0, 7.0] } else { [3.0, 7.0] };
            assert_eq!(floats.as_primitive::<arrow::datatypes::Float64Type>().values()[..], expected, "{kernel}");
        }
        Ok(())
    }
}
