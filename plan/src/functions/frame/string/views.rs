//! Loops over texts: parts of them as views of the same bytes, new texts, truths and numbers.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBufferBuilder, ListArray, NullBufferBuilder, PrimitiveArray,
    StringViewArray, StringViewBuilder, make_view,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

use crate::functions::frame::arguments::Values;

/// Collects parts of the texts of a column.
pub(crate) struct Parts<'a> {
    texts: &'a Values<StringViewArray>,
    views: Vec<u128>,
    nulls: NullBufferBuilder,
}

impl<'a> Parts<'a> {
    /// With room for about so many.
    pub(crate) fn of(texts: &'a Values<StringViewArray>, room: usize) -> Self {
        Parts { texts, views: Vec::with_capacity(room), nulls: NullBufferBuilder::new(room) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// These bytes of a row's text.
    pub(crate) fn push(&mut self, row: usize, part: Range<usize>) {
        let row = if self.texts.constant { 0 } else { row };
        let text = self.texts.array.value(row).as_bytes();
        let view = self.texts.array.views()[row];
        // A text of over 12 bytes is its length, 4 bytes of prefix, the buffer it lies in and its place there; a shorter one
        // lies in the view itself, and so do its parts.
        let (buffer, start) = ((view >> 64) as u32, (view >> 96) as u32);
        let start = start.wrapping_add(part.start as u32);
        self.views.push(make_view(&text[part], buffer, start));
        self.nulls.append_non_null();
    }

    pub(crate) fn push_null(&mut self) {
        self.views.push(0);
        self.nulls.append_null();
    }

    pub(crate) fn push_option(&mut self, row: usize, part: Option<Range<usize>>) {
        match part {
            Some(part) => self.push(row, part),
            None => self.push_null(),
        }
    }

    pub(crate) fn finish(mut self) -> Result<ArrayRef> {
        let buffers = self.texts.array.data_buffers().to_vec();
        Ok(Arc::new(StringViewArray::try_new(ScalarBuffer::from(self.views), buffers, self.nulls.finish())?))
    }
}

/// A part of each text; null where it is null or `part` finds none.
pub(crate) fn parts(
    texts: &Values<StringViewArray>,
    rows: usize,
    mut part: impl FnMut(usize, &str) -> Result<Option<Range<usize>>>,
) -> Result<ArrayRef> {
    let mut found = Parts::of(texts, rows);
    for row in 0..rows {
        let place = texts.get(row).map(|text| part(row, text)).transpose()?.flatten();
        found.push_option(row, place);
    }
    found.finish()
}

/// Any number of parts of each text, which `cut` pushes; null where it is null or `cut` says false.
pub(crate) fn part_lists(
    texts: &Values<StringViewArray>,
    rows: usize,
    mut cut: impl FnMut(usize, &str, &mut Parts) -> Result<bool>,
) -> Result<ArrayRef> {
    let mut found = Parts::of(texts, rows);
    let mut lists = Lists::with_room(rows);
    for row in 0..rows {
        let is_some = match texts.get(row) {
            Some(text) => cut(row, text, &mut found)?,
            None => false,
        };
        lists.close(found.len(), is_some);
    }
    lists.finish(found.finish()?)
}

/// Where lists end, and which are null.
pub(crate) struct Lists {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Lists {
    pub(crate) fn with_room(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Lists { offsets, nulls: NullBufferBuilder::new(rows) }
    }

    /// Ends a list where there are so many values by now.
    pub(crate) fn close(&mut self, values: usize, is_some: bool) {
        self.offsets.push(i32::try_from(values).unwrap_or(i32::MAX));
        self.nulls.append(is_some);
    }

    /// The lists of these values. Errors: over 2^31 values in one batch.
    pub(crate) fn finish(mut self, values: ArrayRef) -> Result<ArrayRef> {
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Ok(Arc::new(ListArray::try_new(field, offsets, values, self.nulls.finish())?))
    }
}

/// A new text from each, which `write` appends to the empty one it gets; null where it is null or `write` says false.
pub(crate) fn written(
    texts: &Values<StringViewArray>,
    rows: usize,
    mut write: impl FnMut(usize, &str, &mut String) -> Result<bool>,
) -> Result<ArrayRef> {
    let mut found = StringViewBuilder::with_capacity(rows);
    let mut one = String::new();
    for row in 0..rows {
        one.clear();
        match texts.get(row) {
            Some(text) if write(row, text, &mut one)? => found.append_value(&one),
            _ => found.append_null(),
        }
    }
    Ok(Arc::new(found.finish()))
}

/// Whether something holds of each text; null where it is null or nobody can say.
pub(crate) fn truths(
    texts: &Values<StringViewArray>,
    rows: usize,
    mut holds: impl FnMut(usize, &str) -> Result<Option<bool>>,
) -> Result<ArrayRef> {
    let mut values = BooleanBufferBuilder::new(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    for row in 0..rows {
        let value = texts.get(row).map(|text| holds(row, text)).transpose()?.flatten();
        values.append(value == Some(true));
        nulls.append(value.is_some());
    }
    Ok(Arc::new(BooleanArray::new(values.finish(), nulls.finish())))
}

/// A number of each text; null where it is null or has none.
pub(crate) fn numbers<T: ArrowPrimitiveType>(
    texts: &Values<StringViewArray>,
    rows: usize,
    mut number: impl FnMut(usize, &str) -> Result<Option<T::Native>>,
) -> Result<ArrayRef> {
    let (mut values, mut nulls) = (Vec::with_capacity(rows), NullBufferBuilder::new(rows));
    for row in 0..rows {
        let value = match texts.get(row) {
            Some(text) => number(row, text)?,
            None => None,
        };
        nulls.append(value.is_some());
        values.push(value.unwrap_or_default());
    }
    Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls.finish())))
}

/// The type of a list of texts.
pub(crate) fn text_list() -> DataType {
    crate::functions::frame::results::list_of(DataType::Utf8View)
}
