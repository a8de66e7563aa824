//! Opening Arrow files, whatever is in them.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::error::DataFusionError;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};

use super::FUNCTION;
use super::check::{CONTINUATION, Check};
use crate::files::error::panicked;
use crate::files::selection::FoundFile;

/// Begins and ends files; streams have none.
pub(super) const FILE_MAGIC: &[u8] = b"ARROW1";
/// Begins Feather files of version 1.
const FEATHER_1_MAGIC: &[u8] = b"FEA1";

/// Bytes on disk or in memory.
trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// A reader of the batches of a file, all columns or some of them.
pub(super) type Batches = Box<dyn RecordBatchReader<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Opens a file. Errors: `Execution` naming it if it is no Arrow file or a corrupt one.
pub(super) async fn open(store: &Arc<dyn ObjectStore>, file: &FoundFile, columns: Option<Vec<usize>>) -> Result<Batches> {
    let unreadable = |e: object_store::Error| from_datafusion(DataFusionError::from(e));
    let bytes: Box<dyn Bytes> = match store.get(&file.meta.location).await.map_err(unreadable)?.payload {
        GetResultPayload::File(file, _) => Box::new(file),
        GetResultPayload::Stream(_) => {
            let all = store.get(&file.meta.location).await.map_err(unreadable)?.bytes().await.map_err(unreadable)?;
            Box::new(Cursor::new(all))
        }
    };
    // A corrupt file may make Arrow's reader panic.
    catch_unwind(AssertUnwindSafe(|| begin(bytes, &file.name, columns))).map_err(|_| panicked(FUNCTION, &file.name))?
}

fn begin(mut bytes: Box<dyn Bytes>, name: &str, columns: Option<Vec<usize>>) -> Result<Batches> {
    let corrupt = |what: String| Error::execution(FUNCTION, format!("`{name}` {what}"));
    let broken = |e: std::io::Error| corrupt(format!("cannot be read: {e}"));
    let mut start = [0; 8];
    let size = bytes.seek(SeekFrom::End(0)).map_err(broken)?;
    bytes.rewind().map_err(broken)?;
    if size < start.len() as u64 {
        return Err(corrupt("is no Arrow file: it is too short".into()));
    }
    bytes.read_exact(&mut start).map_err(broken)?;
    if start.starts_with(FEATHER_1_MAGIC) {
        let what = format!("`{name}` is a Feather file of version 1");
        return Err(Error::not_implemented(FUNCTION, what).hint("write it again as version 2, which is Arrow IPC"));
    }
    let is_file = start.starts_with(FILE_MAGIC);
    if !is_file && !start.starts_with(&CONTINUATION) {
        return Err(corrupt("is no Arrow file: it begins otherwise".into()));
    }
    let mut check = Check::new(&mut bytes, size);
    if is_file { check.file() } else { check.stream() }.map_err(corrupt)?;
    bytes.rewind().map_err(broken)?;
    let failed = |e: ArrowError| corrupt(format!("is corrupt: {e}")).because(e);
    if is_file {
        return Ok(Box::new(FileReader::try_new(BufReader::new(bytes), columns).map_err(failed)?));
    }
    let not_arrow = |e: ArrowError| corrupt(format!("is no Arrow file: {e}")).because(e);
    Ok(Box::new(StreamReader::try_new(BufReader::new(bytes), columns).map_err(not_arrow)?))
}
