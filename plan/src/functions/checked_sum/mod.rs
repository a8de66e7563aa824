//! `sum`, whose integers, decimals and durations do not wrap around.
//!
//! DataFusion's own adds numbers of 64 and 128 bits modulo their width. This one, of the same name and types, keeps what goes beyond,
//! so that the sum is exact whatever the order and the number of threads, and an error if it does not fit in its type at the end.
//! Sums of floats are DataFusion's, but that they have one NaN.

mod decimals;
mod distinct;
mod groups;
mod narrow;
mod whole;
mod wide;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Field, FieldRef, Int64Type, TimeUnit, UInt64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};
use gradframe_ml_core::Error;

use self::distinct::Distinct;
use self::groups::Groups;
use self::whole::Whole;
use super::one_nan::{groups_of_one_nan, of_one_nan};
use crate::error::to_datafusion;

static SUM: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::new_from_impl(CheckedSum { unchecked: Sum::new() })));

/// A sum has ten digits more than what it is of, and 38 at most: of so many it has no more than of 38.
const DIGITS_OF_WIDEST_SUM: u8 = 28;

/// The aggregate `sum`, in the place of DataFusion's. When run, an `Execution` error for a sum that its type cannot hold.
pub fn checked_sum() -> Arc<AggregateUDF> {
    Arc::clone(&SUM)
}

/// The sum of an expression; null of no value.
pub fn sum(expr: Expr) -> Expr {
    SUM.call(vec![expr])
}

/// Whether it is the aggregate of [`checked_sum`].
pub(super) fn is_checked_sum(function: &AggregateUDF) -> bool {
    function.inner().is::<CheckedSum>()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    unchecked: Sum,
}

/// Calls a generic function for the type of a sum.
macro_rules! of_type {
    ($data_type:expr, $make:ident($($arg:expr),*), else $otherwise:expr) => {
        match $data_type {
            DataType::Int64 => Ok($make::<Int64Type>($($arg),*)),
            DataType::UInt64 => Ok($make::<UInt64Type>($($arg),*)),
            DataType::Decimal128(..) => Ok($make::<Decimal128Type>($($arg),*)),
            DataType::Duration(TimeUnit::Second) => Ok($make::<DurationSecondType>($($arg),*)),
            DataType::Duration(TimeUnit::Millisecond) => Ok($make::<DurationMillisecondType>($($arg),*)),
            DataType::Duration(TimeUnit::Microsecond) => Ok($make::<DurationMicrosecondType>($($arg),*)),
            DataType::Duration(TimeUnit::Nanosecond) => Ok($make::<DurationNanosecondType>($($arg),*)),
            _ => $otherwise,
        }
    };
}

fn whole<T: wide::Summed>(named: Named) -> Box<dyn Accumulator> {
    Box::new(Whole::<T>::new(named))
}

fn groups<T: wide::Summed>(named: Named) -> Box<dyn GroupsAccumulator> {
    Box::new(Groups::<T>::new(named))
}

fn distinct<T: wide::Summed>(values: Box<dyn Accumulator>, named: Named) -> Box<dyn Accumulator> {
    Box::new(Distinct::<T>::new(values, named))
}

fn is_checked(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..) | DataType::Duration(_))
}

/// What a sum is called in an error, and its type.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    data_type: DataType,
}

impl Named {
    fn of(args: &AccumulatorArgs) -> Self {
        Named { name: args.name.to_owned(), data_type: args.return_field.data_type().clone() }
    }

    fn beyond<N: wide::Wide>(&self, sum: N::Total) -> DataFusionError {
        // Hidden columns have names that a user never wrote.
        let name = self.name.replace("?table?.", "");
        let subject = if name.contains("__") { "a sum".to_owned() } else { format!("`{name}`") };
        let what = format!("{subject} is {}, which does not fit in {}", N::shown(sum, &self.data_type), self.data_type);
        let wider = if matches!(self.data_type, DataType::Decimal128(..)) { "a float" } else { "a decimal or a float" };
        to_datafusion(Error::execution("sum", what).hint(format!("cast what is summed to {wider}")))
    }
}

/// The sum of decimals as they were before a cast that only gave them room for more digits, where a sum has that room by itself.
fn before_cast(mut sum: AggregateFunction, info: &SimplifyContext) -> AggregateFunction {
    let narrower = match sum.params.args.as_slice() {
        [Expr::Cast(cast)] => match (info.get_data_type(&cast.expr), cast.field.data_type()) {
            (Ok(DataType::Decimal128(own, scale)), DataType::Decimal128(room, to_scale))
                if scale == *to_scale && own <= *room && own >= DIGITS_OF_WIDEST_SUM =>
            {
                Some(cast.expr.as_ref().clone())
            }
            _ => None,
        },
        _ => None,
    };
    sum.params.args = narrower.map_or(sum.params.args, |narrower| vec![narrower]);
    sum
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.unchecked.name()
    }

    fn signature(&self) -> &Signature {
        self.unchecked.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.unchecked.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (named, is_distinct) = (Named::of(&args), args.is_distinct);
        let data_type = named.data_type.clone();
        if !is_checked(&data_type) {
            return Ok(of_one_nan(self.unchecked.accumulator(args)?, &data_type));
        }
        if is_distinct {
            let values = self.unchecked.accumulator(args)?;
            return of_type!(data_type, distinct(values, named), else wide::unexpected(&data_type));
        }
        of_type!(data_type, whole(named), else wide::unexpected(&data_type))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let named = Named::of(&args);
        let data_type = named.data_type.clone();
        if data_type == DataType::Float64 && !args.is_distinct {
            return Ok(of_one_nan(super::sliding::of_sums(), &data_type));
        }
        if !is_checked(&data_type) || args.is_distinct {
            return Ok(of_one_nan(self.unchecked.create_sliding_accumulator(args)?, &data_type));
        }
        of_type!(data_type, whole(named), else wide::unexpected(&data_type))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct || !is_checked(args.return_type()) {
            return self.unchecked.state_fields(args);
        }
        let low = Field::new(format_state_name(args.name, "sum"), args.return_type().clone(), true);
        let carry = Field::new(format_state_name(args.name, "carry"), wide::CARRY, false);
        Ok(vec![Arc::new(low), Arc::new(carry)])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.unchecked.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let named = Named::of(&args);
        let data_type = named.data_type.clone();
        let others = |args| Ok(groups_of_one_nan(self.unchecked.create_groups_accumulator(args)?, &data_type));
        of_type!(data_type, groups(named), else others(args))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.unchecked.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.unchecked.order_sensitivity()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.unchecked.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.unchecked.set_monotonicity(data_type)
    }

    fn simplify_expr_op_literal(
        &self,
        aggregate: &AggregateFunction,
        arg: &Expr,
        operator: Operator,
        literal: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.unchecked.simplify_expr_op_literal(aggregate, arg, operator, literal, arg_is_left)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|sum, info| Ok(Expr::AggregateFunction(before_cast(sum, info)))))
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.unchecked.value_from_stats(statistics)
    }
}
