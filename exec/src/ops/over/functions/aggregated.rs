//! An aggregate of all rows of a group, on each of them.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::super::grouping::Order;
use super::{Function, Rows};

/// Rows that an accumulator is given at once.
const PIECE_ROWS: usize = 1 << 14;

/// The function of an aggregate, over groups or over all rows.
pub(super) fn aggregated(aggregate: &AggregateFunctionExpr, grouped: bool) -> Result<Box<dyn Function>> {
    if !grouped {
        return Ok(Box::new(OfAll { accumulator: aggregate.create_accumulator()?, value: None }));
    }
    // Rows come in the window's order: without one of its own, an aggregate may go by that.
    let takes_rows_as_they_come = !aggregate.order_sensitivity().hard_requires();
    let accumulator = if aggregate.groups_accumulator_supported() && takes_rows_as_they_come {
        aggregate.create_groups_accumulator()?
    } else {
        let aggregate = aggregate.clone();
        Box::new(GroupsAccumulatorAdapter::new(move || aggregate.create_accumulator()))
    };
    Ok(Box::new(OfGroups { accumulator, numbers: vec![], has_groups: false, values: None }))
}

struct OfAll {
    accumulator: Box<dyn Accumulator>,
    value: Option<ScalarValue>,
}

impl Function for OfAll {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        self.accumulator.update_batch(rows.args)?;
        Ok(None)
    }

    fn finish(&mut self, _order: Option<&Order>) -> Result<()> {
        self.value = Some(self.accumulator.evaluate()?);
        Ok(())
    }

    fn give(&mut self, count: usize, _groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        self.value.as_ref().map(|value| value.to_array_of_size(count)).transpose()
    }

    fn bytes(&self) -> usize {
        self.accumulator.size()
    }
}

struct OfGroups {
    accumulator: Box<dyn GroupsAccumulator>,
    numbers: Vec<usize>,
    /// Whether there was a row.
    has_groups: bool,
    /// Of each group, when all rows were seen.
    values: Option<ArrayRef>,
}

impl Function for OfGroups {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        let Some((groups, total)) = rows.groups else { return Ok(None) };
        self.has_groups |= rows.count > 0;
        for start in (0..rows.count).step_by(PIECE_ROWS) {
            let piece = PIECE_ROWS.min(rows.count - start);
            self.numbers.clear();
            self.numbers.extend(groups[start..start + piece].iter().map(|group| *group as usize));
            let args: Vec<ArrayRef> = rows.args.iter().map(|column| column.slice(start, piece)).collect();
            self.accumulator.update_batch(&args, &self.numbers, None, total)?;
        }
        Ok(None)
    }

    fn finish(&mut self, _order: Option<&Order>) -> Result<()> {
        // Of no groups, DataFusion's adapter cannot tell which type their values have.
        if self.has_groups {
            self.values = Some(self.accumulator.evaluate(EmitTo::All)?);
        }
        Ok(())
    }

    fn give(&mut self, _count: usize, groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        let (Some(values), Some(groups)) = (&self.values, groups) else { return Ok(None) };
        let rows = UInt32Array::from_iter_values(groups.iter().copied());
        Ok(Some(take(values, &rows, None)?))
    }

    fn bytes(&self) -> usize {
        let values = self.values.as_ref().map_or(0, |values| values.get_array_memory_size());
        self.accumulator.size() + values + self.numbers.capacity() * size_of::<usize>()
    }
}
