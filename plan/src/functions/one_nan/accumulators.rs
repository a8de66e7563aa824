//! Aggregates of floats, what they give having one NaN: of `inf - inf` arithmetic makes one with a sign.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::one_nan;

/// The accumulator of a result of this type; of floats, with one NaN.
pub(in crate::functions) fn of_one_nan(inner: Box<dyn Accumulator>, result: &DataType) -> Box<dyn Accumulator> {
    if is_float(result) { Box::new(Plain(inner)) } else { inner }
}

/// The accumulator of groups' results of this type; of floats, with one NaN.
pub(in crate::functions) fn groups_of_one_nan(
    inner: Box<dyn GroupsAccumulator>,
    result: &DataType,
) -> Box<dyn GroupsAccumulator> {
    if is_float(result) { Box::new(PlainGroups(inner)) } else { inner }
}

fn is_float(result: &DataType) -> bool {
    matches!(result, DataType::Float64 | DataType::Float32)
}

#[derive(Debug)]
struct Plain(Box<dyn Accumulator>);

impl Accumulator for Plain {
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.0.evaluate()? {
            ScalarValue::Float64(Some(x)) if x.is_nan() => ScalarValue::Float64(Some(f64::NAN)),
            ScalarValue::Float32(Some(x)) if x.is_nan() => ScalarValue::Float32(Some(f32::NAN)),
            other => other,
        })
    }

    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

struct PlainGroups(Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for PlainGroups {
    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to).map(one_nan)
    }

    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        self.0.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.merge_batch(states, groups, total)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
