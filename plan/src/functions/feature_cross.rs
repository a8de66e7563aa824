//! `ML.FEATURE_CROSS(STRUCT(a, b, ...))`: the combination of several categories, as one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

use super::arguments::{is_category, wrong};

const NAME: &str = "ml.feature_cross";

/// The values of all fields, joined by `_`; null where one of them is. BigQuery ML gives a struct of all crosses up to a
/// degree: here a call is one cross, of all the fields it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FeatureCross {
    signature: Signature,
}

impl Default for FeatureCross {
    fn default() -> Self {
        FeatureCross { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for FeatureCross {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Struct(fields)] if fields.len() >= 2 => match fields.iter().find(|f| !is_category(f.data_type())) {
                Some(other) => {
                    wrong(NAME, format!("`{}` is {}, expected a text, integer or boolean", other.name(), other.data_type()))
                }
                None => Ok(DataType::Utf8),
            },
            _ => wrong(NAME, "expected one argument, STRUCT(a, b, ...), of two fields or more"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let fields = args.args[0].to_array(args.number_rows)?;
        let fields = fields.as_struct();
        let texts = fields.columns().iter().map(|field| cast(field, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
        let crossed: StringArray = (0..fields.len()).map(|row| cross(&texts, row)).collect();
        Ok(ColumnarValue::Array(Arc::new(crossed)))
    }
}

fn cross(texts: &[ArrayRef], row: usize) -> Option<String> {
    let parts: Option<Vec<&str>> = texts.iter().map(|t| t.is_valid(row).then(|| t.as_string::<i32>().value(row))).collect();
    parts.map(|parts| parts.join("_"))
}
