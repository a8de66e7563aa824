//! An aggregate of DataFusion's with one part of ours. All else is the aggregate's own, its name too.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

use super::checked_sum::is_checked_sum;
use super::ends::{self, End};
use super::exact;
use super::extremes::{Extreme, of_groups};
use super::one_nan::{groups_of_one_nan, of_one_nan};
use super::sliding::{Statistic, moving};

/// What is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// The accumulator of a frame that moves.
    Moving(Statistic),
    /// The accumulator of many groups, of extremes and of rows at an end.
    Groups(Extreme),
    End(End),
    /// Nothing but that there is one NaN.
    OneNan,
    /// The state, of which the result knows no order of rows.
    Exact(exact::Statistic),
}

impl Part {
    /// What it computes exactly.
    fn exact(self) -> Option<exact::Statistic> {
        if let Part::Exact(statistic) = self { Some(statistic) } else { None }
    }

    /// Whether it gives values that are not among those that it is given, whose NaN may have a sign.
    fn computes(self) -> bool {
        matches!(self, Part::Moving(_) | Part::OneNan)
    }
}

/// See the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OwnPart {
    all: Arc<AggregateUDF>,
    part: Part,
}

impl OwnPart {
    pub(super) fn instead_of(all: Arc<AggregateUDF>, part: Part) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(OwnPart { all, part }))
    }

    fn all(&self) -> &dyn AggregateUDFImpl {
        self.all.inner().as_ref()
    }

    /// The accumulator, which gives one NaN.
    fn plain(&self, accumulator: Box<dyn Accumulator>, result: &DataType) -> Result<Box<dyn Accumulator>> {
        Ok(if self.part.computes() { of_one_nan(accumulator, result) } else { accumulator })
    }
}

/// The same aggregate of floats, of a state in which no order of rows shows; None of one that has no such form, or is in it.
pub fn exact_form(function: &Arc<AggregateUDF>) -> Option<Arc<AggregateUDF>> {
    let statistic = match function.inner().downcast_ref::<OwnPart>().map(|own| own.part) {
        Some(Part::Moving(statistic)) => statistic.into(),
        Some(Part::OneNan) => exact::Statistic::of_line(function.name())?,
        Some(Part::Groups(_) | Part::End(_) | Part::Exact(_)) => return None,
        None if is_checked_sum(function) => exact::Statistic::Sum,
        None => return None,
    };
    Some(OwnPart::instead_of(Arc::clone(function), Part::Exact(statistic)))
}

/// Whether an aggregate is one of [`exact_form`].
pub fn is_exact(function: &AggregateUDF) -> bool {
    function.inner().downcast_ref::<OwnPart>().is_some_and(|own| own.part.exact().is_some())
}

impl AggregateUDFImpl for OwnPart {
    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let own = match self.part {
            Part::Moving(statistic) => moving(statistic, &args),
            Part::Groups(_) | Part::End(_) | Part::OneNan => None,
            Part::Exact(_) => return self.accumulator(args),
        };
        let result = args.return_field.data_type().clone();
        self.plain(own.map_or_else(|| self.all().create_sliding_accumulator(args), Ok)?, &result)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let own = match self.part {
            Part::Groups(extreme) => of_groups(extreme, args.return_field.data_type()),
            Part::End(end) => ends::of_groups(end, &args)?,
            Part::Moving(_) | Part::OneNan => None,
            Part::Exact(statistic) => return Ok(exact::groups(statistic)),
        };
        let result = args.return_field.data_type().clone();
        let groups = own.map_or_else(|| self.all().create_groups_accumulator(args), Ok)?;
        Ok(if self.part.computes() { groups_of_one_nan(groups, &result) } else { groups })
    }

    fn name(&self) -> &str {
        self.all().name()
    }

    fn aliases(&self) -> &[String] {
        self.all().aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.all().schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.all().display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.all().signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.all().return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.all().return_field(fields)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.all().coerce_types(types)
    }

    fn is_nullable(&self) -> bool {
        self.all().is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(statistic) = self.part.exact() {
            return Ok(if args.is_distinct { exact::distinct(statistic) } else { exact::whole(statistic) });
        }
        let result = args.return_field.data_type().clone();
        self.plain(self.all().accumulator(args)?, &result)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let Some(statistic) = self.part.exact() else { return self.all().state_fields(args) };
        let state = exact::state(statistic, args.is_distinct).into_iter();
        Ok(state.map(|(name, of)| Arc::new(Field::new(format_state_name(args.name, name), of, true)) as FieldRef).collect())
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        if self.part.exact().is_some() {
            return !args.is_distinct;
        }
        let is_own = matches!(self.part, Part::End(end) if matches!(ends::of_groups(end, &args), Ok(Some(_))));
        is_own || self.all().groups_accumulator_supported(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.part {
            Part::Exact(_) => AggregateOrderSensitivity::Insensitive,
            _ => self.all().order_sensitivity(),
        }
    }

    /// An exact one stays as it is: what the plain one becomes may add up in some order.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        if self.part.exact().is_some() { None } else { self.all().simplify() }
    }

    fn simplify_expr_op_literal(
        &self,
        aggregate: &AggregateFunction,
        arg: &Expr,
        operator: Operator,
        literal: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        if self.part.exact().is_some() {
            return Ok(None);
        }
        self.all().simplify_expr_op_literal(aggregate, arg, operator, literal, arg_is_left)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.part {
            Part::End(end) => ReversedUDAF::Reversed(end.reversed()),
            _ => self.all().reverse_expr(),
        }
    }

    fn with_beneficial_ordering(self: Arc<Self>, beneficial_ordering: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let all = Arc::clone(self.all.inner()).with_beneficial_ordering(beneficial_ordering)?;
        let own = |all| OwnPart { all: Arc::new(AggregateUDF::new_from_shared_impl(all)), part: self.part };
        Ok(all.map(|all| Arc::new(own(all)) as Arc<dyn AggregateUDFImpl>))
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.all().supports_null_handling_clause()
    }

    fn is_descending(&self) -> Option<bool> {
        self.all().is_descending()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.all().default_value(data_type)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        if self.part.exact().is_some() { None } else { self.all().value_from_stats(statistics) }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.all().documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.all().set_monotonicity(data_type)
    }
}
