//! An aggregate of DataFusion's that has an accumulator of its own where its frame moves.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

use super::moments::{Frame, Moments, PairMoments, Statistic};

/// The accumulator of a sum of floats.
pub(in crate::functions) fn of_sums() -> Box<dyn Accumulator> {
    Box::new(Moving::new(Statistic::Sum))
}

/// See the module. All else is the aggregate's own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Sliding {
    all: Arc<AggregateUDF>,
    statistic: Statistic,
}

impl Sliding {
    pub(super) fn instead_of(all: Arc<AggregateUDF>, statistic: Statistic) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Sliding { all, statistic }))
    }

    fn own(&self) -> &dyn AggregateUDFImpl {
        self.all.inner().as_ref()
    }
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

impl AggregateUDFImpl for Sliding {
    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if of_floats(&args) { Ok(Box::new(Moving::new(self.statistic))) } else { self.own().create_sliding_accumulator(args) }
    }

    fn name(&self) -> &str {
        self.own().name()
    }

    fn aliases(&self) -> &[String] {
        self.own().aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.own().schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.own().display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.own().signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.own().return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.own().return_field(fields)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.own().coerce_types(types)
    }

    fn is_nullable(&self) -> bool {
        self.own().is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.own().accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.own().state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.own().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.own().create_groups_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.own().order_sensitivity()
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.own().simplify()
    }

    fn simplify_expr_op_literal(
        &self,
        aggregate: &AggregateFunction,
        arg: &Expr,
        operator: Operator,
        literal: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.own().simplify_expr_op_literal(aggregate, arg, operator, literal, arg_is_left)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.own().reverse_expr()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.own().default_value(data_type)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.own().value_from_stats(statistics)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.own().documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.own().set_monotonicity(data_type)
    }
}
