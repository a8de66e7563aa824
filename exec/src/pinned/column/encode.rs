//! Arrow arrays of numbers as the elements that a device keeps.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{Buffer, MutableBuffer, NullBuffer};
use arrow::datatypes::{DataType, Decimal128Type};
use gradframe_ml_core::{DType, Error, Result, Tensor};

use crate::columns::stored_as;

/// An array's elements.
pub(super) struct Encoded {
    pub values: Tensor,
    pub nulls: Option<NullBuffer>,
    /// The least and the greatest, of whole numbers.
    pub range: Option<(i64, i64)>,
}

impl Encoded {
    /// True where there is a value.
    pub fn valid(&self) -> Result<Tensor> {
        let rows = self.values.len();
        let bools = self.nulls.as_ref().map_or_else(|| vec![true; rows], |nulls| nulls.iter().collect());
        Tensor::from_bools(&[rows], &bools)
    }
}

/// The elements; None if one is beyond 63 bits.
pub(super) fn encoded(array: &ArrayRef) -> Result<Option<Encoded>> {
    let unknown = || Error::internal("pinned column", format!("a column of {}", array.data_type()));
    let dtype = stored_as(array.data_type()).ok_or_else(unknown)?;
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let bytes = match array.data_type() {
        DataType::Boolean => bools(array),
        DataType::Decimal128(..) => match narrowed(array) {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
        _ => {
            let (data, width) = (array.to_data(), dtype.size_bytes());
            data.buffers()[0].slice_with_length(data.offset() * width, data.len() * width)
        }
    };
    let bytes = nulls.as_ref().map_or(bytes.clone(), |nulls| zeroed(&bytes, nulls, dtype.size_bytes()));
    let values = Tensor::try_new(dtype, &[array.len()], bytes)?;
    let range = range(&values, nulls.as_ref())?;
    let fits = range.is_none_or(|(_, most)| i64::try_from(most).is_ok());
    let narrow = range.map(|(least, most)| (least as i64, most as i64));
    Ok(fits.then_some(Encoded { values, nulls, range: narrow }))
}

fn bools(array: &ArrayRef) -> Buffer {
    let bools = array.as_boolean().values();
    bools.iter().map(u8::from).collect::<Vec<u8>>().into()
}

/// Decimals of 128 bits in 64.
fn narrowed(array: &ArrayRef) -> Option<Buffer> {
    let values = array.as_primitive::<Decimal128Type>();
    let narrow = |(row, value): (usize, &i128)| if values.is_null(row) { Some(0) } else { i64::try_from(*value).ok() };
    let narrow: Option<Vec<i64>> = values.values().iter().enumerate().map(narrow).collect();
    narrow.map(Buffer::from)
}

/// With zeros under nulls.
fn zeroed(bytes: &Buffer, nulls: &NullBuffer, width: usize) -> Buffer {
    let mut own = MutableBuffer::new(bytes.len());
    own.extend_from_slice(bytes.as_slice());
    for (element, is_valid) in own.as_slice_mut().chunks_mut(width).zip(nulls.iter()) {
        if !is_valid {
            element.fill(0);
        }
    }
    own.into()
}

/// The least and the greatest of whole numbers that are not null; None of none, and of others.
fn range(values: &Tensor, nulls: Option<&NullBuffer>) -> Result<Option<(i128, i128)>> {
    fn ends<T: Copy + Into<i128>>(values: &[T], nulls: Option<&NullBuffer>) -> Option<(i128, i128)> {
        let is_there = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
        let there = values.iter().enumerate().filter(|(row, _)| is_there(*row)).map(|(_, value)| (*value).into());
        there.fold(None, |ends, value: i128| match ends {
            Some((least, most)) => Some((value.min(least), value.max(most))),
            None => Some((value, value)),
        })
    }
    Ok(match values.dtype() {
        DType::I8 => ends(values.values::<i8>()?, nulls),
        DType::I16 => ends(values.values::<i16>()?, nulls),
        DType::I32 => ends(values.values::<i32>()?, nulls),
        DType::I64 => ends(values.values::<i64>()?, nulls),
        DType::U8 => ends(values.values::<u8>()?, nulls),
        DType::U16 => ends(values.values::<u16>()?, nulls),
        DType::U32 => ends(values.values::<u32>()?, nulls),
        DType::U64 => ends(values.values::<u64>()?, nulls),
        _ => None,
    })
}
