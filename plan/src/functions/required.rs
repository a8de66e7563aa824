//! A condition that must hold on every row, as one that is true or an error.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use crate::error::{copy, to_datafusion};

/// True on every row; when run, this error on the first row where the condition is not true.
pub fn required(error: Error, condition: Expr) -> Expr {
    let function = Required { error, signature: Signature::any(1, Volatility::Volatile) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![condition]))
}

#[derive(Debug)]
struct Required {
    error: Error,
    signature: Signature,
}

impl PartialEq for Required {
    fn eq(&self, other: &Self) -> bool {
        self.error.to_string() == other.error.to_string()
    }
}

impl Eq for Required {}

impl std::hash::Hash for Required {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.error.to_string().hash(state);
    }
}

impl ScalarUDFImpl for Required {
    fn name(&self) -> &str {
        "required"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let holds = args.args[0].to_array(args.number_rows)?;
        let holds = holds.as_boolean();
        if holds.true_count() == holds.len() {
            return Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![true; holds.len()]))));
        }
        Err(to_datafusion(copy(&self.error)))
    }
}
