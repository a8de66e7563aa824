//! Sort keys as whole numbers of the same order.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{ArrowNativeType, DataType};

/// One key of all rows.
pub(super) struct Key {
    /// A number for each row that is larger where the row comes later; of a row without a value, anything.
    pub numbers: Vec<u64>,
    pub nulls: Option<NullBuffer>,
    pub nulls_first: bool,
}

/// Whether values of the type are numbers of 64 bits or fewer, by whose order they are sorted.
pub(super) fn is_number(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, Date64, Duration, Float16, Time32, Time64, Timestamp};
    let counts = matches!(data_type, Boolean | Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) | Duration(_));
    counts || data_type.is_integer() || (data_type.is_floating() && *data_type != Float16)
}

impl Key {
    /// Of values of a type that [`is_number`]; None of any other.
    pub fn of(values: &ArrayRef, options: SortOptions) -> Option<Self> {
        let mut numbers = numbers(values)?;
        if options.descending {
            numbers.iter_mut().for_each(|number| *number = !*number);
        }
        Some(Key { numbers, nulls: values.logical_nulls(), nulls_first: options.nulls_first })
    }
}

/// The sign bit of a number of 64 bits.
const SIGN: u64 = 1 << 63;

fn numbers(values: &ArrayRef) -> Option<Vec<u64>> {
    use DataType::{
        Boolean, Date32, Date64, Duration, Float32, Float64, Int8, Int16, Int32, Int64, Time32, Time64, Timestamp, UInt8, UInt16,
        UInt32, UInt64,
    };
    Some(match values.data_type() {
        Boolean => values.as_boolean().values().iter().map(u64::from).collect(),
        UInt8 => natives(values, |n: u8| n.into()),
        UInt16 => natives(values, |n: u16| n.into()),
        UInt32 => natives(values, |n: u32| n.into()),
        UInt64 => natives(values, |n: u64| n),
        Int8 => natives(values, |n: i8| of_signed(n.into())),
        Int16 => natives(values, |n: i16| of_signed(n.into())),
        Int32 | Date32 | Time32(_) => natives(values, |n: i32| of_signed(n.into())),
        Int64 | Date64 | Time64(_) | Timestamp(..) | Duration(_) => natives(values, of_signed),
        Float32 => natives(values, |n: f32| of_float(n.into())),
        Float64 => natives(values, of_float),
        _ => return None,
    })
}

fn natives<T: ArrowNativeType>(values: &ArrayRef, number: impl Fn(T) -> u64) -> Vec<u64> {
    let data = values.to_data();
    data.buffer::<T>(0)[..data.len()].iter().map(|&value| number(value)).collect()
}

fn of_signed(value: i64) -> u64 {
    value as u64 ^ SIGN
}

/// Arrow's order of floats: -NaN, -inf, -0.0, 0.0, inf, NaN.
fn of_float(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int8Array};

    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_values() {
        let floats = [-f64::NAN, f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, f64::INFINITY, f64::NAN];
        let floats: ArrayRef = Arc::new(Float64Array::from(floats.to_vec()));
        let integers: ArrayRef = Arc::new(Int8Array::from(vec![0, i8::MIN, -1, 0, 1, i8::MAX]).slice(1, 5));
        for values in [floats, integers] {
            assert!(numbers(&values).unwrap().is_sorted_by(|a, b| a < b), "{values:?}");
        }
    }
}
