//! A kernel as a scalar function: batch by batch, one value a row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

use super::decimals::operation_of;
use super::decimals_plain::plain;
use super::kernel::{Carried, on_column};

/// A call of a kernel that looks at one row at a time.
pub fn per_row(name: &'static str, args: Vec<Expr>, constants: Vec<ScalarValue>) -> Expr {
    let function = ScalarUDF::new_from_impl(PerRow(Carried::new(name, constants)));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
}

/// The kernel of this name as a scalar function.
pub(in crate::functions) fn per_row_named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    Carried::named(name, constants.to_vec()).map(|carried| ScalarUDF::new_from_impl(PerRow(carried)))
}

/// The kernel's name and constants, if the function is one that looks at one row at a time.
pub(super) fn kernel_of(function: &ScalarFunction) -> Option<(&'static str, &[ScalarValue])> {
    let PerRow(carried) = function.func.inner().as_ref().downcast_ref::<PerRow>()?;
    Some((carried.name, &carried.constants))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PerRow(Carried);

impl ScalarUDFImpl for PerRow {
    fn name(&self) -> &str {
        &self.0.shown
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.result(types)
    }

    /// What is computed of two decimals is null only where one of them is.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let may_be_null = operation_of(self.0.name, &self.0.constants).is_none();
        let nullable = may_be_null || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.0.result(&types)?, nullable)))
    }

    /// Both zeros and all NaNs stand beside each other in an order, so what is ordered by a float is ordered by its [`super::super::identity`].
    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match inputs {
            [of_float] if self.0.name == "one_zero" => of_float.sort_properties,
            _ => SortProperties::Unordered,
        })
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let operation = operation_of(self.0.name, &self.0.constants);
        Ok(match operation.and_then(|operation| plain(operation, &args, info)) {
            Some(plain) => ExprSimplifyResult::Simplified(plain),
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = columns.first().map_or(args.number_rows, |column| column.len());
        let computed = self.0.run(&columns, rows);
        let computed = computed.map_err(|error| on_column(error, args.arg_fields.first().map_or("", |first| first.name())))?;
        let all_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        Ok(match all_constant && computed.len() == 1 {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&computed, 0)?),
            false => ColumnarValue::Array(computed),
        })
    }
}
