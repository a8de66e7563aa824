//! An element of each tensor of a column, as a column of its own: how tensors are features.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// The elements at a place, row-major, of a column of lists of fixed size.
pub fn tensor_element(column: Expr, place: usize) -> Expr {
    ScalarUDF::new_from_impl(Element { place, signature: Signature::any(1, Volatility::Immutable) }).call(vec![column])
}

/// The column and the place that a feature's name means: `image[12]`.
pub fn element_named(name: &str) -> Option<(&str, usize)> {
    let (column, place) = name.strip_suffix(']')?.rsplit_once('[')?;
    Some((column, place.parse().ok()?))
}

/// The type of a column's elements, if there is one at this place.
pub fn element_type(column: &DataType, place: usize) -> Option<&DataType> {
    match column {
        DataType::FixedSizeList(item, size) if place < *size as usize => Some(item.data_type()),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Element {
    place: usize,
    signature: Signature,
}

impl ScalarUDFImpl for Element {
    fn name(&self) -> &str {
        "tensor_element"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let found = types.first().and_then(|column| element_type(column, self.place));
        found.cloned().ok_or_else(|| {
            let what = format!("a column of {types:?} has no element {}", self.place);
            to_datafusion(Error::dtype(self.name(), what))
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let column = &args.arg_fields[0];
        let data_type = self.return_type(std::slice::from_ref(column.data_type()))?;
        let nullable = match column.data_type() {
            DataType::FixedSizeList(item, _) => column.is_nullable() || item.is_nullable(),
            _ => true,
        };
        Ok(Arc::new(Field::new(format!("{}[{}]", column.name(), self.place), data_type, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column = args.args[0].to_array(args.number_rows)?;
        self.elements(&column).map(ColumnarValue::Array)
    }
}

impl Element {
    fn elements(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let list = column
            .as_fixed_size_list_opt()
            .ok_or_else(|| to_datafusion(Error::internal(self.name(), format!("a column of {}", column.data_type()))))?;
        let (first, width) = (list.value_offset(0) as u32, list.value_length() as u32);
        let place = |row: usize| first + row as u32 * width + self.place as u32;
        let places: UInt32Array = (0..list.len()).map(|row| list.is_valid(row).then(|| place(row))).collect();
        take(list.values(), &places, None).map_err(DataFusionError::from)
    }
}
