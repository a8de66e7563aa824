//! `cast(x)` and `try_cast(x)`: casts that DataFusion does not look into.

use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function that casts to a type, and fails where CAST does.
pub fn rounded_cast(to: &DataType) -> ScalarUDF {
    function(to, false)
}

/// The function that casts to a type, and gives null where TRY_CAST does.
pub fn tried_cast(to: &DataType) -> ScalarUDF {
    function(to, true)
}

fn function(to: &DataType, tries: bool) -> ScalarUDF {
    ScalarUDF::new_from_impl(RoundedCast { to: to.clone(), tries, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundedCast {
    to: DataType,
    /// Whether what has no value in the type is null.
    tries: bool,
    signature: Signature,
}

impl ScalarUDFImpl for RoundedCast {
    fn name(&self) -> &str {
        if self.tries { "try_cast" } else { "cast" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = self.tries || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), self.to.clone(), nullable).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return datafusion::common::exec_err!("cast takes one value") };
        let options = CastOptions { safe: self.tries, ..Default::default() };
        value.cast_to(&self.to, Some(&options))
    }
}
