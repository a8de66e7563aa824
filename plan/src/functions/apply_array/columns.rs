//! Columns as tensors of rows, and back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, make_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::OP;
use crate::element_types::{arrow_type, number};
use crate::error::from_datafusion;
use crate::names::type_name;

const NAME: &str = "ARROW:extension:name";
const METADATA: &str = "ARROW:extension:metadata";
const TENSOR: &str = "arrow.fixed_shape_tensor";

/// A column as an array: its element type, and the sizes after its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowArray {
    pub dtype: DType,
    pub sizes: Vec<usize>,
}

impl RowArray {
    /// How a column of this field is given to a function. Errors: `DType` for one that is no number.
    pub fn of(field: &Field) -> Result<Self> {
        if let DataType::FixedSizeList(item, size) = field.data_type() {
            let sizes = shape_of(field).unwrap_or_else(|| vec![*size as usize]);
            return Ok(RowArray { dtype: dtype(item)?, sizes });
        }
        Ok(RowArray { dtype: dtype(field)?, sizes: vec![] })
    }

    /// The column's field, where a function gives it.
    pub fn field(&self, name: &str, nullable: bool) -> FieldRef {
        let element = arrow_type(self.dtype);
        if self.sizes.is_empty() {
            return Arc::new(Field::new(name, element, nullable));
        }
        let count = self.sizes.iter().product::<usize>() as i32;
        let list = DataType::FixedSizeList(Arc::new(Field::new("item", element, false)), count);
        let shape = serde_json::json!({ "shape": self.sizes }).to_string();
        let metadata = HashMap::from([(NAME.to_owned(), TENSOR.to_owned()), (METADATA.to_owned(), shape)]);
        Arc::new(Field::new(name, list, nullable).with_metadata(metadata))
    }

    /// A column's values: [rows, sizes..]; those under nulls are arbitrary.
    /// Errors: `Execution` for a value that does not fit, or a null inside of a tensor.
    pub fn tensor(&self, array: &ArrayRef) -> Result<Tensor> {
        let flat = match array.as_fixed_size_list_opt() {
            Some(list) => elements(list)?,
            None => Arc::clone(array),
        };
        let shape: Vec<usize> = std::iter::once(array.len()).chain(self.sizes.iter().copied()).collect();
        let flat = cast(&flat, &arrow_type(self.dtype))?;
        if self.dtype == DType::Bool {
            let values: Vec<bool> = flat.as_boolean().values().iter().collect();
            return Tensor::from_bools(&shape, &values);
        }
        let data = flat.to_data();
        let width = self.dtype.size_bytes();
        let bytes = data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width);
        Tensor::try_new(self.dtype, &shape, bytes)
    }

    /// The column of a tensor [rows, sizes..], null where `nulls` are.
    pub fn array(&self, tensor: Tensor, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let rows = tensor.shape().first().copied().unwrap_or(1);
        let (tensor, dtype) = match tensor.dtype() {
            DType::BF16 => (tensor.cast(DType::F32)?, DType::F32), // Arrow has no such type
            dtype => (tensor, dtype),
        };
        let tensor = one_nan(tensor)?;
        let count = tensor.len();
        let own = if self.sizes.is_empty() { nulls.clone() } else { None };
        let flat: ArrayRef = if dtype == DType::Bool {
            let values = BooleanBuffer::from_iter(tensor.values::<u8>()?.iter().map(|&byte| byte != 0));
            Arc::new(BooleanArray::new(values, own))
        } else {
            let data = arrow::array::ArrayData::builder(arrow_type(dtype)).len(count).add_buffer(tensor.into_buffer()).nulls(own);
            make_array(data.build().map_err(|error| from_datafusion(error.into()))?)
        };
        if self.sizes.is_empty() {
            return Ok(flat);
        }
        let item = Arc::new(Field::new("item", arrow_type(dtype), false));
        let size = (count / rows.max(1)) as i32;
        let list = FixedSizeListArray::try_new(item, size, flat, nulls).map_err(|error| from_datafusion(error.into()))?;
        Ok(Arc::new(list))
    }
}

/// The same numbers, every NaN the one that is above all numbers: arithmetic makes some with the other sign, which would
/// compare and sort as the least.
fn one_nan(tensor: Tensor) -> Result<Tensor> {
    let shape = tensor.shape().to_vec();
    match tensor.dtype() {
        DType::F64 if tensor.values::<f64>()?.iter().any(|x| x.is_nan() && x.is_sign_negative()) => {
            let one = |x: &f64| if x.is_nan() { f64::NAN } else { *x };
            Tensor::from_vec(&shape, tensor.values::<f64>()?.iter().map(one).collect())
        }
        DType::F32 if tensor.values::<f32>()?.iter().any(|x| x.is_nan() && x.is_sign_negative()) => {
            let one = |x: &f32| if x.is_nan() { f32::NAN } else { *x };
            Tensor::from_vec(&shape, tensor.values::<f32>()?.iter().map(one).collect())
        }
        _ => Ok(tensor),
    }
}

/// The elements of tensors, those of null ones as zeros.
fn elements(list: &FixedSizeListArray) -> Result<ArrayRef> {
    let width = list.value_length() as usize;
    let values = list.values().slice(list.value_offset(0) as usize, list.len() * width);
    let hidden = |row: usize| list.is_null(row);
    if let Some(nulls) = values.nulls()
        && (0..values.len()).any(|i| nulls.is_null(i) && !hidden(i / width.max(1)))
    {
        return Err(Error::execution(OP, "a tensor has a null element").hint("fill them, or make the whole tensor null"));
    }
    Ok(values)
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &strict).map_err(|error| from_datafusion(error.into()))
}

/// The shape of a tensor's field, if it is one.
fn shape_of(field: &Field) -> Option<Vec<usize>> {
    let DataType::FixedSizeList(_, size) = field.data_type() else { return None };
    let metadata = field.metadata();
    let text = metadata.get(NAME).filter(|name| *name == TENSOR).and_then(|_| metadata.get(METADATA))?;
    let parsed: serde_json::Value = serde_json::from_str(text).ok()?;
    let sizes: Option<Vec<usize>> =
        parsed.get("shape")?.as_array()?.iter().map(|size| size.as_u64().map(|size| size as usize)).collect();
    sizes.filter(|sizes| sizes.iter().product::<usize>() == *size as usize)
}

fn dtype(field: &Field) -> Result<DType> {
    match field.data_type() {
        DataType::Boolean => Ok(DType::Bool),
        other if other.is_decimal() => Ok(DType::F64),
        other => number(other).ok_or_else(|| {
            let what = format!("column `{}` is {}, expected numbers, truth values or tensors", field.name(), type_name(other));
            Error::dtype(OP, what).hint("cast it")
        }),
    }
}
