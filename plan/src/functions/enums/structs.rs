//! Structs of which some fields are enums: `named_struct` with the fields' metadata, which DataFusion's leaves out.

use std::sync::{Arc, LazyLock};

use arrow::array::StructArray;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::functions::core::named_struct::NamedStructFunc;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

pub(super) const NAME: &str = "struct_of";

/// A struct of names and values in turn.
pub fn struct_of(names_and_values: Vec<Expr>) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(StructOf::default())));
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&FUNCTION), names_and_values))
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct StructOf {
    plain: NamedStructFunc,
}

impl ScalarUDFImpl for StructOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.plain.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let values: Vec<FieldRef> = args.arg_fields.iter().skip(1).step_by(2).cloned().collect();
        let plain = self.plain.return_field_from_args(args)?;
        let DataType::Struct(fields) = plain.data_type() else { return Ok(plain) };
        let fields = fields
            .iter()
            .zip(values)
            .map(|(field, value)| FieldRef::new(field.as_ref().clone().with_metadata(value.metadata().clone())));
        Ok(Arc::new(Field::new(plain.name(), DataType::Struct(fields.collect()), plain.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values: Vec<ColumnarValue> = args.args.iter().skip(1).step_by(2).cloned().collect();
        match args.return_field.data_type() {
            DataType::Struct(fields) => {
                let columns = ColumnarValue::values_to_arrays(&values)?;
                Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields.clone(), columns, None)?)))
            }
            _ => self.plain.invoke_with_args(args),
        }
    }
}
