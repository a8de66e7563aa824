//! What is known of data that are in memory: how many rows there are, and a digest of them.

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use serde_json::json;
use xxhash_rust::xxh3::Xxh3;

use crate::DataFrame;

/// What is seen of a frame's rows without running anything.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Equal for equal rows in the same order, in whatever batches; empty of rows that were not seen.
    pub digest: String,
    pub rows: Option<u64>,
    /// In MLflow's words, as JSON.
    pub profile: String,
}

/// Of rows in memory all; of others, which their files stand for, nothing.
pub(super) fn seen(frame: &DataFrame) -> Seen {
    let Some(batches) = frame.rows_in_memory() else { return Seen::default() };
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let digest = digest(&batches).unwrap_or_default();
    Seen { digest, rows: Some(rows), profile: json!({ "num_rows": rows }).to_string() }
}

/// None of types that rows are not made of.
fn digest(batches: &[RecordBatch]) -> Option<String> {
    let mut hash = Xxh3::new();
    if let Some(first) = batches.first() {
        let fields = first.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let rows = RowConverter::new(fields).ok()?;
        for batch in batches {
            rows.convert_columns(batch.columns()).ok()?.iter().for_each(|row| hash.update(row.as_ref()));
        }
    }
    Some(format!("{:032x}", hash.digest128()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(numbers: &[Option<i64>], texts: &[&str]) -> RecordBatch {
        let numbers = Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
        let texts = Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true)]).unwrap()
    }

    #[test]
    fn a_digest_knows_values_and_their_order_and_no_batches() {
        let whole = batch(&[Some(1), None, Some(3)], &["a", "", "c"]);
        let same = [whole.slice(0, 1), whole.slice(1, 2)];
        assert_eq!(digest(&same), digest(std::slice::from_ref(&whole)));
        for other in [
            batch(&[Some(1), Some(0), Some(3)], &["a", "", "c"]),
            batch(&[None, Some(1), Some(3)], &["", "a", "c"]),
            batch(&[Some(1), None, Some(3)], &["a", "", "d"]),
            batch(&[Some(1), None], &["a", ""]),
        ] {
            assert_ne!(digest(&[other]), digest(std::slice::from_ref(&whole)));
        }
    }
}
