//! A function that treats each value by itself: a scalar function.

use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::Mapped;

/// Volatile: it is called once for each row, whatever the optimizer would like.
pub(super) fn call(mapped: Mapped, column: Expr) -> Expr {
    let name = mapped.function.name();
    ScalarUDF::new_from_impl(Each { mapped, name, signature: Signature::any(1, Volatility::Volatile) }).call(vec![column])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Each {
    mapped: Mapped,
    name: String,
    signature: Signature,
}

impl ScalarUDFImpl for Each {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.mapped.data_type(&types[0]))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.mapped.map(&args.args[0].to_array(args.number_rows)?).map(ColumnarValue::Array)
    }
}
