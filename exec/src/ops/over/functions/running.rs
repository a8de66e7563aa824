//! Sums, extremes and counts of the rows so far, with a state for each group.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Int64Array, NullBufferBuilder, PrimitiveArray,
    downcast_primitive,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float32Type, Float64Type, Int64Type, TimeUnit, UInt64Type,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::functions::{is_exact, one_nan};

use super::{Function, Rows};

/// Whether the aggregate is one that is computed here.
pub(super) fn is_running(aggregate: &AggregateFunctionExpr) -> bool {
    // Here sums are rounded with each row.
    !aggregate.is_distinct() && !is_exact(aggregate.fun()) && of_type(aggregate).is_some()
}

/// The aggregate of the rows so far. Errors: those that [`is_running`] excludes.
pub(super) fn running(aggregate: &AggregateFunctionExpr) -> Result<Box<dyn Function>> {
    let unexpected = || to_datafusion(Error::internal("window", format!("`{}` is not computed here", aggregate.name())));
    of_type(aggregate).ok_or_else(unexpected)
}

fn of_type(aggregate: &AggregateFunctionExpr) -> Option<Box<dyn Function>> {
    match aggregate.fun().name() {
        "count" => Some(Box::<Count>::default()),
        "sum" => sum(aggregate),
        "min" => extreme(aggregate, false),
        "max" => extreme(aggregate, true),
        _ => None,
    }
}

fn sum(aggregate: &AggregateFunctionExpr) -> Option<Box<dyn Function>> {
    match aggregate.field().data_type() {
        DataType::Int64 => Some(folded::<Int64Type, Sum>(aggregate)),
        DataType::UInt64 => Some(folded::<UInt64Type, Sum>(aggregate)),
        DataType::Float32 => Some(folded::<Float32Type, Sum>(aggregate)),
        DataType::Float64 => Some(folded::<Float64Type, Sum>(aggregate)),
        DataType::Decimal128(..) => Some(folded::<Decimal128Type, Sum>(aggregate)),
        DataType::Duration(TimeUnit::Second) => Some(folded::<DurationSecondType, Sum>(aggregate)),
        DataType::Duration(TimeUnit::Millisecond) => Some(folded::<DurationMillisecondType, Sum>(aggregate)),
        DataType::Duration(TimeUnit::Microsecond) => Some(folded::<DurationMicrosecondType, Sum>(aggregate)),
        DataType::Duration(TimeUnit::Nanosecond) => Some(folded::<DurationNanosecondType, Sum>(aggregate)),
        _ => None,
    }
}

fn extreme(aggregate: &AggregateFunctionExpr, greatest: bool) -> Option<Box<dyn Function>> {
    macro_rules! of_primitive {
        ($t:ty) => {
            Some(if greatest { folded::<$t, Greatest>(aggregate) } else { folded::<$t, Least>(aggregate) })
        };
    }
    let field = aggregate.field();
    downcast_primitive! {
        field.data_type() => (of_primitive),
        _ => None
    }
}

fn folded<T: ArrowPrimitiveType + Send, S: Step<T::Native>>(aggregate: &AggregateFunctionExpr) -> Box<dyn Function>
where
    T::Native: ArrowNativeTypeOp,
{
    Box::new(Running::<T, S> { states: vec![], seen: vec![], aggregate: aggregate.clone(), step: PhantomData })
}

/// What a value makes of a state.
trait Step<N>: Send + 'static {
    const START: N;
    /// None of what does not fit.
    fn step(so_far: N, value: N) -> Option<N>;
}

struct Sum;
struct Least;
struct Greatest;

impl<N: ArrowNativeTypeOp> Step<N> for Sum {
    const START: N = N::ZERO;

    #[inline]
    fn step(so_far: N, value: N) -> Option<N> {
        so_far.add_checked(value).ok()
    }
}

impl<N: ArrowNativeTypeOp> Step<N> for Least {
    const START: N = N::MAX_TOTAL_ORDER;

    #[inline]
    fn step(so_far: N, value: N) -> Option<N> {
        Some(if value.is_lt(so_far) { value } else { so_far })
    }
}

impl<N: ArrowNativeTypeOp> Step<N> for Greatest {
    const START: N = N::MIN_TOTAL_ORDER;

    #[inline]
    fn step(so_far: N, value: N) -> Option<N> {
        Some(if value.is_gt(so_far) { value } else { so_far })
    }
}

struct Running<T: ArrowPrimitiveType, S> {
    states: Vec<T::Native>,
    /// Whether a group has had a value.
    seen: Vec<bool>,
    /// Who says what does not fit.
    aggregate: AggregateFunctionExpr,
    step: PhantomData<S>,
}

impl<T: ArrowPrimitiveType, S: Step<T::Native>> Running<T, S>
where
    T::Native: ArrowNativeTypeOp,
{
    /// Of all rows, none of which is null.
    fn all(&mut self, values: &[T::Native]) -> Result<PrimitiveArray<T>> {
        let (mut state, mut states) = (self.states[0], Vec::with_capacity(values.len()));
        for &value in values {
            state = S::step(state, value).ok_or_else(|| self.beyond(state, value))?;
            states.push(state);
        }
        self.states[0] = state;
        self.seen[0] |= !values.is_empty();
        Ok(PrimitiveArray::new(states.into(), None))
    }

    /// Of rows of groups, none of which is null.
    fn grouped(&mut self, values: &[T::Native], groups: &[u32]) -> Result<PrimitiveArray<T>> {
        let mut states = Vec::with_capacity(values.len());
        for (&value, &group) in values.iter().zip(groups) {
            let state = self.states[group as usize];
            let next = S::step(state, value).ok_or_else(|| self.beyond(state, value))?;
            self.states[group as usize] = next;
            self.seen[group as usize] = true;
            states.push(next);
        }
        Ok(PrimitiveArray::new(states.into(), None))
    }

    /// A null leaves the state as it is; before the first value there is none.
    fn with_nulls(&mut self, values: &PrimitiveArray<T>, groups: Option<&[u32]>) -> Result<PrimitiveArray<T>> {
        let mut states = Vec::with_capacity(values.len());
        let mut nulls = NullBufferBuilder::new(values.len());
        for (row, value) in values.iter().enumerate() {
            let group = groups.map_or(0, |groups| groups[row] as usize);
            if let Some(value) = value {
                let state = self.states[group];
                self.states[group] = S::step(state, value).ok_or_else(|| self.beyond(state, value))?;
                self.seen[group] = true;
            }
            states.push(if self.seen[group] { self.states[group] } else { T::default_value() });
            nulls.append(self.seen[group]);
        }
        Ok(PrimitiveArray::new(states.into(), nulls.finish()))
    }

    /// The aggregate's own error of two values.
    #[cold]
    fn beyond(&self, state: T::Native, value: T::Native) -> DataFusionError {
        let both: ArrayRef = Arc::new(PrimitiveArray::<T>::from_iter_values([state, value]));
        let aggregated = || {
            let mut accumulator = self.aggregate.create_accumulator()?;
            accumulator.update_batch(&[cast(&both, self.aggregate.field().data_type())?])?;
            accumulator.evaluate()
        };
        match aggregated() {
            Err(error) => error,
            Ok(_) => to_datafusion(Error::execution(
                self.aggregate.fun().name().to_owned(),
                format!("the rows so far do not fit in {}", self.aggregate.field().data_type()),
            )),
        }
    }
}

impl<T: ArrowPrimitiveType + Send, S: Step<T::Native>> Function for Running<T, S>
where
    T::Native: ArrowNativeTypeOp,
{
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        let total = rows.groups.map_or(1, |(_, total)| total);
        self.states.resize(total, S::START);
        self.seen.resize(total, false);
        let field = self.aggregate.field();
        let values = match rows.args[0].data_type() == field.data_type() {
            true => Arc::clone(&rows.args[0]),
            false => cast(&rows.args[0], field.data_type())?,
        };
        let values = values.as_primitive::<T>();
        let groups = rows.groups.map(|(groups, _)| groups);
        let computed = match groups {
            _ if values.null_count() > 0 => self.with_nulls(values, groups),
            Some(groups) => self.grouped(values.values(), groups),
            None => self.all(values.values()),
        };
        Ok(Some(one_nan(Arc::new(computed?.with_data_type(field.data_type().clone())))))
    }

    fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<T::Native>() + self.seen.capacity()
    }
}

/// How many rows have had a value in each of the columns.
#[derive(Default)]
struct Count {
    counts: Vec<i64>,
}

impl Function for Count {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        self.counts.resize(rows.groups.map_or(1, |(_, total)| total), 0);
        let valid = rows.args.iter().fold(None, |all, column| NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref()));
        let counts = (0..rows.count).map(|row| {
            let count = &mut self.counts[rows.groups.map_or(0, |(groups, _)| groups[row] as usize)];
            *count += i64::from(valid.as_ref().is_none_or(|valid| valid.is_valid(row)));
            *count
        });
        Ok(Some(Arc::new(Int64Array::from_iter_values(counts))))
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
