//! A row of an answer: integers, texts and bytes, as the server's binary format has them.

use std::ops::Range;

use fallible_iterator::FallibleIterator;
use gradframe_ml_core::{Error, Result};
use postgres_protocol::Oid;
use postgres_protocol::message::backend::DataRowBody;

use super::super::sql::ValueRef;

/// Types by their numbers in the server's catalog.
pub(super) const BOOLEAN: Oid = 16;
pub(super) const BYTES: Oid = 17;
pub(super) const INTEGER_8: Oid = 20;
const INTEGER_2: Oid = 21;
const INTEGER_4: Oid = 23;
pub(super) const TEXT: Oid = 25;
const UNKNOWN: Oid = 705;
const VARCHAR: Oid = 1043;

/// A row, whose columns have these types.
#[derive(Debug)]
pub(in super::super) struct Row<'r> {
    types: &'r [Oid],
    bytes: &'r [u8],
    places: Vec<Option<Range<usize>>>,
}

impl<'r> Row<'r> {
    /// Errors: `External` if it is cut short.
    pub(super) fn of(types: &'r [Oid], body: &'r DataRowBody) -> Result<Self> {
        let places = body.ranges().collect();
        let places = places.map_err(|error| Error::external("store", format!("a row is damaged: {error}")).because(error))?;
        Ok(Row { types, bytes: body.buffer(), places })
    }

    /// The value of a column; None if there is none, or it is of a type that no column of ours has.
    pub fn value(&self, column: usize) -> Option<ValueRef<'r>> {
        let Some(place) = self.places.get(column)?.clone() else { return Some(ValueRef::Null) };
        let bytes = self.bytes.get(place)?;
        Some(match *self.types.get(column)? {
            INTEGER_8 => ValueRef::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
            INTEGER_4 => ValueRef::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            INTEGER_2 => ValueRef::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            BOOLEAN => ValueRef::Integer((*bytes.first()?).into()),
            TEXT | VARCHAR | UNKNOWN => ValueRef::Text(str::from_utf8(bytes).ok()?),
            BYTES => ValueRef::Blob(bytes),
            _ => return None,
        })
    }
}
