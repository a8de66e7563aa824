//! The namespace `bin`: functions of binary. What `str` has too (`encode`, `decode`) stands there.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BinaryViewBuilder, BooleanArray, FixedSizeListArray, PrimitiveArray, UInt8Array, UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use datafusion::common::Result;

use super::arguments::{Batch, Call, Takes, Values};
use super::function::Row;
use super::results::{binary, boolean, uint32};

use Takes::{Binary, Constant, Flag, Int};

/// The tables of the namespace.
pub(super) const TABLES: &[&[Row]] = &[ROWS];

const ROWS: &[Row] = &[
    Row::new("bin.contains", &[Binary, Binary], boolean, |batch| truths(batch, contains)),
    Row::new("bin.starts_with", &[Binary, Binary], boolean, |batch| truths(batch, <[u8]>::starts_with)),
    Row::new("bin.ends_with", &[Binary, Binary], boolean, |batch| truths(batch, <[u8]>::ends_with)),
    Row::new("bin.size", &[Binary], uint32, size),
    Row::new("bin.slice", &[Binary, Int, Int], binary, slice),
    Row::new("bin.head", &[Binary, Int], binary, head),
    Row::new("bin.tail", &[Binary, Int], binary, tail),
    Row::new("bin.get", &[Binary, Int, Flag], |_| Ok(DataType::UInt8), get),
    Row::new("bin.reinterpret", &[Binary, Constant, Flag], reinterpret_type, reinterpret),
];

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

fn truths(batch: &Batch, holds: fn(&[u8], &[u8]) -> bool) -> Result<ArrayRef> {
    let (values, others) = (batch.binaries(0)?, batch.binaries(1)?);
    let found = (0..batch.rows).map(|row| Some(holds(values.get(row)?, others.get(row)?)));
    Ok(Arc::new(found.collect::<BooleanArray>()))
}

fn size(batch: &Batch) -> Result<ArrayRef> {
    let values = batch.binaries(0)?;
    let sizes = (0..batch.rows).map(|row| values.get(row).map(|bytes| bytes.len() as u32));
    Ok(Arc::new(sizes.collect::<UInt32Array>()))
}

/// The bytes from `offset`, which counts from the end where it is negative; bytes before the first one count.
fn part(length: usize, offset: i64, count: Option<i64>) -> Range<usize> {
    let n = length as i64;
    let from = if offset < 0 { offset.saturating_add(n) } else { offset };
    let to = count.map_or(n, |count| from.saturating_add(count.max(0))).clamp(0, n) as usize;
    let from = from.clamp(0, n) as usize;
    from..to.max(from)
}

fn parts(values: &Values<BinaryViewArray>, rows: usize, part: impl Fn(usize, usize) -> Option<Range<usize>>) -> ArrayRef {
    let mut out = BinaryViewBuilder::with_capacity(rows);
    for row in 0..rows {
        let bytes = values.get(row).and_then(|bytes| Some(&bytes[part(row, bytes.len())?]));
        out.append_option(bytes);
    }
    Arc::new(out.finish())
}

/// `offset, length or null`
fn slice(batch: &Batch) -> Result<ArrayRef> {
    let (values, offsets, counts) = (batch.binaries(0)?, batch.ints(1)?, batch.ints(2)?);
    Ok(parts(&values, batch.rows, |row, length| Some(part(length, offsets.get(row)?, counts.get(row)))))
}

/// The first n bytes; for a negative n, all but the last -n.
fn head(batch: &Batch) -> Result<ArrayRef> {
    let (values, counts) = (batch.binaries(0)?, batch.ints(1)?);
    Ok(parts(&values, batch.rows, |row, length| {
        let n = counts.get(row)?;
        let end = if n < 0 { n.saturating_add(length as i64).max(0) } else { n };
        Some(0..usize::try_from(end).unwrap_or(usize::MAX).min(length))
    }))
}

/// The last n bytes; for a negative n, all but the first -n.
fn tail(batch: &Batch) -> Result<ArrayRef> {
    let (values, counts) = (batch.binaries(0)?, batch.ints(1)?);
    Ok(parts(&values, batch.rows, |row, length| match counts.get(row)? {
        0 => Some(0..0),
        n => Some(part(length, n.saturating_neg(), None)),
    }))
}

/// `index, null_on_oob`
fn get(batch: &Batch) -> Result<ArrayRef> {
    let (values, indices, nulls) = (batch.binaries(0)?, batch.ints(1)?, batch.flag(2));
    let mut found = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let (Some(bytes), Some(index)) = (values.get(row), indices.get(row)) else {
            found.push(None);
            continue;
        };
        let place = if index < 0 { index.saturating_add(bytes.len() as i64) } else { index };
        let byte = usize::try_from(place).ok().and_then(|place| bytes.get(place)).copied();
        if byte.is_none() && !nulls {
            return batch
                .bad_value(format!("index {index} is out of bounds of {} bytes", bytes.len()), "null_on_oob=True gives null");
        }
        found.push(byte);
    }
    Ok(Arc::new(UInt8Array::from(found)))
}

/// `a null of the wanted type, whether the first byte is the lowest`
fn reinterpret_type(call: &Call) -> Result<DataType> {
    let wanted = call.data_type(1);
    let element = match wanted {
        DataType::FixedSizeList(field, _) => field.data_type(),
        other => other,
    };
    match element {
        t if t.is_integer() || matches!(t, DataType::Float32 | DataType::Float64) || number_of_temporal(t).is_some() => {
            Ok(wanted.clone())
        }
        _ => Err(call.unfit(1, "a number's type, or an array of one")),
    }
}

/// The integers that moments are stored as.
fn number_of_temporal(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Date32 | DataType::Time32(_) => Some(DataType::Int32),
        DataType::Timestamp(..) | DataType::Duration(_) | DataType::Time64(_) | DataType::Date64 => Some(DataType::Int64),
        _ => None,
    }
}

/// Null where there are not as many bytes as the type has.
fn reinterpret(batch: &Batch) -> Result<ArrayRef> {
    let values = batch.binaries(0)?;
    let (element, width) = match batch.returns {
        DataType::FixedSizeList(field, width) => (field.data_type().clone(), *width as usize),
        other => (other.clone(), 1),
    };
    let number = number_of_temporal(&element).unwrap_or_else(|| element.clone());
    let read = Read { values: &values, rows: batch.rows, width, little: batch.flag(2) };
    let (numbers, nulls) = match number {
        DataType::Int8 => read.numbers::<Int8Type>(),
        DataType::Int16 => read.numbers::<Int16Type>(),
        DataType::Int32 => read.numbers::<Int32Type>(),
        DataType::Int64 => read.numbers::<Int64Type>(),
        DataType::UInt8 => read.numbers::<UInt8Type>(),
        DataType::UInt16 => read.numbers::<UInt16Type>(),
        DataType::UInt32 => read.numbers::<UInt32Type>(),
        DataType::UInt64 => read.numbers::<UInt64Type>(),
        DataType::Float32 => read.numbers::<Float32Type>(),
        DataType::Float64 => read.numbers::<Float64Type>(),
        other => return batch.wrong(format!("bytes are not read as {other}")),
    };
    let numbers = cast(&numbers, &element)?;
    match batch.returns {
        DataType::FixedSizeList(field, width) => {
            Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(field), *width, numbers, Some(nulls.into()))?))
        }
        _ => Ok(numbers),
    }
}

struct Read<'a> {
    values: &'a Values<BinaryViewArray>,
    rows: usize,
    width: usize,
    little: bool,
}

impl Read<'_> {
    /// So many numbers of each row's bytes, and which rows have as many bytes as that takes.
    fn numbers<T: ArrowPrimitiveType>(&self) -> (ArrayRef, Vec<bool>)
    where
        T::Native: FromBytes,
    {
        let size = std::mem::size_of::<T::Native>();
        let mut numbers: Vec<Option<T::Native>> = Vec::with_capacity(self.rows * self.width);
        let mut whole = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            let bytes = self.values.get(row).filter(|bytes| bytes.len() == size * self.width);
            whole.push(bytes.is_some());
            match bytes {
                Some(bytes) => numbers.extend(bytes.chunks_exact(size).map(|bytes| T::Native::from_bytes(bytes, self.little))),
                None => numbers.extend(std::iter::repeat_n(None, self.width)),
            }
        }
        (Arc::new(numbers.into_iter().collect::<PrimitiveArray<T>>()), whole)
    }
}

/// A number of its bytes, the lowest first or last; None for another number of bytes.
trait FromBytes: Sized {
    fn from_bytes(bytes: &[u8], little: bool) -> Option<Self>;
}

macro_rules! from_bytes {
    ($($number:ty),*) => {
        $(impl FromBytes for $number {
            fn from_bytes(bytes: &[u8], little: bool) -> Option<Self> {
                let bytes = bytes.try_into().ok()?;
                Some(if little { <$number>::from_le_bytes(bytes) } else { <$number>::from_be_bytes(bytes) })
            }
        })*
    };
}

from_bytes!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);
