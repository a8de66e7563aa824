//! Values of partition columns as the names of directories.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

/// How Hive and Spark write a null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The rows with these columns as texts. DataFusion's writers name directories by them, and do not look at nulls.
pub(super) fn as_texts(rows: SendableRecordBatchStream, columns: &[String]) -> SendableRecordBatchStream {
    if columns.is_empty() {
        return rows;
    }
    let schema = with_texts(&rows.schema(), columns);
    let (columns, made) = (columns.to_vec(), schema.clone());
    let texts = rows.map(move |batch| batch.and_then(|batch| texts(&batch, &columns, &made)));
    Box::pin(RecordBatchStreamAdapter::new(schema, texts))
}

fn with_texts(schema: &Schema, columns: &[String]) -> SchemaRef {
    let field = |field: &Arc<Field>| match columns.contains(field.name()) {
        true => Field::new(field.name(), DataType::Utf8, false),
        false => field.as_ref().clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn texts(batch: &RecordBatch, columns: &[String], schema: &SchemaRef) -> Result<RecordBatch> {
    let fields = batch.schema();
    let column = |(column, field): (&ArrayRef, &Arc<Field>)| match columns.contains(field.name()) {
        true => text(column),
        false => Ok(column.clone()),
    };
    let columns = batch.columns().iter().zip(fields.fields()).map(column).collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn text(column: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(column, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    if texts.null_count() == 0 {
        return Ok(Arc::new(texts.clone()));
    }
    Ok(Arc::new(texts.iter().map(|text| Some(text.unwrap_or(NULL))).collect::<StringArray>()))
}
