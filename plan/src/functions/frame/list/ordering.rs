//! Elements by order and equality: `sort`, `unique`, `n_unique`.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use datafusion::common::Result;

use super::lists::{Keys, Lists, gathered, same_list, same_shape};
use crate::functions::frame::arguments::{Batch, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::uint32;

use Takes::{Flag, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.sort", &[List, Flag, Flag], same_shape, sort),
    Row::new("list.unique", &[List], same_list, unique),
    Row::new("list.n_unique", &[List], uint32, n_unique),
];

/// `descending, nulls_last`; equal elements keep their order.
fn sort(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let keys = Keys::new(lists.values.data_type(), batch.flag(1), batch.flag(2))?.of(&lists.values)?;
    gathered(batch, &lists.values, |row, places| {
        let Some(range) = lists.range(row) else { return Ok(false) };
        let from = places.len();
        places.extend(range.map(|place| Some(place as u32)));
        places[from..].sort_by_key(|place| place.map(|place| keys.row(place as usize)));
        Ok(true)
    })
}

/// Each value once, where it stands first.
fn unique(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let keys = Keys::new(lists.values.data_type(), false, false)?.of(&lists.values)?;
    let mut seen = HashSet::new();
    gathered(batch, &lists.values, |row, places| {
        let Some(range) = lists.range(row) else { return Ok(false) };
        seen.clear();
        places.extend(range.filter(|place| seen.insert(keys.row(*place))).map(|place| Some(place as u32)));
        Ok(true)
    })
}

/// Null is a value.
fn n_unique(batch: &Batch) -> Result<ArrayRef> {
    let lists = Lists::of(batch, 0)?;
    let keys = Keys::new(lists.values.data_type(), false, false)?.of(&lists.values)?;
    let mut seen = HashSet::new();
    let counts = (0..batch.rows).map(|row| {
        let range = lists.range(row)?;
        seen.clear();
        seen.extend(range.map(|place| keys.row(place)));
        Some(seen.len() as u32)
    });
    Ok(Arc::new(counts.collect::<UInt32Array>()))
}
