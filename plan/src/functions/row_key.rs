//! The key of a row: a number drawn from the row's content and a seed, by which rows are shuffled.

use std::sync::Arc;

use arrow::array::Decimal128Array;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::arguments::wrong;
use super::words::word;

const NAME: &str = "row_key";
/// 128 bits in a type that sorts as one number. The digits that the type declares are not what bounds the key.
const KEY: DataType = DataType::Decimal128(38, 0);

/// The keys of rows with these columns. Equal rows have equal keys, wherever they were read; different rows have different
/// ones (of a billion rows, two collide with a chance below 1e-20). Another seed gives an order that has nothing to do
/// with this one.
/// Errors, when planned: `DType` for columns of unions or of other types that rows cannot be compared by.
pub fn row_key(columns: Vec<Expr>, seed: u64) -> Expr {
    function(seed).call(columns)
}

/// The function of this name with a seed.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    match constants {
        [ScalarValue::UInt64(Some(seed))] if name == NAME => Some(function(*seed)),
        _ => None,
    }
}

fn function(seed: u64) -> ScalarUDF {
    let (shown, signature) = (word(NAME, &[seed.into()]), Signature::variadic_any(Volatility::Immutable));
    ScalarUDF::new_from_impl(RowKey { seed, shown, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowKey {
    seed: u64,
    shown: String,
    signature: Signature,
}

impl ScalarUDFImpl for RowKey {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let unfit = types.iter().find(|data_type| !RowConverter::supports_fields(&[SortField::new((*data_type).clone())]));
        match unfit {
            Some(unfit) => wrong(NAME, format!("rows with a column of type {unfit} cannot be put in a random order")),
            None => Ok(KEY),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
        let keys = rows.iter().map(|row| xxh3_128_with_seed(row.as_ref(), self.seed) as i128);
        let keys = Decimal128Array::from_iter_values(keys).with_data_type(KEY);
        Ok(ColumnarValue::Array(Arc::new(keys)))
    }
}
