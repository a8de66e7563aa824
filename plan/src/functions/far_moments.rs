//! `date_bin`, of which a moment that nanoseconds cannot count is an error.
//!
//! DataFusion 55 counts in nanoseconds within it, which end in the years 1677 and 2262, and gives null beyond: a moment of 9999 fell into no bin, without a
//! word. This is its function with an error there, and can go when it has one.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use gradframe_ml_core::Error;

use super::as_own::as_own;
use crate::error::to_datafusion;

/// The function `date_bin`, in the place of DataFusion's.
pub fn date_bin_function() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(DateBin { own: datafusion::functions::datetime::date_bin() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateBin {
    own: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateBin {
    as_own!();

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.own.coerce_types(types)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.own.output_ordering(inputs)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given = args.args.clone();
        let binned = self.own.invoke_with_args(args)?;
        let nulls = |value: &ColumnarValue| match value {
            ColumnarValue::Array(array) => array.logical_null_count(),
            ColumnarValue::Scalar(scalar) => usize::from(scalar.is_null()),
        };
        let is_null = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(scalar) if scalar.is_null());
        // Of a column of moments the others are constants, so every other null is a moment beyond.
        let known: usize = given.iter().map(nulls).sum();
        if !given.iter().any(is_null) && nulls(&binned) > known {
            let error = Error::execution("date_bin", "a moment is before 1677 or behind 2262, which nanoseconds cannot count");
            return Err(to_datafusion(error.hint("date_trunc knows such days: date_trunc('month', CAST(ts AS DATE))")));
        }
        Ok(binned)
    }
}
