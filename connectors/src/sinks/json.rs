//! JSON in which a null is written, so that every row has all columns and a column of nulls is not lost.

use arrow::array::RecordBatch;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use bytes::Bytes;
use datafusion::error::Result;
use datafusion_datasource::write::BatchSerializer;

/// The serializer in the place of Arrow's.
#[derive(Debug)]
pub(super) struct JsonSerializer;

impl BatchSerializer for JsonSerializer {
    fn serialize(&self, batch: RecordBatch, _: bool) -> Result<Bytes> {
        let mut buffer = Vec::with_capacity(4096);
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut buffer);
        writer.write(&batch)?;
        drop(writer);
        Ok(Bytes::from(buffer))
    }
}
