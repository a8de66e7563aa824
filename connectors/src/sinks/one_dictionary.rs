//! Rows for a file that has one dictionary a column.
//!
//! A file of Arrow IPC holds a dictionary once, before all rows (deltas exist, but Polars does not read them), while each batch of a query
//! may bring its own. So rows with categories are held until all are there, and their dictionaries put together.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::{self, StreamExt, TryStreamExt};

/// Rows of a batch in the file.
const ROWS: usize = 1 << 17;

/// Whether a column holds a dictionary, however deep.
pub(super) fn has_dictionary(schema: &Schema) -> bool {
    schema.fields().iter().any(|field| holds_one(field.data_type()))
}

fn holds_one(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| holds_one(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::Map(item, _) => {
            holds_one(item.data_type())
        }
        _ => false,
    }
}

/// The same rows, in batches that share their dictionaries; at least one. When polled, `Resources` if they do not fit in memory.
pub(super) fn with_one_dictionary(mut rows: SendableRecordBatchStream, context: &TaskContext) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let memory = MemoryConsumer::new("categories of an Arrow file").register(context.memory_pool());
    let of_all = Arc::clone(&schema);
    let whole = async move {
        let mut held = vec![];
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            memory.try_grow(batch.get_array_memory_size())?;
            held.push(batch);
        }
        let whole = concat_batches(&of_all, &held)?;
        let parts: Vec<Result<RecordBatch>> = parts(whole).map(Ok).collect();
        // Held for as long as they are written.
        Ok::<_, DataFusionError>(stream::iter(parts).inspect(move |_| _ = &memory))
    };
    Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(whole).try_flatten()))
}

fn parts(whole: RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let rows = whole.num_rows();
    (0..rows.div_ceil(ROWS).max(1)).map(move |part| whole.slice(part * ROWS, ROWS.min(rows - part * ROWS)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, DictionaryArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    #[test]
    fn batches_of_other_dictionaries_come_out_with_one() {
        let category = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![Field::new("c", category, true)]));
        assert!(has_dictionary(&schema));
        let batch = |texts: Vec<Option<&str>>| {
            let column: ArrayRef = Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>());
            RecordBatch::try_new(Arc::clone(&schema), vec![column]).map_err(DataFusionError::from)
        };
        let batches = vec![batch(vec![Some("a"), None]), batch(vec![Some("b"), Some("a")])];
        let rows = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), stream::iter(batches)));
        let one = with_one_dictionary(rows, &TaskContext::default()).try_collect::<Vec<RecordBatch>>();
        let one = futures::executor::block_on(one).expect("rows");
        let [one] = one.as_slice() else { panic!("{} batches", one.len()) };
        let column = one.column(0).as_dictionary::<Int32Type>().downcast_dict::<arrow::array::StringArray>().expect("texts");
        assert_eq!(column.into_iter().collect::<Vec<_>>(), [Some("a"), None, Some("b"), Some("a")]);
    }
}
