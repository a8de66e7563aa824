//! A check that the lists of a row are of one length, as a condition that is true or an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use super::words::{of_texts, texts, word};
use crate::error::to_datafusion;

/// True for every row on which these lengths (`u64`) are equal; a null is as long as 1, for it becomes one null. When run,
/// an error of `op` names the first two columns that differ, and their lengths: `Execution` for explode, `Shape` for another.
pub fn equal_lengths(op: &str, names: &[String], lengths: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function(op.to_owned(), names.to_vec())), lengths))
}

/// The check of this name for columns of these names.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    let mut words = texts(constants).filter(|words| name == NAME && !words.is_empty())?;
    let names = words.split_off(1);
    Some(function(words.swap_remove(0), names))
}

const NAME: &str = "equal_lengths";

fn function(op: String, names: Vec<String>) -> ScalarUDF {
    let shown = word(NAME, &of_texts(std::iter::once(&op).chain(&names)));
    let signature = Signature::variadic_any(Volatility::Volatile);
    ScalarUDF::new_from_impl(EqualLengths { op, names, shown, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EqualLengths {
    op: String,
    names: Vec<String>,
    shown: String,
    signature: Signature,
}

impl EqualLengths {
    fn differ(&self, first: u64, name: &str, other: u64) -> Error {
        let own = &self.names[0];
        if self.op == "explode" {
            let what = format!("the lists of a row differ in length: `{own}` has {first} values and `{name}` {other}");
            return Error::execution("explode", what).hint("explode the columns one after the other");
        }
        let error = Error::shape(&self.op, format!("`{own}` has {first} rows and `{name}` {other}"));
        error.hint("filter or shorten all of them alike, or select them one by one")
    }
}

impl ScalarUDFImpl for EqualLengths {
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
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        for row in 0..args.number_rows {
            let first = length(&columns[0], row);
            for (name, column) in self.names.iter().zip(&columns).skip(1) {
                let other = length(column, row);
                if other != first {
                    return Err(to_datafusion(self.differ(first, name, other)));
                }
            }
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![true; args.number_rows]))))
    }
}

fn length(lengths: &ArrayRef, row: usize) -> u64 {
    if lengths.is_null(row) { 1 } else { lengths.as_primitive::<UInt64Type>().value(row) }
}
