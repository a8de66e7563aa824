//! Values that have an order as whole numbers, or as bytes, of the same order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryArray, PrimitiveArray, downcast_integer};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// Whether values of a type have keys.
pub(super) fn has_keys(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Duration, Float32, Float64, Time32, Time64, Timestamp};
    data_type.is_integer()
        || matches!(
            data_type,
            Boolean | Float32 | Float64 | Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) | Duration(_)
        )
}

/// Lists and structs as bytes of the same order, in which a null within is the least whether the sort descends or not and wherever it has
/// its nulls; null where the value is. Errors: `ArrowError` for types without an order.
pub(super) fn order_bytes(value: &ArrayRef) -> Result<ArrayRef> {
    let rows = RowConverter::new(vec![SortField::new(value.data_type().clone())])?.convert_columns(&[Arc::clone(value)])?;
    let nulls = value.logical_nulls();
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    Ok(Arc::new((0..rows.num_rows()).map(|row| is_valid(row).then(|| rows.row(row).data())).collect::<LargeBinaryArray>()))
}

/// Whether values of a type are sorted as bytes: lists and structs of values that have an order.
pub fn has_order_bytes(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, List, Struct};
    let is_nested = matches!(data_type, List(_) | LargeList(_) | FixedSizeList(..) | Struct(_));
    is_nested && RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

/// Numbers, moments and booleans as whole numbers in the same order, or `descending` in the opposite one; None of other types. Floats
/// are in their total order, in which NaN is the greatest and -0.0 below 0.0. What stands for a null means nothing.
pub(super) fn order_keys(value: &ArrayRef, descending: bool) -> Option<Vec<u64>> {
    let turn = turn(descending);
    macro_rules! of_integers {
        ($t:ty) => {
            Some(value.as_primitive::<$t>().values().iter().map(|value| value.key() ^ turn).collect())
        };
    }
    let cast_keys = |to: &DataType| order_keys(&cast(value, to).ok()?, descending);
    match value.data_type() {
        DataType::Float64 => Some(value.as_primitive::<Float64Type>().values().iter().map(|x| of_float(*x) ^ turn).collect()),
        DataType::Float32 => {
            Some(value.as_primitive::<Float32Type>().values().iter().map(|x| of_float(f64::from(*x)) ^ turn).collect())
        }
        DataType::Boolean => cast_keys(&DataType::UInt8),
        DataType::Date32 | DataType::Time32(_) => cast_keys(&DataType::Int32),
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Duration(_) => cast_keys(&DataType::Int64),
        own => downcast_integer! {
            own => (of_integers),
            _ => None
        },
    }
}

/// The values of this type that have these keys. Errors: `Internal` for a type without keys.
pub(super) fn values_of(keys: Vec<u64>, descending: bool, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef> {
    let turned = keys.into_iter().map(|key| key ^ turn(descending));
    macro_rules! of_integers {
        ($t:ty) => {
            Arc::new(PrimitiveArray::<$t>::new(turned.map(Whole::value).collect(), nulls))
        };
    }
    Ok(match data_type {
        DataType::Boolean => Arc::new(BooleanArray::new(turned.map(|key| key != 0).collect(), nulls)),
        own if own.is_floating() => cast(&Float64Array::new(turned.map(to_float).collect(), nulls), own)?,
        DataType::Date32 | DataType::Time32(_) => cast(&(of_integers!(Int32Type) as ArrayRef), data_type)?,
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Duration(_) => {
            cast(&(of_integers!(Int64Type) as ArrayRef), data_type)?
        }
        own => downcast_integer! {
            own => (of_integers),
            _ => return Err(to_datafusion(Error::internal("order", format!("{own} has no numbers"))))
        },
    })
}

fn turn(descending: bool) -> u64 {
    if descending { u64::MAX } else { 0 }
}

trait Whole: Copy {
    fn key(self) -> u64;

    fn value(key: u64) -> Self;
}

macro_rules! whole {
    ($($t:ty: $bias:expr),*) => {
        $(impl Whole for $t {
            fn key(self) -> u64 {
                (self as i64 as u64) ^ $bias
            }

            fn value(key: u64) -> Self {
                (key ^ $bias) as Self
            }
        })*
    };
}

whole!(i8: 1 << 63, i16: 1 << 63, i32: 1 << 63, i64: 1 << 63, u8: 0, u16: 0, u32: 0, u64: 0);

/// The bits of a float as a number in the same order: negative ones backwards, below the others.
fn of_float(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn to_float(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Float32Array, Int8Array, Int64Array, Time32SecondArray, TimestampNanosecondArray, UInt16Array,
    };

    use super::*;

    #[test]
    fn a_null_within_is_the_least_of_bytes() {
        let items = [Some(vec![]), Some(vec![None]), Some(vec![Some(0)]), Some(vec![Some(0), None]), Some(vec![Some(1)]), None];
        let lists: ArrayRef = Arc::new(arrow::array::ListArray::from_iter_primitive::<Int64Type, _, _>(items));
        assert!(has_order_bytes(lists.data_type()) && !has_order_bytes(&DataType::Int64));
        let bytes = order_bytes(&lists).unwrap();
        let bytes: Vec<Option<&[u8]>> = bytes.as_binary::<i64>().iter().collect();
        assert!(bytes[..5].is_sorted_by(|a, b| a < b) && bytes[..5].iter().all(Option::is_some) && bytes[5].is_none());
    }

    #[test]
    fn keys_are_in_the_order_of_their_values_and_lead_back_to_them() {
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 2.0, f64::INFINITY, f64::NAN];
        let columns: [ArrayRef; 9] = [
            Arc::new(Float64Array::from(floats.to_vec())),
            Arc::new(Float32Array::from(floats.map(|x| x as f32).to_vec())),
            Arc::new(Int8Array::from(vec![-128, -1, 0, 127])),
            Arc::new(Int64Array::from(vec![i64::MIN, -1, 0, i64::MAX])),
            Arc::new(UInt16Array::from(vec![0, 7, u16::MAX])),
            Arc::new(BooleanArray::from(vec![false, true])),
            Arc::new(Date32Array::from(vec![i32::MIN, -1, 0, 7])),
            Arc::new(Time32SecondArray::from(vec![0, 1, 86_399])),
            Arc::new(TimestampNanosecondArray::from(vec![i64::MIN, -1, 0, i64::MAX]).with_timezone("Europe/Berlin")),
        ];
        for column in columns {
            for descending in [false, true] {
                let keys = order_keys(&column, descending).unwrap();
                assert!(keys.is_sorted_by(|a, b| if descending { a > b } else { a < b }), "{column:?}");
                assert!(has_keys(column.data_type()));
                assert_eq!(&values_of(keys, descending, None, column.data_type()).unwrap(), &column);
            }
        }
        assert!(
            !has_keys(&DataType::Utf8) && order_keys(&(Arc::new(arrow::array::NullArray::new(1)) as ArrayRef), false).is_none()
        );
    }
}
