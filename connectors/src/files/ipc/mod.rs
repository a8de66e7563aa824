//! Arrow IPC: files (`.arrow`, Feather of version 2) and streams.

mod check;
mod open_file;
mod read;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::file_format::FileFormat;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use object_store::ObjectStore;

use self::read::IpcReader;
use super::changed::SaysColumns;
use super::extensions::keep_extensions;
use super::format::StreamFormat;
use super::open::{TableFormat, open};
use super::options::Arguments;
use super::selection::{FoundFile, Selection};
use super::shared_options::SharedOptions;
use super::unify::FileColumns;

const FUNCTION: &str = "read_arrow";
/// Endings of Arrow files, in lower case.
pub(super) const ENDINGS: &[&str] = &[".arrow", ".ipc", ".feather", ".arrows"];

/// A table of Arrow files, with the options that all formats have. Errors: `Plan` for a path that means no file or an
/// unknown option; `Execution` naming the file for a corrupt one, or two whose columns do not go together;
/// `NotImplemented` for Feather of version 1.
pub async fn scan_ipc(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    open(session, paths, IpcTable::new(options)?).await
}

/// True for Arrow's endings.
pub(super) fn is_ipc(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Arrow files as the options say.
#[derive(Debug)]
pub(super) struct IpcTable(SharedOptions);

impl IpcTable {
    /// The options checked. Errors: `Plan`.
    pub(super) fn new(options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut arguments = Arguments::new(FUNCTION, options)?;
        let shared = SharedOptions::take(FUNCTION, &mut arguments, false, &["types", "columns", "schema_overrides"])?;
        arguments.finish()?;
        Ok(IpcTable(shared))
    }
}

#[async_trait]
impl TableFormat for IpcTable {
    fn selection(&self, paths: &[String]) -> Selection {
        Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS, compressed: false }
    }

    fn shared(&self) -> &SharedOptions {
        &self.0
    }

    fn says_columns(&self) -> Option<Arc<dyn SaysColumns>> {
        Some(Arc::new(IpcColumns))
    }

    fn file_format(self) -> Arc<dyn FileFormat> {
        Arc::new(StreamFormat(Arc::new(IpcReader)))
    }
}

/// The columns that Arrow files say.
#[derive(Debug)]
struct IpcColumns;

#[async_trait]
impl SaysColumns for IpcColumns {
    async fn columns_of(&self, _: &dyn Session, store: &Arc<dyn ObjectStore>, files: &[FoundFile]) -> Result<Vec<FileColumns>> {
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            let reader = open_file::open(store, file, None).await?;
            let fields = keep_extensions(reader.schema().fields()).to_vec();
            all.push(FileColumns { file: file.name.clone(), fields, rows: None });
        }
        Ok(all)
    }
}
