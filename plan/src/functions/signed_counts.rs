//! Lengths and positions in lists as 64-bit integers with a sign.
//!
//! DataFusion 55 gives them as UInt64. Their difference could not be negative, and beside an integer they met in a decimal: `array_length(a) / 2` was
//! 0.5 where `length(s) / 2` is 0. These, of the same names, give what PostgreSQL and DuckDB give, and so do windows and aggregates that count
//! (`sql/src/signed_counts.rs`). Frames have Polars's types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::functions_nested::cardinality::cardinality_udf;
use datafusion::functions_nested::dimension::{array_dims_udf, array_ndims_udf};
use datafusion::functions_nested::length::array_length_udf;
use datafusion::functions_nested::position::{array_position_udf, array_positions_udf};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::as_own::as_own;

/// The functions in the place of DataFusion's own.
pub(super) fn signed_counts() -> impl Iterator<Item = Arc<ScalarUDF>> {
    let own =
        [array_length_udf(), cardinality_udf(), array_position_udf(), array_positions_udf(), array_dims_udf(), array_ndims_udf()];
    own.into_iter().map(|own| Arc::new(ScalarUDF::new_from_impl(SignedCount { own })))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SignedCount {
    own: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for SignedCount {
    as_own!(but_its_type);

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.own.return_type(types).map(signed)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let returns = args.return_type().clone();
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        // DataFusion, built for debugging, checks what its function gives.
        let own = Field::new(self.name(), self.own.return_type(&types)?, args.return_field.is_nullable());
        args.return_field = Arc::new(own);
        self.own.invoke_with_args(args)?.cast_to(&returns, None)
    }
}

fn signed(own: DataType) -> DataType {
    match own {
        DataType::UInt64 => DataType::Int64,
        DataType::List(item) => {
            let item = item.as_ref().clone();
            let to = signed(item.data_type().clone());
            DataType::List(Arc::new(item.with_data_type(to)))
        }
        other => other,
    }
}
