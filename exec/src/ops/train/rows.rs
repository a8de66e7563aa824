//! Raw training rows in batches: the columns that are learned from, and what orders each row.

use arrow::array::{Array, ArrayRef, BinaryArray, BinaryBuilder, RecordBatch};
use arrow::compute::{SortOptions, interleave};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::utils::memory::get_record_batch_memory_size;
use gradframe_ml_core::{Error, Result};
use std::sync::Arc;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use super::OP;
use super::dataset::Digest;
use crate::columns::arrow_error;

/// The last bytes of a key: the hash of the row's content.
const HASH_BYTES: usize = 16;

/// The name of the keys' column in files.
const KEYS: &str = "key";

/// A batch of training rows.
#[derive(Debug, Clone)]
pub(super) struct RawBatch {
    /// The features, the label, then the weight and the split column if any.
    pub columns: Vec<ArrayRef>,
    /// Rows are in order when these are, as bytes: the encoded ORDER BY, then the row's hash.
    pub keys: BinaryArray,
}

/// Where a row is: batch, row of the batch.
pub(super) type Place = (u32, u32);

impl RawBatch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of the buffers, those shared by several columns counted once.
    pub fn memory_bytes(&self) -> Result<usize> {
        Ok(get_record_batch_memory_size(&self.to_record_batch(&self.schema())?))
    }

    /// A row's key.
    pub fn key(&self, row: usize) -> &[u8] {
        self.keys.value(row)
    }

    /// The columns without names, then the keys.
    pub fn schema(&self) -> SchemaRef {
        let column = |(i, column): (usize, &ArrayRef)| Field::new(i.to_string(), column.data_type().clone(), true);
        let keys = Field::new(KEYS, DataType::Binary, true);
        Arc::new(Schema::new(self.columns.iter().enumerate().map(column).chain([keys]).collect::<Vec<_>>()))
    }

    /// The batch as it is written to files.
    pub fn to_record_batch(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let keys = Arc::new(self.keys.clone()) as ArrayRef;
        let columns = self.columns.iter().cloned().chain([keys]).collect();
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(arrow_error)
    }

    /// A batch that comes back from a file.
    pub fn from_record_batch(batch: &RecordBatch) -> Result<Self> {
        let (keys, columns) = batch.columns().split_last().ok_or_else(|| Error::internal(OP, "a batch without columns"))?;
        let keys = keys.as_any().downcast_ref::<BinaryArray>().cloned();
        let keys = keys.ok_or_else(|| Error::internal(OP, "a batch without keys"))?;
        Ok(RawBatch { columns: columns.to_vec(), keys })
    }

    /// The rows at these places.
    pub fn gather(batches: &[Arc<RawBatch>], places: &[Place]) -> Result<Self> {
        let places = indices(places);
        let columns = (0..batches.first().map_or(0, |b| b.columns.len())).map(|i| column(batches, i, &places));
        let keys: Vec<&dyn Array> = batches.iter().map(|batch| &batch.keys as &dyn Array).collect();
        let keys = interleave(&keys, &places).map_err(arrow_error)?;
        let keys = keys.as_any().downcast_ref::<BinaryArray>().cloned();
        let keys = keys.ok_or_else(|| Error::internal(OP, "keys that are no bytes"))?;
        Ok(RawBatch { columns: columns.collect::<Result<_>>()?, keys })
    }

    /// Its own copy of a batch that is a small part of large buffers: holding it would hold them all.
    pub fn compacted(self) -> Result<Self> {
        let held = self.memory_bytes()?;
        let own =
            self.columns.iter().map(|c| c.to_data().get_slice_memory_size().unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
        if held / 2 <= own.saturating_add(self.keys.get_buffer_memory_size()) {
            return Ok(self);
        }
        let places: Vec<Place> = (0..self.rows() as u32).map(|row| (0, row)).collect();
        RawBatch::gather(&[Arc::new(self)], &places)
    }
}

/// Rows at places, column by column: what a chunk is encoded from.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// True for rows to evaluate on.
    pub eval: bool,
    pub batches: Arc<[Arc<RawBatch>]>,
    pub places: Vec<Place>,
}

impl Piece {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// A column of these rows.
    pub fn column(&self, index: usize) -> Result<ArrayRef> {
        column(&self.batches, index, &indices(&self.places))
    }
}

fn indices(places: &[Place]) -> Vec<(usize, usize)> {
    places.iter().map(|&(batch, row)| (batch as usize, row as usize)).collect()
}

fn column(batches: &[Arc<RawBatch>], index: usize, places: &[(usize, usize)]) -> Result<ArrayRef> {
    let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch.columns[index].as_ref()).collect();
    interleave(&arrays, places).map_err(arrow_error)
}

/// Makes the keys of rows.
///
/// Equal rows have equal keys, and rows of equal keys are interchangeable: so the order of the rows does not depend on
/// where they were read.
#[derive(Debug)]
pub(super) struct KeyMaker {
    content: RowConverter,
    /// None without ORDER BY.
    order: Option<RowConverter>,
    seed: u64,
}

impl KeyMaker {
    /// For columns of these types. `order` has the types of the ORDER BY's keys; `seed` is the key of the hash.
    pub fn new(columns: &[DataType], order: &[(DataType, SortOptions)], seed: u64) -> Result<Self> {
        let content = columns.iter().map(|data_type| SortField::new(data_type.clone())).collect();
        let fields = order.iter().map(|(data_type, options)| SortField::new_with_options(data_type.clone(), *options));
        let order = (!order.is_empty()).then(|| RowConverter::new(fields.collect())).transpose();
        Ok(KeyMaker { content: RowConverter::new(content).map_err(arrow_error)?, order: order.map_err(arrow_error)?, seed })
    }

    /// The keys of a batch's rows, which are added to the digest.
    pub fn keys(&self, columns: &[ArrayRef], order: &[ArrayRef], digest: &mut Digest) -> Result<BinaryArray> {
        let content = self.content.convert_columns(columns).map_err(arrow_error)?;
        let order = self.order.as_ref().map(|converter| converter.convert_columns(order)).transpose().map_err(arrow_error)?;
        let order_bytes = order.as_ref().map_or(0, |rows| rows.size());
        let mut keys = BinaryBuilder::with_capacity(content.num_rows(), content.num_rows() * HASH_BYTES + order_bytes);
        let mut key = Vec::new();
        for (i, row) in content.iter().enumerate() {
            key.clear();
            key.extend(order.iter().flat_map(|rows| rows.row(i).as_ref().to_vec()));
            key.extend(xxh3_128_with_seed(row.as_ref(), self.seed).to_be_bytes());
            keys.append_value(&key);
            digest.add(xxh3_128(row.as_ref()));
        }
        Ok(keys.finish())
    }
}

/// A number that is evenly spread over the rows' contents, and tells nothing about their order.
pub(super) fn chance(key: &[u8]) -> u64 {
    let low = key.last_chunk::<{ HASH_BYTES / 2 }>();
    low.map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The start of a key as a number: decides most comparisons.
pub(super) fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = key.len().min(first.len());
    first[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn numbers(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn keys_order_by_the_query_then_by_content() {
        let descending = SortOptions { descending: true, nulls_first: false };
        let maker = KeyMaker::new(&[DataType::Int64], &[(DataType::Int64, descending)], 7).unwrap();
        let keys = maker.keys(&[numbers(&[5, 6, 5, 5])], &[numbers(&[1, 2, 2, 1])], &mut Digest::default()).unwrap();
        assert!(keys.value(1) < keys.value(0) && keys.value(2) < keys.value(0));
        assert_eq!(keys.value(0), keys.value(3));
        assert_ne!(keys.value(1), keys.value(2));
        assert_ne!(chance(keys.value(1)), chance(keys.value(2)));
    }

    #[test]
    fn a_shorter_key_has_a_smaller_prefix() {
        assert!(prefix(b"ab") < prefix(b"ab\x01"));
        assert!(prefix(b"abcdefgh") == prefix(b"abcdefghi"));
    }

    #[test]
    fn a_slice_of_a_large_batch_gets_its_own_memory() {
        let texts = StringArray::from_iter_values((0..10_000).map(|i| format!("text number {i}")));
        let columns = vec![numbers(&(0..10_000).collect::<Vec<_>>()).slice(10, 20), Arc::new(texts.slice(10, 20)) as ArrayRef];
        let keys = KeyMaker::new(&[DataType::Int64, DataType::Utf8], &[], 7)
            .unwrap()
            .keys(&columns, &[], &mut Digest::default())
            .unwrap();
        let batch = RawBatch { columns, keys };
        assert!(batch.memory_bytes().unwrap() > 100_000);
        let own = batch.compacted().unwrap();
        assert!(own.memory_bytes().unwrap() < 5_000, "{}", own.memory_bytes().unwrap());
        assert_eq!(own.columns[0].as_primitive::<Int64Type>().values()[..], (10..30).collect::<Vec<_>>());
    }
}
