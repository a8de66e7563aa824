//! Elements by place: `get`, `first`, `last`, `item`, `slice`, `head`, `tail`, `gather`, `gather_every`, `shift`, `reverse`,
//! `drop_nulls`, `len`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;

use super::lists::{Lists, element_type, gathered, picked, same_list, same_shape};
use crate::functions::frame::arguments::{Batch, Call, Takes, is_list};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::uint32;

use Takes::{Any, Flag, Int, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.len", &[List], uint32, len),
    Row::new("list.get", &[List, Int, Flag], element_type, get),
    Row::new("list.item", &[List, Flag], element_type, item),
    Row::new("list.slice", &[List, Int, Int], same_list, slice),
    Row::new("list.tail", &[List, Int], same_list, tail),
    Row::new("list.gather", &[List, Any, Flag], gather_type, gather),
    Row::new("list.gather_every", &[List, Int, Int], same_list, gather_every),
    Row::new("list.shift", &[List, Int], same_shape, shift),
    Row::new("list.reverse", &[List], same_shape, reverse),
    Row::new("list.drop_nulls", &[List], same_list, drop_nulls),
];

fn len(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let lengths: UInt32Array = (0..batch.rows).map(|row| lists.range(row).map(|range| range.len() as u32)).collect();
    Ok(Arc::new(lengths))
}

/// The place of an index, which counts from the end where it is negative.
fn place(range: &Range<usize>, index: i64) -> Option<usize> {
    let index = if index < 0 { index.checked_add(range.len() as i64)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < range.len()).map(|index| range.start + index)
}

const OUT_OF_BOUNDS: &str = "null_on_oob=True gives null";

/// `index, null_on_oob`
fn get(batch: &Batch) -> Result<ArrayRef> {
    let (lists, indices, nulls) = (Lists::of(batch, 0)?, batch.ints(1)?, batch.flag(2));
    picked(batch, &lists.values, |row| {
        let (Some(range), Some(index)) = (lists.range(row), indices.get(row)) else { return Ok(None) };
        match place(&range, index) {
            None if !nulls => {
                batch.bad_value(format!("index {index} is out of bounds of a list of {} elements", range.len()), OUT_OF_BOUNDS)
            }
            found => Ok(found),
        }
    })
}

/// The only element. `allow_empty`: null where there is none.
fn item(batch: &Batch) -> Result<ArrayRef> {
    let (lists, allow_empty) = (Lists::of(batch, 0)?, batch.flag(1));
    picked(batch, &lists.values, |row| match lists.range(row) {
        Some(range) if range.len() == 1 => Ok(Some(range.start)),
        Some(range) if !(range.is_empty() && allow_empty) => batch
            .bad_value(format!("a list has {} elements, expected one", range.len()), "get(0, null_on_oob=True) takes the first"),
        _ => Ok(None),
    })
}

/// The places of `length` elements from `offset`; elements before the first count, as in `str.slice`.
fn part(range: &Range<usize>, offset: i64, length: Option<i64>) -> Range<usize> {
    let n = range.len() as i64;
    let from = if offset < 0 { offset.saturating_add(n) } else { offset };
    // A negative length is none: the rest of the list, as in Polars.
    let to = length.filter(|length| *length >= 0).map_or(n, |length| from.saturating_add(length));
    let (from, to) = (from.clamp(0, n) as usize, to.clamp(0, n) as usize);
    range.start + from..range.start + to.max(from)
}

fn push_all(places: &mut Vec<Option<u32>>, range: impl Iterator<Item = usize>) -> Result<bool> {
    places.extend(range.map(|place| Some(place as u32)));
    Ok(true)
}

/// `offset, length or null`
fn slice(batch: &Batch) -> Result<ArrayRef> {
    let (lists, offsets, lengths) = (Lists::of(batch, 0)?, batch.ints(1)?, batch.ints(2)?);
    gathered(batch, &lists.values, |row, places| match (lists.range(row), offsets.get(row)) {
        (Some(range), Some(offset)) => push_all(places, part(&range, offset, lengths.get(row))),
        _ => Ok(false),
    })
}

fn tail(batch: &Batch) -> Result<ArrayRef> {
    let (lists, counts) = (Lists::of(batch, 0)?, batch.ints(1)?);
    gathered(batch, &lists.values, |row, places| match (lists.range(row), counts.get(row)) {
        (Some(range), Some(0)) => push_all(places, range.end..range.end),
        (Some(range), Some(n)) => push_all(places, part(&range, n.saturating_neg(), None)),
        _ => Ok(false),
    })
}

fn gather_type(call: &Call) -> Result<DataType> {
    match call.data_type(1) {
        t if is_list(t) || t.is_integer() || t.is_null() => same_list(call),
        _ => Err(call.unfit(1, "a list of indices")),
    }
}

/// `indices, null_on_oob`
fn gather(batch: &Batch) -> Result<ArrayRef> {
    let (lists, nulls) = (Lists::of(batch, 0)?, batch.flag(2));
    let indices = Lists::of_type(batch, 1, &DataType::Int64)?;
    let numbers = indices.values.as_primitive::<Int64Type>();
    gathered(batch, &lists.values, |row, places| {
        let (Some(range), Some(wanted)) = (lists.range(row), indices.range(row)) else { return Ok(false) };
        for at in wanted {
            let index = numbers.is_valid(at).then(|| numbers.value(at));
            let found = index.and_then(|index| place(&range, index));
            if let (None, Some(index), false) = (found, index, nulls) {
                let what = format!("index {index} is out of bounds of a list of {} elements", range.len());
                return batch.bad_value(what, OUT_OF_BOUNDS);
            }
            places.push(found.map(|place| place as u32));
        }
        Ok(true)
    })
}

/// `n, offset`
fn gather_every(batch: &Batch) -> Result<ArrayRef> {
    let (lists, steps, offsets) = (Lists::of(batch, 0)?, batch.ints(1)?, batch.ints(2)?);
    gathered(batch, &lists.values, |row, places| match (lists.range(row), steps.get(row), offsets.get(row)) {
        (Some(range), Some(n @ 1..), Some(offset @ 0..)) => push_all(places, range.skip(offset as usize).step_by(n as usize)),
        (Some(_), Some(n), Some(offset)) => {
            batch.bad_value(format!("n is {n} and the offset {offset}"), "n is at least 1, the offset at least 0")
        }
        _ => Ok(false),
    })
}

/// Elements moved so many places on; what comes from outside is null.
fn shift(batch: &Batch) -> Result<ArrayRef> {
    let (lists, counts) = (Lists::of(batch, 0)?, batch.ints(1)?);
    gathered(batch, &lists.values, |row, places| match (lists.range(row), counts.get(row)) {
        (Some(range), Some(n)) => {
            places.extend((0..range.len() as i64).map(|at| shifted(&range, at, n)));
            Ok(true)
        }
        _ => Ok(false),
    })
}

/// Where the element that a shift by n brings to a place comes from.
pub(super) fn shifted(range: &Range<usize>, at: i64, n: i64) -> Option<u32> {
    let from = at.checked_sub(n).filter(|from| (0..range.len() as i64).contains(from))?;
    Some((range.start as i64 + from) as u32)
}

fn reverse(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    gathered(batch, &lists.values, |row, places| match lists.range(row) {
        Some(range) => push_all(places, range.rev()),
        None => Ok(false),
    })
}

fn drop_nulls(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let nulls = lists.values.logical_nulls();
    let is_some = |place: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*place));
    gathered(batch, &lists.values, |row, places| match lists.range(row) {
        Some(range) => push_all(places, range.filter(is_some)),
        None => Ok(false),
    })
}
