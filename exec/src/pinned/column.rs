//! Columns as a device keeps them: numbers, dates and times as they are, decimals of up to 18 digits as whole numbers of their
//! last digit, strings as places in a list of the strings there are. What is under a null is 0 there.

mod encode;
mod words;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use gradframe_ml_core::{DType, Result};
use rayon::prelude::*;

use self::encode::{Encoded, encoded};
use self::words::Words;
pub(crate) use self::words::is_string;
use crate::columns::stored_as;
use crate::device::{Device, PinnedColumn, There};

/// A column on a device.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its elements' type there.
    pub dtype: DType,
    /// What they are.
    pub of: Of,
    /// Whether a row is null.
    pub is_nullable: bool,
    /// Its rows, in order.
    pub pieces: Vec<Piece>,
    bytes: usize,
}

/// What the elements of a column are.
#[derive(Debug, Clone)]
pub(crate) enum Of {
    /// Floats.
    Floats,
    /// True or false.
    Bools,
    /// Whole numbers from the first to the second.
    Integers(i64, i64),
    /// Places in these strings, which are in order.
    Words(ArrayRef),
}

/// Rows of a column that lie in one piece.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub values: There,
    /// True where there is a value; none of a column without nulls.
    pub valid: Option<There>,
}

impl Column {
    /// Bytes that it takes on the device.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// For each column of a table what lies on the device; None of those that stay on the CPU. Errors: the device's.
pub(super) fn columns(
    device: &Arc<dyn Device>,
    schema: &SchemaRef,
    partitions: &[Vec<RecordBatch>],
) -> Result<Vec<Option<Column>>> {
    let batches: Vec<&RecordBatch> = partitions.iter().flatten().filter(|batch| batch.num_rows() > 0).collect();
    let of = |number: usize| {
        let arrays: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(number)).collect();
        column(device, schema.field(number).data_type(), &arrays)
    };
    (0..schema.fields().len()).into_par_iter().map(of).collect()
}

fn column(device: &Arc<dyn Device>, data_type: &DataType, arrays: &[&ArrayRef]) -> Result<Option<Column>> {
    if is_string(data_type) {
        let words = Words::of(data_type, arrays);
        let Some((words, dtype)) = words.and_then(|words| words.dtype().map(|dtype| (words, dtype))) else { return Ok(None) };
        let strings = Of::Words(Arc::clone(&words.strings));
        return copied(device, dtype, strings, arrays, |array| words.places(array));
    }
    match stored_as(data_type) {
        Some(DType::Bool) => copied(device, DType::Bool, Of::Bools, arrays, encoded),
        Some(dtype) if dtype.is_float() => copied(device, dtype, Of::Floats, arrays, encoded),
        Some(dtype) => copied(device, dtype, Of::Integers(i64::MAX, i64::MIN), arrays, encoded),
        None => Ok(None),
    }
}

/// The column, piece by piece. None if a number is beyond 63 bits.
fn copied(
    device: &Arc<dyn Device>,
    dtype: DType,
    mut of: Of,
    arrays: &[&ArrayRef],
    encode: impl Fn(&ArrayRef) -> Result<Option<Encoded>>,
) -> Result<Option<Column>> {
    let is_nullable = arrays.iter().any(|array| array.logical_null_count() > 0);
    let rows: usize = arrays.iter().map(|array| array.len()).sum();
    let (mut pieces, mut building) = (vec![], Building::default());
    for array in arrays {
        let Some(part) = encode(array)? else { return Ok(None) };
        if let (Of::Integers(low, high), Some((least, most))) = (&mut of, part.range) {
            (*low, *high) = ((*low).min(least), (*high).max(most));
        }
        let mut from = 0;
        while from < array.len() {
            if building.left == 0 {
                let done: usize = building.done;
                building.begin(device, dtype, is_nullable, (rows - done).min(device.piece_rows()))?;
            }
            let count = building.left.min(array.len() - from);
            building.append(&part, from, count)?;
            from += count;
            if building.left == 0 {
                pieces.extend(building.finish()?);
            }
        }
    }
    let bytes = rows * (dtype.size_bytes() + usize::from(is_nullable));
    Ok(Some(Column { dtype, of, is_nullable, pieces, bytes }))
}

/// A piece in the making.
#[derive(Default)]
struct Building {
    values: Option<Box<dyn PinnedColumn>>,
    valid: Option<Box<dyn PinnedColumn>>,
    /// Rows that the piece lacks.
    left: usize,
    /// Rows of all pieces that are there.
    done: usize,
}

impl Building {
    fn begin(&mut self, device: &Arc<dyn Device>, dtype: DType, is_nullable: bool, rows: usize) -> Result<()> {
        self.values = Some(device.column(dtype, rows)?);
        self.valid = is_nullable.then(|| device.column(DType::Bool, rows)).transpose()?;
        self.left = rows;
        Ok(())
    }

    fn append(&mut self, part: &Encoded, from: usize, count: usize) -> Result<()> {
        if let Some(values) = &mut self.values {
            values.append(&part.values.rows(from, count)?)?;
        }
        if let Some(valid) = &mut self.valid {
            valid.append(&part.valid()?.rows(from, count)?)?;
        }
        (self.left, self.done) = (self.left - count, self.done + count);
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<Piece>> {
        let Some(values) = self.values.take() else { return Ok(None) };
        let valid = self.valid.take().map(|valid| valid.finish()).transpose()?;
        Ok(Some(Piece { values: values.finish()?, valid }))
    }
}
