//! Values as text.

use std::fmt::{self, Write};

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The column's values as texts, of at most `chars_max` characters and an ellipsis: what is longer is written no further. Moments of a
/// zone that nobody knows are written in UTC. Errors: for a type that cannot be written.
pub fn texts(column: &ArrayRef, null: &str, chars_max: usize) -> Result<Vec<String>, ArrowError> {
    let known = in_known_zones(column.data_type());
    let column = if known == *column.data_type() { column.clone() } else { cast(column, &known)? };
    let options = FormatOptions::default().with_display_error(true).with_null(null);
    let values = ArrayFormatter::try_new(&column, &options)?;
    Ok((0..column.len()).map(|row| Beginning::of(&values.value(row), chars_max)).collect())
}

/// The beginning of a text that is being written.
struct Beginning {
    text: String,
    chars_left: usize,
}

impl Beginning {
    fn of(value: &impl fmt::Display, chars_max: usize) -> String {
        let mut beginning = Beginning { text: String::new(), chars_left: chars_max };
        match write!(beginning, "{value}") {
            Ok(()) => beginning.text,
            Err(fmt::Error) => beginning.text + "…",
        }
    }
}

impl Write for Beginning {
    /// Fails where the text is full, which ends the writing of long lists.
    fn write_str(&mut self, more: &str) -> fmt::Result {
        // A character has at least a byte.
        if more.len() <= self.chars_left {
            self.chars_left -= more.chars().count();
            self.text.push_str(more);
            return Ok(());
        }
        let mut rest = more.char_indices();
        let end = rest.by_ref().take(self.chars_left).last().map_or(0, |(at, c)| at + c.len_utf8());
        self.text.push_str(&more[..end]);
        self.chars_left = self.chars_left.saturating_sub(more[..end].chars().count());
        if end == more.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The type with UTC for each zone that is in no list: a file or another library may have any text for one.
fn in_known_zones(data_type: &DataType) -> DataType {
    let of = |field: &FieldRef| -> FieldRef { Field::clone(field).with_data_type(in_known_zones(field.data_type())).into() };
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if zone.parse::<Tz>().is_err() => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::List(item) => DataType::List(of(item)),
        DataType::LargeList(item) => DataType::LargeList(of(item)),
        DataType::ListView(item) => DataType::ListView(of(item)),
        DataType::LargeListView(item) => DataType::LargeListView(of(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(of(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(of(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        DataType::Dictionary(keys, values) => DataType::Dictionary(keys.clone(), Box::new(in_known_zones(values))),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray};
    use arrow::buffer::OffsetBuffer;

    use super::*;

    #[test]
    fn moments_of_an_unknown_zone_are_written_in_utc() {
        let moments: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None]).with_timezone("Mars/Phobos"));
        assert_eq!(texts(&moments, "null", 100).unwrap(), ["1970-01-01T00:00:01.500Z", "null"]);
        let item = Arc::new(Field::new("t", moments.data_type().clone(), true));
        let rows: ArrayRef = Arc::new(StructArray::from(vec![(item, moments)]));
        let item = Arc::new(Field::new_list_field(rows.data_type().clone(), true));
        let lists: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([1, 1]), rows, None));
        assert_eq!(texts(&lists, "null", 100).unwrap(), ["[{t: 1970-01-01T00:00:01.500Z}]", "[{t: null}]"]);
    }

    #[test]
    fn long_values_are_written_to_their_limit_alone() {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["äöü", "äöüx", "", "𝄞".repeat(1000).as_str()]));
        assert_eq!(texts(&column, "null", 3).unwrap(), ["äöü", "äöü…", "", "𝄞𝄞𝄞…"]);
        assert_eq!(texts(&column, "null", 1000).unwrap()[3].chars().count(), 1000);
        let numbers = Arc::new(Int64Array::from_iter_values(0..1_000_000));
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let list: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([1_000_000]), numbers, None));
        assert_eq!(texts(&list, "null", 10).unwrap(), ["[0, 1, 2, …"]);
    }
}
