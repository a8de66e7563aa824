//! Lists as sets: `set_union`, `set_difference`, `set_intersection`, `set_symmetric_difference`. Each value stands once, where it
//! is first; null is a value.

use std::collections::HashSet;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use arrow::row::Rows;
use datafusion::common::Result;

use super::lists::{Keys, Lists, common, element, element_type, gathered};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;

use Takes::List;

pub(super) const ROWS: &[Row] = &[
    Row::new("list.set_union", &[List, List], set_type, |batch| combined(batch, union)),
    Row::new("list.set_difference", &[List, List], set_type, |batch| combined(batch, difference)),
    Row::new("list.set_intersection", &[List, List], set_type, |batch| combined(batch, intersection)),
    Row::new("list.set_symmetric_difference", &[List, List], set_type, |batch| combined(batch, symmetric_difference)),
];

fn set_type(call: &Call) -> Result<DataType> {
    common(call, 1, &element_type(call)?, element(call, 1)?.data_type()).map(list_of)
}

/// The places that a combination of the elements of two lists is made of.
type Combine = fn(&Rows, Range<usize>, Range<usize>, &mut Vec<Option<u32>>);

fn combined(batch: &Batch, combine: Combine) -> Result<ArrayRef> {
    let DataType::List(field) = batch.returns else { return batch.wrong("the result is no list") };
    let left = Lists::of_type(batch, 0, field.data_type())?;
    let right = Lists::of_type(batch, 1, field.data_type())?;
    let values = concat(&[left.values.as_ref(), right.values.as_ref()])?;
    let keys = Keys::new(field.data_type(), false, false)?.of(&values)?;
    let start = left.values.len();
    gathered(batch, &values, |row, places| {
        let (Some(one), Some(other)) = (left.range(row), right.range(row)) else { return Ok(false) };
        combine(&keys, one, start + other.start..start + other.end, places);
        Ok(true)
    })
}

/// Those of some places whose value was not seen yet.
fn push_new<'a>(
    keys: &'a Rows,
    from: impl Iterator<Item = usize>,
    seen: &mut HashSet<arrow::row::Row<'a>>,
    places: &mut Vec<Option<u32>>,
) {
    places.extend(from.filter(|place| seen.insert(keys.row(*place))).map(|place| Some(place as u32)));
}

fn values_of(keys: &Rows, range: Range<usize>) -> HashSet<arrow::row::Row<'_>> {
    range.map(|place| keys.row(place)).collect()
}

fn union(keys: &Rows, one: Range<usize>, other: Range<usize>, places: &mut Vec<Option<u32>>) {
    push_new(keys, one.chain(other), &mut HashSet::new(), places);
}

fn difference(keys: &Rows, one: Range<usize>, other: Range<usize>, places: &mut Vec<Option<u32>>) {
    push_new(keys, one, &mut values_of(keys, other), places);
}

fn intersection(keys: &Rows, one: Range<usize>, other: Range<usize>, places: &mut Vec<Option<u32>>) {
    let both = values_of(keys, other);
    push_new(keys, one.filter(|place| both.contains(&keys.row(*place))), &mut HashSet::new(), places);
}

fn symmetric_difference(keys: &Rows, one: Range<usize>, other: Range<usize>, places: &mut Vec<Option<u32>>) {
    push_new(keys, one.clone(), &mut values_of(keys, other.clone()), places);
    push_new(keys, other, &mut values_of(keys, one), places);
}
