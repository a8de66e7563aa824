//! Texts that a producer gives: they have to be UTF-8, which most producers do not look at, and all kernels take for granted.

use arrow::array::{Array, ArrayData, AsArray, ByteView, GenericStringArray, OffsetSizeTrait, StringViewArray, make_array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::offsets;

type Result<T> = std::result::Result<T, ArrowError>;

/// Most bytes of a bad text that its error shows.
const SHOWN_BYTES: usize = 24;

/// Looks at the texts of arrays of one type that come one after another. Parts of one array share the values of a dictionary, and the items
/// of lists, which are looked at once.
#[derive(Default)]
pub(super) struct Texts {
    /// Such values of the last array, in the order in which they are met. They are held, so that nothing else is at their addresses.
    shared: Vec<ArrayData>,
}

impl Texts {
    /// Looks at all texts in the values, however deep, and at all offsets before. Of rows of a table each column by its name.
    /// Errors: `CDataInterface` that names the column, for bytes that are no UTF-8, and for offsets and views of what there is not. What a
    /// null hides is not looked at.
    pub(super) fn check(&mut self, data: &ArrayData, name: &str) -> Result<()> {
        let mut met = 0;
        match data.data_type() {
            DataType::Struct(fields) => {
                let mut columns = data.child_data().iter().zip(fields);
                columns.try_for_each(|(column, field)| self.check_column(column, field.name(), &mut met))
            }
            _ => self.check_column(data, name, &mut met),
        }
    }

    /// `met` is how many shared values come before, in the array.
    fn check_column(&mut self, data: &ArrayData, name: &str, met: &mut usize) -> Result<()> {
        offsets::check(data).map_err(|what| ArrowError::CDataInterface(format!("column `{name}` {what}")))?;
        let bad = match data.data_type() {
            DataType::Utf8 => bad_text(make_array(data.clone()).as_string::<i32>()),
            DataType::LargeUtf8 => bad_text(make_array(data.clone()).as_string::<i64>()),
            DataType::Utf8View => bad_view(make_array(data.clone()).as_string_view()),
            // Each row has its own.
            DataType::Struct(_) | DataType::FixedSizeList(..) => {
                return data.child_data().iter().try_for_each(|values| self.check_column(values, name, met));
            }
            _ => return data.child_data().iter().try_for_each(|values| self.check_shared(values, name, met)),
        };
        bad.map_or(Ok(()), |bytes| {
            Err(ArrowError::CDataInterface(format!("column `{name}` has a text that is no UTF-8: {bytes}")))
        })
    }

    fn check_shared(&mut self, values: &ArrayData, name: &str, met: &mut usize) -> Result<()> {
        let place = *met;
        *met += 1;
        if self.shared.get(place).is_some_and(|before| before.ptr_eq(values)) {
            return Ok(());
        }
        Texts::default().check_column(values, name, &mut 0)?;
        match self.shared.get_mut(place) {
            Some(before) => *before = values.clone(),
            None => self.shared.push(values.clone()),
        }
        Ok(())
    }
}

/// All at once where all is well: then only the ends of texts have to be between characters.
fn bad_text<O: OffsetSizeTrait>(texts: &GenericStringArray<O>) -> Option<String> {
    let (bytes, offsets) = (texts.value_data(), texts.value_offsets());
    let (first, last) = (offsets.first()?.as_usize(), offsets.last()?.as_usize());
    let whole = std::str::from_utf8(&bytes[first..last]);
    let is_between = |offset: &O| whole.is_ok_and(|whole| whole.is_char_boundary(offset.as_usize() - first));
    if whole.is_ok_and(str::is_ascii) || offsets.iter().all(is_between) {
        return None;
    }
    let text = |row: usize| &bytes[offsets[row].as_usize()..offsets[row + 1].as_usize()];
    (0..texts.len()).filter(|row| texts.is_valid(*row)).map(text).find_map(shown_if_bad)
}

fn bad_view(texts: &StringViewArray) -> Option<String> {
    let text = |row: usize| {
        let view = texts.views()[row];
        let ByteView { length, buffer_index, offset, .. } = ByteView::from(view);
        let (length, offset) = (length as usize, offset as usize);
        match length {
            0..=12 => shown_if_bad(&view.to_le_bytes()[4..4 + length]),
            _ => shown_if_bad(&texts.data_buffers()[buffer_index as usize][offset..offset + length]),
        }
    };
    (0..texts.len()).filter(|row| texts.is_valid(*row)).find_map(text)
}

fn shown_if_bad(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).is_err().then(|| format!("b\"{}\"", bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii()))
}
