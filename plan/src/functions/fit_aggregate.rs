//! The aggregates that fit a TRANSFORM: statistics that are the same bits whatever the partitions, the order of rows and
//! the order in which partial results meet (`gradframe_ml_learn::fitting`).

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};
use gradframe_ml_learn::fitting::{ExactMoments, Mergeable, QuantileSketch, ValueCounts};

use crate::error::to_datafusion;

/// A statistic of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FitKind {
    /// [`ExactMoments`] of a Float64 column.
    Moments,
    /// [`QuantileSketch`] of a Float64 column.
    Quantiles,
    /// [`ValueCounts`] of a Utf8 column.
    Values,
}

impl FitKind {
    fn name(self) -> &'static str {
        match self {
            FitKind::Moments => "fit_moments",
            FitKind::Quantiles => "fit_quantiles",
            FitKind::Values => "fit_values",
        }
    }

    /// The type of the column.
    pub fn argument_type(self) -> DataType {
        match self {
            FitKind::Moments | FitKind::Quantiles => DataType::Float64,
            FitKind::Values => DataType::Utf8,
        }
    }
}

/// The aggregate over the rows for which `filter` holds. Its value is the statistic's bytes.
pub fn fit_call(kind: FitKind, column: Expr, filter: Option<Expr>) -> Expr {
    let function = Arc::new(AggregateUDF::new_from_impl(FitAggregate::new(kind)));
    Expr::AggregateFunction(AggregateFunction::new_udf(function, vec![column], false, filter.map(Box::new), vec![], None))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FitAggregate {
    kind: FitKind,
    signature: Signature,
}

impl FitAggregate {
    fn new(kind: FitKind) -> Self {
        FitAggregate { kind, signature: Signature::exact(vec![kind.argument_type()], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for FitAggregate {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(args.name, DataType::Binary, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match self.kind {
            FitKind::Moments => Box::new(Fit { statistic: ExactMoments::default(), update: update_moments }),
            FitKind::Quantiles => Box::new(Fit { statistic: QuantileSketch::default(), update: update_quantiles }),
            FitKind::Values => Box::new(Fit { statistic: ValueCounts::default(), update: update_values }),
        })
    }
}

/// A statistic that takes arrays.
#[derive(Debug)]
struct Fit<S> {
    statistic: S,
    update: fn(&mut S, &ArrayRef),
}

fn update_moments(moments: &mut ExactMoments, values: &ArrayRef) {
    values.as_primitive::<Float64Type>().iter().for_each(|value| moments.push(value));
}

fn update_quantiles(quantiles: &mut QuantileSketch, values: &ArrayRef) {
    values.as_primitive::<Float64Type>().iter().for_each(|value| quantiles.push(value));
}

fn update_values(counts: &mut ValueCounts, values: &ArrayRef) {
    values.as_string::<i32>().iter().for_each(|value| counts.push(value));
}

impl<S: Mergeable + Debug + Send + Sync + 'static> Accumulator for Fit<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        (self.update)(&mut self.statistic, &values[0]);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.statistic.to_bytes())))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.statistic.memory_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_binary::<i32>().iter().flatten() {
            self.statistic.merge(&S::from_bytes(state).map_err(to_datafusion)?);
        }
        Ok(())
    }
}
