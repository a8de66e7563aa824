//! `cast(x)`: a cast that DataFusion does not look into.

use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::format::DEFAULT_FORMAT_OPTIONS;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function that casts to a type, and fails where CAST does.
pub fn rounded_cast(to: &DataType) -> ScalarUDF {
    function(to, false)
}

/// The function that casts to a type, and is null where TRY_CAST is.
pub fn rounded_try_cast(to: &DataType) -> ScalarUDF {
    function(to, true)
}

fn function(to: &DataType, safe: bool) -> ScalarUDF {
    ScalarUDF::new_from_impl(RoundedCast { to: to.clone(), safe, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RoundedCast {
    to: DataType,
    safe: bool,
    signature: Signature,
}

impl ScalarUDFImpl for RoundedCast {
    fn name(&self) -> &str {
        if self.safe { "try_cast" } else { "cast" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(cast_field(self.name(), (&self.to, self.safe), &args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return datafusion::common::exec_err!("cast takes one value") };
        let options = CastOptions { safe: self.safe, format_options: DEFAULT_FORMAT_OPTIONS };
        value.cast_to(&self.to, Some(&options))
    }
}

/// The field of a cast to a type: null where what is cast is, or where it may fail and is null then.
pub(super) fn cast_field(name: &str, (to, safe): (&DataType, bool), args: &ReturnFieldArgs) -> FieldRef {
    let nullable = safe || args.arg_fields.iter().any(|field| field.is_nullable());
    Field::new(name, to.clone(), nullable).into()
}
