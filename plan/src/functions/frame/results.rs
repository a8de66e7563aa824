//! Types of results, by name: what most rows of the tables return.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

use super::arguments::Call;

macro_rules! returns {
    ($($(#[$doc:meta])* $name:ident => $data_type:expr),* $(,)?) => {
        $($(#[$doc])* pub(super) fn $name(_: &Call) -> Result<DataType> { Ok($data_type) })*
    };
}

returns! {
    /// True, false or null.
    boolean => DataType::Boolean,
    /// Text is returned as views, so that a part of a text is a view of the same bytes.
    text => DataType::Utf8View,
    /// Binary as views.
    binary => DataType::BinaryView,
    /// A count or a place.
    uint32 => DataType::UInt32,
    /// Places, any number a row.
    places => list_of(DataType::UInt32),
    int8 => DataType::Int8,
    int16 => DataType::Int16,
    int32 => DataType::Int32,
    /// Days since 1970.
    date => DataType::Date32,
}

/// The type of the first argument.
pub(super) fn as_given(call: &Call) -> Result<DataType> {
    Ok(call.data_type(0).clone())
}

/// A list of this type.
pub(super) fn list_of(data_type: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(data_type, true)))
}
