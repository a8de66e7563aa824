//! A function that must see all values at once: a window function over all rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Expr, PartitionEvaluator, Signature, Volatility, WindowFunctionDefinition, WindowUDF, WindowUDFImpl,
};

use super::Mapped;

pub(super) fn call(mapped: Mapped, column: Expr) -> Expr {
    let name = mapped.function.name();
    let function = WindowUDF::new_from_impl(Whole { mapped, name, signature: Signature::any(1, Volatility::Volatile) });
    let function = WindowFunctionDefinition::WindowUDF(Arc::new(function));
    Expr::from(WindowFunction::new(function, vec![column]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    mapped: Mapped,
    name: String,
    signature: Signature,
}

impl WindowUDFImpl for Whole {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator(self.mapped.clone())))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let column = args.input_fields().first().map_or(DataType::Null, |field| field.data_type().clone());
        Ok(Arc::new(Field::new(args.name(), self.mapped.data_type(&column), true)))
    }
}

#[derive(Debug)]
struct Evaluator(Mapped);

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        match values.first() {
            Some(column) => self.0.map(column),
            None => Ok(new_empty_array(&self.0.data_type(&DataType::Null))),
        }
    }
}
