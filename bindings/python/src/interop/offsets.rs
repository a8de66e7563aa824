//! Offsets that a producer gives: they have to rise and to stay within what they point into, which all that reads them takes for granted.
//!
//! How many bytes there are below a text's last offset the C data interface does not say, so that nobody can look at that.

use std::fmt::Display;

use arrow::array::{ArrayData, AsArray, ByteView, OffsetSizeTrait, make_array};
use arrow::datatypes::DataType;

/// Looks at the offsets of the values themselves, not at those of their children. Gives what is wrong, as what is said of the column.
pub(super) fn check(data: &ArrayData) -> Result<(), String> {
    let children = || data.child_data().first().map_or(0, ArrayData::len);
    let bytes = || data.buffers().get(1).map_or(0, |bytes| bytes.len());
    match data.data_type() {
        DataType::Utf8 | DataType::Binary => check_rising::<i32>(data, bytes()),
        DataType::LargeUtf8 | DataType::LargeBinary => check_rising::<i64>(data, bytes()),
        DataType::List(_) | DataType::Map(..) => check_rising::<i32>(data, children()),
        DataType::LargeList(_) => check_rising::<i64>(data, children()),
        DataType::Utf8View => {
            let array = make_array(data.clone());
            check_views(array.as_string_view().views(), data)
        }
        DataType::BinaryView => {
            let array = make_array(data.clone());
            check_views(array.as_binary_view().views(), data)
        }
        _ => Ok(()),
    }
}

fn check_rising<O: OffsetSizeTrait + Display>(data: &ArrayData, end: usize) -> Result<(), String> {
    // An empty array may have no offset at all.
    if data.is_empty() {
        return Ok(());
    }
    let offsets = data.buffer::<O>(0).get(..=data.len());
    let offsets = offsets.ok_or_else(|| format!("has {} values, and fewer offsets than that", data.len()))?;
    if let Some(row) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(format!("has offsets that fall: value {row} is told to be from {} to {}", offsets[row], offsets[row + 1]));
    }
    let (first, last) = (offsets[0], offsets[data.len()]);
    if first < O::default() || last.as_usize() > end {
        return Err(format!("has offsets from {first} to {last}, and there is something from 0 to {end}"));
    }
    Ok(())
}

/// What a null hides is not looked at: its view may say anything.
fn check_views(views: &[u128], data: &ArrayData) -> Result<(), String> {
    let buffers = &data.buffers()[1..];
    let is_valid = |row: usize| data.nulls().is_none_or(|nulls| nulls.is_valid(row));
    for (row, view) in views.iter().enumerate().filter(|(row, _)| is_valid(*row)) {
        let ByteView { length, buffer_index, offset, .. } = ByteView::from(*view);
        let end = u64::from(offset) + u64::from(length);
        if length > 12 && buffers.get(buffer_index as usize).is_none_or(|buffer| end > buffer.len() as u64) {
            let place = format!("{length} bytes from {offset} on of buffer {buffer_index}");
            return Err(format!(
                "has a view of what there is not: value {row} is told to be {place}, of {} buffers",
                buffers.len()
            ));
        }
    }
    Ok(())
}
