//! Lists of any layout as offsets into values, and results made of elements of theirs.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, NullBufferBuilder, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::{RowConverter, Rows, SortField};
use arrow_schema::SortOptions;
use datafusion::common::Result;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;

use crate::functions::frame::arguments::{Batch, Call};
use crate::functions::frame::results::list_of;
use crate::functions::one_zero::one_zero;

/// The field of a list's elements. Errors: `DType` if it is none.
pub(super) fn element(call: &Call, at: usize) -> Result<FieldRef> {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    match call.data_type(at) {
        List(f) | LargeList(f) | FixedSizeList(f, _) | ListView(f) | LargeListView(f) => Ok(Arc::clone(f)),
        DataType::Null => Ok(Arc::new(Field::new_list_field(DataType::Null, true))),
        _ => Err(call.unfit(at, "a list")),
    }
}

/// The type of a list's elements.
pub(super) fn element_type(call: &Call) -> Result<DataType> {
    Ok(element(call, 0)?.data_type().clone())
}

/// A list of the same elements.
pub(super) fn same_list(call: &Call) -> Result<DataType> {
    Ok(list_of(element_type(call)?))
}

/// A list of the same elements, of the same width where it has one.
pub(super) fn same_shape(call: &Call) -> Result<DataType> {
    let field = || element_type(call).map(|t| Arc::new(Field::new_list_field(t, true)));
    match call.data_type(0) {
        DataType::FixedSizeList(_, width) => Ok(DataType::FixedSizeList(field()?, *width)),
        _ => same_list(call),
    }
}

/// The type in which an element and another value are compared, or lists are united. Errors: `DType` if there is none.
pub(super) fn common(call: &Call, at: usize, element: &DataType, other: &DataType) -> Result<DataType> {
    match (element, other) {
        (a, b) if a == b || b.is_null() => Ok(a.clone()),
        (a, b) if a.is_null() => Ok(b.clone()),
        // A number among texts becomes one: nothing is lost.
        (text, other) | (other, text) if text.is_string() && (other.is_numeric() || *other == DataType::Boolean) => {
            Ok(text.clone())
        }
        (text, other) | (other, text) if text.is_string() && other.is_temporal() => {
            Err(call.unfit(at, &format!("what goes with {element}")))
        }
        // A number is no moment by itself.
        (a, b) if a.is_temporal() != b.is_temporal() => Err(call.unfit(at, &format!("what goes with {element}"))),
        (a, b) => comparison_coercion(a, b).ok_or_else(|| call.unfit(at, &format!("what goes with {a}"))),
    }
}

/// The lists of a column, or one for all rows.
pub(super) struct Lists {
    pub values: ArrayRef,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    constant: bool,
}

impl Lists {
    /// An argument as lists of its own elements.
    pub(super) fn of(batch: &Batch, at: usize) -> Result<Lists> {
        let element = element(batch, at)?;
        Lists::of_type(batch, at, element.data_type())
    }

    /// An argument as lists of elements of this type.
    pub(super) fn of_type(batch: &Batch, at: usize, element: &DataType) -> Result<Lists> {
        let constant = batch.constant(at).is_some();
        let array = match batch.constant(at) {
            Some(value) => value.to_array()?,
            None => batch.array(at)?,
        };
        let (_, offsets, values, nulls) = cast(&array, &list_of(element.clone()))?.as_list::<i32>().clone().into_parts();
        Ok(Lists { values, offsets, nulls, constant })
    }

    /// Where a row's elements are among the values; None if its list is null.
    pub(super) fn range(&self, row: usize) -> Option<Range<usize>> {
        let row = if self.constant { 0 } else { row };
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(self.offsets[row] as usize..self.offsets[row + 1] as usize)
    }
}

/// Lists made of chosen values: `choose` pushes their places (a null for an element that is null), and says false for a null list.
pub(super) fn gathered(
    batch: &Batch,
    values: &ArrayRef,
    mut choose: impl FnMut(usize, &mut Vec<Option<u32>>) -> Result<bool>,
) -> Result<ArrayRef> {
    let mut places = Vec::with_capacity(values.len());
    let mut offsets = Vec::with_capacity(batch.rows + 1);
    offsets.push(0);
    let mut nulls = NullBufferBuilder::new(batch.rows);
    for row in 0..batch.rows {
        nulls.append(choose(row, &mut places)?);
        offsets.push(offset(batch, places.len())?);
    }
    let values = take(values, &UInt32Array::from(places), None)?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    shaped(batch, Arc::new(ListArray::try_new(field, offsets, values, nulls.finish())?))
}

fn offset(batch: &Batch, at: usize) -> Result<i32> {
    match i32::try_from(at) {
        Ok(at) => Ok(at),
        Err(_) => batch.bad_value("the lists of a batch hold over 2^31 elements", "a smaller batch size holds fewer"),
    }
}

/// A result as the type that was promised: an array of a width, where the kernel made a list.
pub(super) fn shaped(batch: &Batch, result: ArrayRef) -> Result<ArrayRef> {
    if result.data_type() == batch.returns { Ok(result) } else { Ok(cast(&result, batch.returns)?) }
}

/// One value a row: `choose` tells its place, or none.
pub(super) fn picked(
    batch: &Batch,
    values: &ArrayRef,
    mut choose: impl FnMut(usize) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let places = (0..batch.rows).map(|row| Ok(choose(row)?.map(|place| place as u32)));
    let places: UInt32Array = places.collect::<Result<_>>()?;
    shaped(batch, take(values, &places, None)?)
}

/// Keys of values: equal where they are, and in their order. NaNs are one value above all others, -0 is 0.
pub(super) struct Keys {
    converter: RowConverter,
}

impl Keys {
    pub(super) fn new(data_type: &DataType, descending: bool, nulls_last: bool) -> Result<Keys> {
        let options = SortOptions { descending, nulls_first: !nulls_last };
        Ok(Keys { converter: RowConverter::new(vec![SortField::new_with_options(data_type.clone(), options)])? })
    }

    pub(super) fn of(&self, values: &ArrayRef) -> Result<Rows> {
        Ok(self.converter.convert_columns(&[one_zero(values)])?)
    }
}
