//! Placeholders: calls that wait for a frame, as scalar functions that have a name and arguments but no type and no value.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_plan::error::to_datafusion;

use super::call::Constants;
use crate::Error;

/// A call of a typed row of the table.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Deferred {
    pub(crate) name: &'static str,
    pub(crate) constants: Vec<(String, super::Constant)>,
    signature: Signature,
}

/// The call as an expression that only a frame can resolve.
pub(crate) fn deferred(name: &'static str, exprs: Vec<Expr>, constants: Constants) -> Expr {
    let constants = constants.into_iter().collect();
    placeholder(Deferred { name, constants, signature: Signature::user_defined(Volatility::Volatile) }, exprs)
}

/// A scalar function of ours over these arguments.
pub(crate) fn placeholder(function: impl ScalarUDFImpl + 'static, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), args))
}

/// The deferred call that a scalar function is, if it is one.
pub(crate) fn deferred_of(function: &ScalarFunction) -> Option<&Deferred> {
    function.func.inner().as_ref().downcast_ref::<Deferred>()
}

/// What a placeholder says where it is asked for a type or a value.
pub(crate) fn unresolved<T>(name: &str) -> Result<T> {
    let error = Error::plan(name, "can only be used in an expression of a frame");
    Err(to_datafusion(error.hint("pass it to a method such as select, with_columns, filter or agg")))
}

impl ScalarUDFImpl for Deferred {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        unresolved(self.name)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        unresolved(self.name)
    }
}
