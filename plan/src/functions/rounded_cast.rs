//! `cast(x)`: a cast that DataFusion does not look into.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function that casts to a type, and fails where CAST does.
pub fn rounded_cast(to: &DataType) -> ScalarUDF {
    ScalarUDF::new_from_impl(RoundedCast { to: to.clone(), signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundedCast {
    to: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for RoundedCast {
    fn name(&self) -> &str {
        "cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name(), self.to.clone(), nullable).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return datafusion::common::exec_err!("cast takes one value") };
        value.cast_to(&self.to, None)
    }
}
