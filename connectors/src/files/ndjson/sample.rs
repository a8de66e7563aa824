//! The columns of a JSON file, from its first objects.

use std::io::{BufRead, BufReader, Cursor};
use std::sync::Arc;

use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use gradframe_ml_core::Result;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};

use super::FUNCTION;
use super::check;
use super::kind::{Kind, or_fields};
use super::options::ReadOptions;
use super::records::Records;
use crate::files::error::bad_file;
use crate::files::selection::FoundFile;
use crate::files::unify::FileColumns;

/// Reads up to `rows` objects of a file. A file without objects has no columns.
pub(super) async fn read(
    store: &Arc<dyn ObjectStore>,
    file: &FoundFile,
    options: &ReadOptions,
    rows: usize,
) -> Result<FileColumns> {
    let text = open(store, file, options).await.map_err(|e| bad_file(FUNCTION, &file.name, e))?;
    let mut records = Records::new(text, &file.name);
    let (mut columns, mut record) = (Vec::new(), Vec::new());
    for _ in 0..rows.max(1) {
        record.clear();
        let Some(line) = records.next(&mut record)? else { break };
        let text = check::utf8(&record).map_err(|e| records.error(line, "not UTF-8").because(e))?;
        let kind = serde_json::from_str(text).map_err(|e| check::syntax_error(&records, line, &e))?;
        let Kind::Struct(fields) = kind else { return Err(check::no_object(&records, line, text)) };
        columns = or_fields(columns, fields);
    }
    let fields = columns.iter().map(|(name, kind)| Arc::new(kind.field(name))).collect();
    Ok(FileColumns { file: file.name.clone(), fields, rows: None })
}

/// The file's text. Of one in a remote store, all of it.
pub(super) async fn open(
    store: &Arc<dyn ObjectStore>,
    file: &FoundFile,
    options: &ReadOptions,
) -> Result<Box<dyn BufRead + Send>, DataFusionError> {
    let compression = options.compression(&file.name);
    match store.get(&file.meta.location).await?.payload {
        GetResultPayload::File(file, _) => Ok(Box::new(BufReader::with_capacity(1 << 17, compression.convert_read(file)?))),
        GetResultPayload::Stream(stream) => {
            let text = compression.convert_stream(stream.map_err(DataFusionError::from).boxed())?;
            let chunks: Vec<bytes::Bytes> = text.try_collect().await?;
            Ok(Box::new(Cursor::new(chunks.concat())))
        }
    }
}
