//! The keys that were seen so far.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

/// A set of keys, in the hash tables of DataFusion's aggregates.
pub(super) struct Seen {
    schema: SchemaRef,
    values: Box<dyn GroupValues>,
    /// For each row of the last batch the number of its keys.
    groups: Vec<usize>,
}

impl Seen {
    /// Nothing seen. Errors: `NotImplemented` for keys of a type that has no equality.
    pub fn new(schema: &SchemaRef) -> Result<Self> {
        let values = new_group_values(Arc::clone(schema), &GroupOrdering::None)?;
        Ok(Seen { schema: Arc::clone(schema), values, groups: vec![] })
    }

    /// Which rows have keys that no row had before; they count as seen from now on.
    pub fn first_of_each(&mut self, keys: &[ArrayRef]) -> Result<BooleanArray> {
        let known = self.values.len();
        self.groups.clear();
        self.values.intern(keys, &mut self.groups)?;
        let mut is_missing = vec![true; self.values.len() - known];
        // The numbers of one batch's new keys are not in the order of its rows.
        let is_first = |row: usize| match self.groups[row].checked_sub(known) {
            Some(new) => std::mem::replace(&mut is_missing[new], false),
            None => false,
        };
        Ok(BooleanArray::new(BooleanBuffer::collect_bool(self.groups.len(), is_first), None))
    }

    /// Keys in the set.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Bytes that the set takes.
    pub fn bytes(&self) -> usize {
        self.values.size() + self.groups.capacity() * size_of::<usize>()
    }

    /// All keys, after which there are none.
    pub fn emptied(mut self) -> Result<RecordBatch> {
        let keys = self.values.emit(EmitTo::All)?;
        Ok(RecordBatch::try_new(self.schema, keys)?)
    }
}
