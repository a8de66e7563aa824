//! The cast of a column to the type that training had, where a value may not fit.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp::neq;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// The column as the type that training had. When run, a `DType` error names the first value that this does not hold, `column` and
/// `model`, which is a title.
pub(super) fn checked(value: Expr, op: &str, column: &str, model: &str, to: &DataType) -> Expr {
    let [op, column, model] = [op, column, model].map(str::to_owned);
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Checked { op, column, model, to: to.clone(), signature }).call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: String,
    column: String,
    model: String,
    to: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        "as_trained"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let fitting = cast(&arrays[0], &self.to)?;
        let too_far = || (0..fitting.len()).find(|row| fitting.is_null(*row) && arrays[0].is_valid(*row));
        let lost = if fitting.null_count() > arrays[0].null_count() { too_far() } else { None };
        match lost.map_or_else(|| self.fraction(&arrays[0], &fitting), |row| Ok(Some(row)))? {
            None => Ok(ColumnarValue::Array(fitting)),
            Some(row) => Err(to_datafusion(self.too_wide(&arrays[0], row)?)),
        }
    }
}

impl Checked {
    /// The first row whose value is not whole, where whole numbers are wanted; decimals are rounded to the digits of the training.
    fn fraction(&self, came: &ArrayRef, whole: &ArrayRef) -> Result<Option<usize>> {
        let is_whole = self.to.is_integer() || matches!(self.to, DataType::Decimal128(_, 0) | DataType::Decimal256(_, 0));
        if !is_whole || came.data_type().is_integer() {
            return Ok(None);
        }
        if came.data_type().is_floating() {
            let floats = cast(came, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            return Ok(floats.iter().position(|value| value.is_some_and(|value| value.fract() != 0.0)));
        }
        let differs = neq(&cast(whole, came.data_type())?, came)?;
        Ok(differs.iter().position(|differs| differs == Some(true)))
    }

    fn too_wide(&self, came: &dyn Array, row: usize) -> Result<Error> {
        let Checked { op, column, model, to, .. } = self;
        let (value, got) = (array_value_to_string(came, row)?, came.data_type());
        let what = format!("column `{column}` of {model} has {value}, expected {to}, got {got}");
        Ok(Error::dtype(op, what).hint("train on a column of the type that comes, or cast it before"))
    }
}
