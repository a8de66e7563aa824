//! A check that a key is there once, as a condition that is true or an error.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use super::words::{of_texts, texts, word};
use crate::error::to_datafusion;

/// True for every row whose key is on so many rows as `rows` says if that is one. When run, an `Execution` error of a join
/// names the first other one.
pub fn once(side: &str, names: &[String], rows: Expr, keys: Vec<Expr>) -> Expr {
    let args = std::iter::once(rows).chain(keys).collect();
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function(side.to_owned(), names.to_vec())), args))
}

/// The check of this name for a side and its keys' names.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    let mut texts = (name == NAME).then(|| texts(constants))??.into_iter();
    Some(function(texts.next()?, texts.collect()))
}

const NAME: &str = "once";

fn function(side: String, names: Vec<String>) -> ScalarUDF {
    let shown = word(NAME, &of_texts(std::iter::once(&side).chain(&names)));
    ScalarUDF::new_from_impl(Once { side, names, shown, signature: Signature::variadic_any(Volatility::Volatile) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Once {
    side: String,
    names: Vec<String>,
    shown: String,
    signature: Signature,
}

impl ScalarUDFImpl for Once {
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
        let rows = columns[0].as_primitive::<Int64Type>();
        match rows.values().iter().position(|rows| *rows > 1) {
            Some(row) => Err(to_datafusion(self.twice(row, rows.value(row), &columns[1..])?)),
            None => Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![true; rows.len()])))),
        }
    }
}

impl Once {
    fn twice(&self, row: usize, times: i64, keys: &[arrow::array::ArrayRef]) -> Result<Error> {
        let mut key = vec![];
        for (name, values) in self.names.iter().zip(keys) {
            let value = if values.is_null(row) { "null".to_owned() } else { array_value_to_string(values, row)? };
            key.push(format!("`{name}` = {value}"));
        }
        let what = format!("the key {} is on {times} rows of the {} side, expected one", key.join(", "), self.side);
        Ok(Error::execution("join", what).hint("drop duplicates with unique, or relax `validate`"))
    }
}
