//! Arrays whose rows begin where their children's do.
//!
//! The C data interface gives a slice as the whole with an offset. arrow-rs 59 makes arrays of structs, of lists of one length and of sparse
//! unions by slicing their children by that offset, and its `ArrayData::slice` of a struct slices what is in it and moves the struct's own
//! offset too: a struct in one of them was sliced twice, and gave other rows or a panic. Without offsets above children nothing is sliced.

use arrow::array::ArrayData;
use arrow::datatypes::{DataType, UnionMode};
use arrow::error::ArrowError;

type Result<T> = std::result::Result<T, ArrowError>;

/// The same rows; structs, lists of one length and sparse unions, however deep, have handed their offsets down to their children. Nothing is
/// copied. Errors: `InvalidArgumentError` for a child that is shorter than what holds it.
pub(super) fn rebased(data: &ArrayData) -> Result<ArrayData> {
    rows(data, 0, data.len())
}

/// `len` rows from `at` on.
fn rows(data: &ArrayData, at: usize, len: usize) -> Result<ArrayData> {
    if at.checked_add(len).is_none_or(|end| end > data.len()) {
        let what = format!("{len} values from {at} on are told of, and there are {} of {}", data.len(), data.data_type());
        return Err(ArrowError::InvalidArgumentError(what));
    }
    if data.child_data().is_empty() {
        return Ok(data.slice(at, len));
    }
    let offset = data.offset() + at;
    let builder = data.clone().into_builder().len(len).nulls(data.nulls().map(|nulls| nulls.slice(at, len)));
    let builder = match data.data_type() {
        DataType::Struct(_) => builder.offset(0).child_data(children(data, offset, len)?),
        DataType::FixedSizeList(_, size) => {
            builder.offset(0).child_data(children(data, times(offset, *size)?, times(len, *size)?)?)
        }
        // A byte a row says which child has its value.
        DataType::Union(_, UnionMode::Sparse) => {
            let ids = data.buffers().iter().map(|ids| ids.slice_with_length(offset, len)).collect();
            builder.offset(0).buffers(ids).child_data(children(data, offset, len)?)
        }
        // Their rows name places in the children.
        _ => builder.offset(offset).child_data(data.child_data().iter().map(rebased).collect::<Result<_>>()?),
    };
    // SAFETY: these are rows of `data`, which is valid as far as its producer keeps its word; all children were seen to be long enough.
    Ok(unsafe { builder.build_unchecked() })
}

fn children(data: &ArrayData, at: usize, len: usize) -> Result<Vec<ArrayData>> {
    data.child_data().iter().map(|child| rows(child, at, len)).collect()
}

fn times(rows: usize, size: i32) -> Result<usize> {
    let values = usize::try_from(size).ok().and_then(|size| rows.checked_mul(size));
    values.ok_or_else(|| ArrowError::InvalidArgumentError(format!("no list has {size} values in each of {rows} rows")))
}
