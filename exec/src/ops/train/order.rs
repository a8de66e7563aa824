//! The order in which rows are learned: by a keyed hash of their content, or by the query's ORDER BY.
//!
//! Neither depends on the partition that a row came from. Rows of equal content are interchangeable, so any order
//! among them is the same one.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;
use arrow::row::{RowConverter, Rows, SortField};
use gradframe_ml_core::Result;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Inputs;
use super::cache::RawRows;
use crate::columns::arrow_error;
use crate::memory::Memory;

/// Where a row is: batch, row of the batch.
pub(super) type Place = (u32, u32);

/// The training rows in their order.
#[derive(Debug)]
pub(super) struct OrderedRows {
    raw: RawRows,
    places: Vec<Place>,
    /// What `places` take.
    _memory: Memory,
}

/// A row while it is sorted.
struct Entry {
    hash: [u64; 2], // not a u128, which would be padded to 32 bytes
    place: Place,
}

impl OrderedRows {
    /// Sorts the rows. `seed` is the key of the hash. Errors: `Resources` if there is no memory to sort in.
    pub fn sort(raw: RawRows, inputs: &Inputs, seed: u64, memory: Memory) -> Result<Self> {
        memory.grow(raw.rows * size_of::<Entry>(), "ordering the training rows")?;
        let columns = inputs.columns.len();
        let mut entries = hash_all(&raw, columns, seed)?;
        let keys = encode_keys(&raw, inputs, columns)?;
        let key_bytes = keys.iter().map(Rows::size).sum();
        memory.grow(key_bytes, "ordering the training rows")?;
        entries.par_sort_unstable_by(|a, b| compare(a, b, &keys));
        let places = entries.iter().map(|e| e.place).collect();
        drop(entries);
        memory.shrink(key_bytes + raw.rows * (size_of::<Entry>() - size_of::<Place>()));
        Ok(OrderedRows { raw, places, _memory: memory })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes of the raw rows.
    pub fn bytes(&self) -> usize {
        self.raw.bytes()
    }

    /// The rows `from..to` of a column.
    pub fn column(&self, column: usize, from: usize, to: usize) -> Result<ArrayRef> {
        let batches: Vec<&dyn Array> = self.raw.batches.iter().map(|columns| columns[column].as_ref()).collect();
        let places: Vec<(usize, usize)> = self.places[from..to].iter().map(|&(b, r)| (b as usize, r as usize)).collect();
        interleave(&batches, &places).map_err(arrow_error)
    }
}

/// By the keys of the ORDER BY where there are any, then by hash.
fn compare(a: &Entry, b: &Entry, keys: &[Rows]) -> Ordering {
    let key = |e: &Entry| keys.get(e.place.0 as usize).map(|rows| rows.row(e.place.1 as usize));
    let by_key = match (key(a), key(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    };
    by_key.then_with(|| a.hash.cmp(&b.hash))
}

/// Every row with the hash of all its columns, the label included.
fn hash_all(raw: &RawRows, columns: usize, seed: u64) -> Result<Vec<Entry>> {
    let Some(first) = raw.batches.first() else { return Ok(vec![]) };
    let fields = first[..columns].iter().map(|c| SortField::new(c.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(arrow_error)?;
    let hashed = raw.batches.par_iter().enumerate().map(|(b, batch)| hash_batch(&converter, b as u32, &batch[..columns], seed));
    Ok(hashed.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn hash_batch(converter: &RowConverter, batch: u32, columns: &[ArrayRef], seed: u64) -> Result<Vec<Entry>> {
    let rows = converter.convert_columns(columns).map_err(arrow_error)?;
    let hash = |row: &[u8]| {
        let hash = xxh3_128_with_seed(row, seed);
        [(hash >> 64) as u64, hash as u64]
    };
    Ok(rows.iter().enumerate().map(|(r, row)| Entry { hash: hash(row.as_ref()), place: (batch, r as u32) }).collect())
}

/// The keys of every batch's rows, comparable as bytes; empty without ORDER BY.
fn encode_keys(raw: &RawRows, inputs: &Inputs, columns: usize) -> Result<Vec<Rows>> {
    let Some(first) = raw.batches.first().filter(|_| !inputs.keys.is_empty()) else { return Ok(vec![]) };
    let options = inputs.keys.iter().map(|(_, options)| *options);
    let fields = first[columns..].iter().zip(options).map(|(c, o)| SortField::new_with_options(c.data_type().clone(), o));
    let converter = RowConverter::new(fields.collect()).map_err(arrow_error)?;
    raw.batches.par_iter().map(|batch| converter.convert_columns(&batch[columns..]).map_err(arrow_error)).collect()
}
