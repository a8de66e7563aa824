//! From paths and options to a table: the way that all formats share.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::file_format::FileFormat;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::services::SourceCall;
use object_store::ObjectStore;

use super::changed::{Opened, SaysColumns};
use super::selection::{Found, FoundFile, Selection};
use super::shared_options::SharedOptions;
use super::table::FileTable;
use super::unify::{self, FileColumns};

/// A format with its options.
#[async_trait]
pub(super) trait TableFormat: fmt::Debug + Send + Sync {
    /// The files of these paths that are of this format.
    fn selection(&self, paths: &[String]) -> Selection;

    /// The options that all formats have.
    fn shared(&self) -> &SharedOptions;

    /// The columns of each file, by as much reading as that needs: what the files say, where they do.
    async fn columns(
        &mut self,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        files: &[FoundFile],
    ) -> Result<Vec<FileColumns>> {
        let said = self.says_columns();
        let said = said
            .ok_or_else(|| Error::internal("files", "a format neither finds the columns of its files nor has them say them"))?;
        said.columns_of(session, store, files).await
    }

    /// The columns of the table, from those of all files together.
    fn table_schema(&self, schema: Schema) -> Schema {
        schema
    }

    /// What tells the columns of files that are others later on, where files say their types.
    fn says_columns(&self) -> Option<Arc<dyn SaysColumns>> {
        None
    }

    /// The reader of files of that table.
    fn file_format(self) -> Arc<dyn FileFormat>
    where
        Self: Sized;
}

/// The table of the paths' files.
pub(super) async fn open(session: &dyn Session, paths: &[String], format: impl TableFormat) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(table(session, paths, format).await?))
}

/// The table of the files that a call names, which it remembers.
pub(super) async fn open_called(
    session: &dyn Session,
    call: &SourceCall,
    format: impl TableFormat,
) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(table(session, &call.paths, format).await?.called_by(call.clone())))
}

async fn table(session: &dyn Session, paths: &[String], mut format: impl TableFormat) -> Result<FileTable> {
    let selection = format.selection(paths);
    let found = selection.find(session).await?;
    let (_, schema) = united(session, &found, &selection, &mut format).await?;
    let path_columns = format.shared().path_columns(selection.function, &found.files)?;
    let union = format.shared().union.clone();
    let opened = format.says_columns().map(|format| Opened::new(selection.function, &found, &union, format));
    let keeps_order = union.types.is_empty();
    Ok(FileTable::new(selection, format.file_format(), &schema, path_columns, keeps_order).opened_as(opened))
}

/// The columns of each file and of all together.
pub(super) async fn united(
    session: &dyn Session,
    found: &Found,
    selection: &Selection,
    format: &mut impl TableFormat,
) -> Result<(Vec<FileColumns>, Schema)> {
    let store = session.runtime_env().object_store(&found.store).map_err(from_datafusion)?;
    let columns = format.columns(session, &store, &found.files).await?;
    let schema = unify::table(selection.function, &columns, &format.shared().union)?;
    Ok((columns, format.table_schema(schema)))
}
