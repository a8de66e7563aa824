//! The accumulator of a frame that moves.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;

use super::moments::{Frame, Moments, PairMoments, Statistic};

/// The accumulator of a sum of floats.
pub(in crate::functions) fn of_sums() -> Box<dyn Accumulator> {
    Box::new(Moving::new(Statistic::Sum))
}

/// The accumulator of a statistic of floats; None for other types.
pub(in crate::functions) fn moving(statistic: Statistic, args: &AccumulatorArgs) -> Option<Box<dyn Accumulator>> {
    of_floats(args).then(|| Box::new(Moving::new(statistic)) as _)
}

/// Whether the arguments are floats, and so is the result.
fn of_floats(args: &AccumulatorArgs) -> bool {
    let floats = |field: &FieldRef| matches!(field.data_type(), DataType::Float64 | DataType::Float32);
    args.return_field.data_type() == &DataType::Float64 && args.expr_fields.iter().all(floats) && !args.is_distinct
}

/// Values enter and leave in one order.
#[derive(Debug)]
struct Moving {
    frame: Frame,
    statistic: Statistic,
}

impl Moving {
    fn new(statistic: Statistic) -> Self {
        Moving { frame: Frame::new(statistic), statistic }
    }
}

impl Accumulator for Moving {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match &mut self.frame {
            Frame::One(stacks) => floats(&values[0])?.iter().flatten().for_each(|x| stacks.push(Moments::of(x))),
            Frame::Two(stacks) => pairs(values)?.into_iter().for_each(|(x, y)| stacks.push(PairMoments::of(x, y))),
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match &mut self.frame {
            Frame::One(stacks) => (values[0].null_count()..values[0].len()).for_each(|_| stacks.pop()),
            Frame::Two(stacks) => pairs(values)?.into_iter().for_each(|_| stacks.pop()),
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.frame.statistic(self.statistic)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("the state of a moving frame")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        not_impl_err!("merging moving frames")
    }

    fn size(&self) -> usize {
        let stacks = match &self.frame {
            Frame::One(stacks) => stacks.size(),
            Frame::Two(stacks) => stacks.size(),
        };
        size_of_val(self) + stacks
    }
}

/// The pairs of which neither value is null.
fn pairs(values: &[ArrayRef]) -> Result<Vec<(f64, f64)>> {
    let (x, y) = (floats(&values[0])?, floats(&values[1])?);
    Ok(x.iter().zip(y.iter()).filter_map(|(x, y)| x.zip(y)).collect())
}

fn floats(values: &ArrayRef) -> Result<Float64Array> {
    Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}
