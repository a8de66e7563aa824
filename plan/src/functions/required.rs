//! A condition that must hold on every row, as one that is true or an error.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use super::words::{texts, word};
use crate::error::{copy, to_datafusion};

/// True on every row; when run, this error on the first row where the condition is not true.
pub fn required(error: Error, condition: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function(error)), vec![condition]))
}

const NAME: &str = "required";

/// The function of this name with the error's kind, its parts, and its hint if it has one.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    let texts = (name == NAME).then(|| texts(constants))??;
    let [kind, op, what, hint @ ..] = texts.as_slice() else { return None };
    let error = match kind.as_str() {
        "Shape" => Error::shape(op, what),
        "Execution" => Error::execution(op, what),
        _ => return None,
    };
    Some(function(match hint {
        [] => error,
        [hint, ..] => error.hint(hint),
    }))
}

fn function(error: Error) -> ScalarUDF {
    let detail = error.detail();
    let parts = [error.kind(), &detail.op, &detail.what].into_iter().chain(detail.hint.as_deref());
    let shown = word(NAME, &parts.map(ScalarValue::from).collect::<Vec<_>>());
    ScalarUDF::new_from_impl(Required { error, shown, signature: Signature::any(1, Volatility::Volatile) })
}

#[derive(Debug)]
struct Required {
    error: Error,
    shown: String,
    signature: Signature,
}

impl PartialEq for Required {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for Required {}

impl std::hash::Hash for Required {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.shown.hash(state);
    }
}

impl ScalarUDFImpl for Required {
    fn name(&self) -> &str {
        &self.shown
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
