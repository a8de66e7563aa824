//! `min` and `max` of floats, of many groups: by the total order in which NaN is the greatest, as without groups.
//!
//! DataFusion 55 begins with the greatest and least finite numbers, so that a group of infinities has one of those for its
//! extreme, and what it makes of a NaN depends on the order of the rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::{AggregateUDF, EmitTo, Expr, GroupsAccumulator};
use datafusion::physical_expr::NullState;

use super::own_part::{OwnPart, Part};

/// Which end of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Extreme {
    Least,
    Greatest,
}

static MIN: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| OwnPart::instead_of(min_udaf(), Part::Groups(Extreme::Least)));
static MAX: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| OwnPart::instead_of(max_udaf(), Part::Groups(Extreme::Greatest)));

/// The aggregates `min` and `max`, in the place of DataFusion's.
pub fn extreme_aggregates() -> [Arc<AggregateUDF>; 2] {
    [Arc::clone(&MIN), Arc::clone(&MAX)]
}

/// The least value of an expression; null of no value.
pub fn min(expr: Expr) -> Expr {
    MIN.call(vec![expr])
}

/// The greatest value of an expression; null of no value.
pub fn max(expr: Expr) -> Expr {
    MAX.call(vec![expr])
}

/// The accumulator for floats; None for other types.
pub(super) fn of_groups(extreme: Extreme, data_type: &DataType) -> Option<Box<dyn GroupsAccumulator>> {
    match data_type {
        DataType::Float16 => Some(Box::new(Groups::<Float16Type>::new(extreme))),
        DataType::Float32 => Some(Box::new(Groups::<Float32Type>::new(extreme))),
        DataType::Float64 => Some(Box::new(Groups::<Float64Type>::new(extreme))),
        _ => None,
    }
}

struct Groups<T: ArrowPrimitiveType> {
    extreme: Extreme,
    values: Vec<T::Native>,
    nulls: NullState,
}

impl<T: ArrowPrimitiveType + Send> Groups<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn new(extreme: Extreme) -> Self {
        Groups { extreme, values: vec![], nulls: NullState::new() }
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>, total: usize) {
        let (extremes, values) = (&mut self.values, values.as_primitive::<T>());
        match self.extreme {
            Extreme::Least => {
                extremes.resize(total, T::Native::MAX_TOTAL_ORDER);
                self.nulls.accumulate(groups, values, filter, total, |group, value| {
                    if value.is_lt(extremes[group]) {
                        extremes[group] = value;
                    }
                });
            }
            Extreme::Greatest => {
                extremes.resize(total, T::Native::MIN_TOTAL_ORDER);
                self.nulls.accumulate(groups, values, filter, total, |group, value| {
                    if value.is_gt(extremes[group]) {
                        extremes[group] = value;
                    }
                });
            }
        }
    }
}

impl<T: ArrowPrimitiveType + Send> GroupsAccumulator for Groups<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.add(&values[0], groups, filter, total);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.add(&states[0], groups, None, total);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let extremes = emit_to.take_needed(&mut self.values);
        Ok(Arc::new(PrimitiveArray::<T>::new(extremes.into(), self.nulls.build(emit_to))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.evaluate(emit_to).map(|extremes| vec![extremes])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let filtered = filter.map(|filter| match filter.nulls() {
            Some(nulls) => NullBuffer::from(filter.values() & nulls.inner()),
            None => NullBuffer::from(filter.values().clone()),
        });
        let nulls = NullBuffer::union(values.nulls(), filtered.as_ref());
        Ok(vec![Arc::new(PrimitiveArray::<T>::new(values.values().clone(), nulls))])
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<T::Native>() + self.nulls.size()
    }
}
