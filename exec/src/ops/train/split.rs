//! Which rows are kept for evaluation: a property of each row alone, so that it depends neither on partitions nor on
//! what spills.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::SortOptions;
use arrow::row::{RowConverter, SortField};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Split;

use super::OP;
use super::disk::Disk;
use super::rows::{RawBatch, chance};
use super::sorter::Sorter;
use crate::columns::arrow_error;
use crate::memory::Memory;

/// Nulls are the largest values.
const SEQUENCE: SortOptions = SortOptions { descending: false, nulls_first: false };

/// The rule by which a row is evaluated on.
#[derive(Debug)]
pub(super) enum SplitRule {
    /// None is.
    None,
    /// Those whose chance is at least this.
    Chance { from: u64 },
    /// Those whose value in this column is at least the one that encodes as `from`.
    Sequence { column: usize, encoder: RowConverter, from: Vec<u8> },
    /// Those with true or null in this column.
    Flag { column: usize },
}

impl SplitRule {
    /// The rule for all rows of a sorter; `column` is the split column. `memory` can spill.
    /// Errors: `Resources` if the values of the split column fit neither memory nor disk.
    pub fn new(split: Split, column: Option<usize>, rows: &Sorter, disk: &Disk, memory: Memory) -> Result<Self> {
        let column = || column.ok_or_else(|| Error::internal(OP, "a split without its column"));
        match split.resolved(rows.rows() as u64) {
            Split::None | Split::Auto => Ok(SplitRule::None),
            Split::Random { eval_fraction } => Ok(SplitRule::Chance { from: chance_from(eval_fraction) }),
            Split::Seq { eval_fraction } => Self::sequence(eval_fraction, column()?, rows, disk, memory),
            Split::Custom => Ok(SplitRule::Flag { column: column()? }),
        }
    }

    fn sequence(eval_fraction: f64, column: usize, rows: &Sorter, disk: &Disk, memory: Memory) -> Result<Self> {
        let Some(data_type) = rows.data_type(column)? else { return Ok(SplitRule::None) };
        let encoder = RowConverter::new(vec![SortField::new_with_options(data_type, SEQUENCE)]).map_err(arrow_error)?;
        let mut values = Sorter::new(disk.clone(), memory, 1);
        rows.for_each(|batch| {
            let fits = values.push(RawBatch { columns: vec![], keys: encoded(&encoder, batch, column)? })?;
            if fits { Ok(()) } else { values.spill() }
        })?;
        let kept = (rows.rows() as f64 * eval_fraction).ceil() as usize;
        let from = values.finish()?.key(rows.rows().saturating_sub(kept))?;
        let from = from.ok_or_else(|| Error::internal(OP, "a split without rows"))?;
        Ok(SplitRule::Sequence { column, encoder, from })
    }

    /// Which of these rows are evaluated on; None if none is, whatever the rows.
    pub fn evaluated(&self, batch: &RawBatch) -> Result<Option<BooleanBuffer>> {
        let rows = batch.rows();
        Ok(match self {
            SplitRule::None => None,
            SplitRule::Chance { from } => Some(BooleanBuffer::collect_bool(rows, |row| chance(batch.key(row)) >= *from)),
            SplitRule::Sequence { column, encoder, from } => {
                let values = encoded(encoder, batch, *column)?;
                Some(BooleanBuffer::collect_bool(rows, |row| values.value(row) >= from.as_slice()))
            }
            SplitRule::Flag { column } => {
                let flags = batch.columns[*column].as_boolean();
                Some(BooleanBuffer::collect_bool(rows, |row| flags.is_null(row) || flags.value(row)))
            }
        })
    }
}

/// The least chance of a row that is evaluated on.
fn chance_from(eval_fraction: f64) -> u64 {
    ((1.0 - eval_fraction) * 2f64.powi(64)) as u64
}

/// A column's values as bytes in their order.
fn encoded(encoder: &RowConverter, batch: &RawBatch, column: usize) -> Result<BinaryArray> {
    let rows = encoder.convert_columns(&[Arc::clone(&batch.columns[column])]).map_err(arrow_error)?;
    Ok(BinaryArray::from_iter_values(rows.iter()))
}
