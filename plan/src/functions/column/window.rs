//! A kernel as a window function: over all rows of a partition, one value a row.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{Expr, PartitionEvaluator, Signature, WindowFunctionDefinition, WindowUDF, WindowUDFImpl};

use super::aggregate::{Answer, aggregate};
use super::kernel::Carried;
use super::moving;
use super::sorting::FIRST_SORTED;

/// A call of a kernel that gives one value for each row of a partition. It is not ordered yet.
pub fn window(name: &'static str, args: Vec<Expr>, constants: Vec<ScalarValue>) -> Expr {
    WindowUDF::new_from_impl(OverPartition(Carried::new(name, constants))).call(args)
}

/// The kernel of this name as a window function.
pub(in crate::functions) fn window_named(name: &str, constants: Vec<ScalarValue>) -> Option<WindowUDF> {
    Carried::named(name, constants).map(|carried| WindowUDF::new_from_impl(OverPartition(carried)))
}

/// The same kernel over other arguments as an aggregate that gives the list of its values; None for a window of no kernel.
pub fn as_list(window: &WindowFunction, args: Vec<Expr>, order: Expr) -> Option<Expr> {
    as_aggregate(window, args, order, Answer::List)
}

/// The same kernel over arguments of one value as an aggregate that gives its value; None for a window of no kernel.
pub fn as_value(window: &WindowFunction, args: Vec<Expr>, order: Expr) -> Option<Expr> {
    as_aggregate(window, args, order, Answer::Value)
}

fn as_aggregate(window: &WindowFunction, args: Vec<Expr>, order: Expr, answer: Answer) -> Option<Expr> {
    let WindowFunctionDefinition::WindowUDF(function) = &window.fun else { return None };
    let OverPartition(kernel) = function.inner().as_ref().downcast_ref::<OverPartition>()?;
    Some(aggregate(kernel.name, args, order, kernel.constants.clone(), answer))
}

/// The list of the first values of a window that sorts them, as an aggregate; None for another window.
pub fn first_sorted(window: &WindowFunction, first: i64, order: Expr) -> Option<Expr> {
    let WindowFunctionDefinition::WindowUDF(function) = &window.fun else { return None };
    let OverPartition(kernel) = function.inner().as_ref().downcast_ref::<OverPartition>()?;
    if kernel.name != "sort_by" {
        return None;
    }
    let mut args = window.params.args.clone();
    if args.len() == 2 && args[0] == args[1] {
        args.truncate(1);
    }
    let constants = [&[first.into()], kernel.constants.as_slice()].concat();
    Some(aggregate(FIRST_SORTED, args, order, constants, Answer::List))
}

/// How many rows before and after its own a window function looks at; None where there is no bound.
pub fn reach(function: &WindowUDF) -> Option<(usize, usize)> {
    let OverPartition(kernel) = function.inner().as_ref().downcast_ref::<OverPartition>()?;
    (kernel.name == "rolling").then(|| moving::reach(&kernel.constants)).flatten()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OverPartition(Carried);

impl WindowUDFImpl for OverPartition {
    fn name(&self) -> &str {
        &self.0.shown
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator(self.0.over(args.input_exprs()))))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.input_fields().iter().map(|field| field.data_type().clone()).collect();
        let field = Field::new(args.name(), self.0.result(&types)?, true);
        // Values of the first argument in another order, or some of them, are of the kind that its metadata say.
        let metadata = args.input_fields().first().filter(|first| first.data_type() == field.data_type());
        Ok(Arc::new(field.with_metadata(metadata.map(|first| first.metadata().clone()).unwrap_or_default())))
    }
}

#[derive(Debug)]
struct Evaluator(Carried);

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        self.0.run(values, rows)
    }
}
