//! A column that is there already, as an expression: the value for each row, by the row's place.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// The value at each row's place. `place` counts the rows from 0, `rows` is how many there are: both Int64.
/// Errors, when it runs: `Shape` if there are not as many values as rows.
pub fn given(field: FieldRef, values: ArrayRef, place: Expr, rows: Expr) -> Expr {
    let function = Given { field, values, signature: Signature::any(2, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![place, rows]))
}

struct Given {
    field: FieldRef,
    values: ArrayRef,
    signature: Signature,
}

impl Given {
    fn check_rows(&self, rows: Option<i64>) -> Result<()> {
        match rows.filter(|rows| usize::try_from(*rows).ok() != Some(self.values.len())) {
            None => Ok(()),
            Some(rows) => {
                let what = format!("series `{}` has {} values, the frame {rows} rows", self.field.name(), self.values.len());
                Err(to_datafusion(Error::shape("series", what)))
            }
        }
    }
}

impl ScalarUDFImpl for Given {
    fn name(&self) -> &str {
        "series"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.values.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [places, rows] = columns.as_slice() else {
            return Err(to_datafusion(Error::internal("series", "takes a place and a number of rows")));
        };
        self.check_rows(rows.as_primitive::<Int64Type>().iter().next().flatten())?;
        Ok(ColumnarValue::Array(arrow::compute::take(&self.values, places, None)?))
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "series `{}` of {} values", self.field.name(), self.values.len())
    }
}

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.values, &other.values) && self.field == other.field
    }
}

impl Eq for Given {}

impl Hash for Given {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.values).cast::<()>().hash(state);
    }
}
