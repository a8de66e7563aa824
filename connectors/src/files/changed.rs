//! Files that are other ones than when their table was opened: its columns must still hold theirs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use async_trait::async_trait;
use datafusion::catalog::Session;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::own_types::own_type;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::selection::{Found, FoundFile};
use super::unify::{FileColumns, Union, wider};

/// Tells which columns files have, for a format whose files say their types.
#[async_trait]
pub(super) trait SaysColumns: fmt::Debug + Send + Sync {
    /// The columns of each file.
    async fn columns_of(
        &self,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        files: &[FoundFile],
    ) -> Result<Vec<FileColumns>>;
}

/// The files of a table when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    function: &'static str,
    files: HashMap<Path, ObjectMeta>,
    union: Union,
    format: Arc<dyn SaysColumns>,
}

impl Opened {
    /// These files, united so.
    pub(super) fn new(function: &'static str, found: &Found, union: &Union, format: Arc<dyn SaysColumns>) -> Self {
        let files = found.files.iter().map(|file| (file.meta.location.clone(), file.meta.clone())).collect();
        Opened { function, files, union: union.clone(), format }
    }

    /// Looks into the files that are new or others by now. `columns` are those of the table that a query reads.
    /// Errors: `Execution` that names the file and the column, if its values have another type, or if it is in no file any more.
    pub(super) async fn check(&self, session: &dyn Session, found: &Found, columns: &[&Field]) -> Result<()> {
        let changed: Vec<FoundFile> = found.files.iter().filter(|file| self.has_changed(file)).cloned().collect();
        if changed.is_empty() || columns.is_empty() {
            return Ok(());
        }
        let store = session.runtime_env().object_store(&found.store).map_err(from_datafusion)?;
        let files = self.format.columns_of(session, &store, &changed).await?;
        // Some file that is as it was may have what these lack.
        let may_lack = self.union.by_name && changed.len() < found.files.len();
        columns.iter().try_for_each(|column| self.check_column(column, &files, may_lack))
    }

    fn has_changed(&self, file: &FoundFile) -> bool {
        self.files.get(&file.meta.location).is_none_or(|before| *before != file.meta)
    }

    fn check_column(&self, column: &Field, files: &[FileColumns], may_lack: bool) -> Result<()> {
        let is_said = self.union.types.iter().any(|(name, _)| name == column.name());
        let has = |file: &FileColumns| file.fields.iter().any(|field| field.name() == column.name());
        let may_lack = may_lack || self.union.by_name && files.iter().any(has);
        for file in files {
            match file.fields.iter().find(|field| field.name() == column.name()) {
                Some(field) if is_said || holds(column.data_type(), &own_type(field.data_type())) => {}
                Some(field) => {
                    let types = format!("{} in it, {} in the query", own_type(field.data_type()), column.data_type());
                    return Err(self.error(file, format!("column `{}` is {types}", column.name())));
                }
                None if may_lack => {}
                None => return Err(self.error(file, format!("it lacks the column `{}`", column.name()))),
            }
        }
        Ok(())
    }

    fn error(&self, file: &FileColumns, what: String) -> Error {
        let what = format!("`{}` has changed since the query was made: {what}", file.file);
        Error::execution(self.function, what).hint("scan the files again")
    }
}

/// True if a column of the table's type has all values of a file's.
fn holds(table: &DataType, file: &DataType) -> bool {
    use DataType::*;
    match (table, file) {
        (Dictionary(_, table), file) => holds(table, file),
        (table, Dictionary(_, file)) => holds(table, file),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => true,
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        (List(table) | LargeList(table), List(file) | LargeList(file)) => holds(table.data_type(), file.data_type()),
        (FixedSizeList(table, m), FixedSizeList(file, n)) => m == n && holds(table.data_type(), file.data_type()),
        (Struct(table), Struct(file)) => table.iter().all(|field| match file.find(field.name()) {
            Some((_, file)) => holds(field.data_type(), file.data_type()),
            None => field.is_nullable(),
        }),
        (table, file) => table == file || wider(table, file).is_some_and(|both| both == *table),
    }
}
