//! Tables made by stored SQL, and the ones whose rows the store keeps itself.
//!
//! Both are `CREATE EXTERNAL TABLE` statements. Locations that a user gives are stored absolute; a relative location
//! is a directory of the store's own, `tables/<name>-<random>/`, and moves with it. While such a directory has no entry
//! yet, or no more, a file beside it names the process that answers for it, so that a later one can clear it away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{CreateExternalTable, DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;
use gradframe_connectors::store::{DOOMED_TABLE_PREFIX, mark_table, new_table_directory};
use gradframe_plan::error::from_datafusion;
use tempfile::TempPath;

use super::external::ExternalTable;
use super::own_table::OwnTable;
use crate::panics::guard;
use crate::{Error, Result};

/// Below the home: the store's own tables.
const TABLES: &str = "tables";

const OP: &str = "create external table";

/// A new directory for a table's rows. Dropped before [`StoredTable::commit`], it takes its files with it.
#[derive(Debug)]
pub(crate) struct StoredTable {
    directory: PathBuf,
    /// Names this process; removed when dropped, after the directory.
    _mark: TempPath,
    name: String,
    committed: bool,
}

impl StoredTable {
    /// An empty directory below `home`. `owner` is this process. Errors: `External` if it can't be made.
    pub(crate) fn begin(home: &Path, owner: &str, name: &str) -> Result<Self> {
        let tables = home.join(TABLES);
        fs::create_dir_all(&tables).map_err(|error| io_error("make", &tables, error))?;
        let made = new_table_directory(&tables, name, owner);
        let (directory, mark) = made.map_err(|error| io_error("write in", &tables, error))?;
        Ok(Self { directory, _mark: mark, name: name.to_owned(), committed: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// The statement that opens the table, with its location relative to the home.
    pub(crate) fn sql(&self) -> String {
        let directory = self.directory.file_name().unwrap_or_default().to_string_lossy();
        let name = self.name.replace('"', "\"\"");
        format!("CREATE EXTERNAL TABLE \"{name}\" STORED AS PARQUET LOCATION '{TABLES}/{directory}/'")
    }

    /// Keeps the files: the entry that names them is saved.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }
}

impl Drop for StoredTable {
    fn drop(&mut self) {
        if !self.committed {
            // What stays is found by its mark.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The rows of a table whose entry is about to go. Those of tables that are not the store's own are not its to delete.
#[derive(Debug)]
pub(crate) struct DoomedRows {
    /// The directory, and the file that names this process; None for files of a user's own.
    rows: Option<(PathBuf, TempPath)>,
}

impl DoomedRows {
    /// Marks the rows of the table that `sql` opens. Dropped as it is, nothing has happened.
    /// Errors: `External` if the mark can't be written.
    pub(crate) fn of(home: &Path, owner: &str, sql: &str) -> Result<Self> {
        let Some(directory) = own_directory(sql).map(|name| home.join(TABLES).join(name)) else {
            return Ok(Self { rows: None });
        };
        match mark_table(&directory, owner) {
            Ok(mark) => Ok(Self { rows: Some((directory, mark)) }),
            Err(error) => Err(io_error("mark", &directory, error)),
        }
    }

    /// Deletes them: the entry is gone. Out of their place at once, so that nobody finds a part of them.
    /// Errors: `External` for files that can't be deleted.
    pub(crate) fn delete(self) -> Result<()> {
        let Some((directory, _mark)) = self.rows else { return Ok(()) };
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let aside = directory.with_file_name(format!("{DOOMED_TABLE_PREFIX}{name}"));
        match fs::rename(&directory, &aside).and_then(|()| fs::remove_dir_all(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("delete", &directory, error)),
            _ => Ok(()),
        }
    }
}

/// The name of the directory in a statement of [`StoredTable::sql`].
fn own_directory(sql: &str) -> Option<&str> {
    sql.rsplit_once(&format!(" LOCATION '{TABLES}/"))?.1.strip_suffix("/'")
}

/// Opens the table that a stored statement makes.
pub(super) async fn open(state: &SessionState, home: &Path, sql: &str) -> Result<Arc<dyn TableProvider>> {
    let mut command = command(sql).await?;
    let own = command.locations.iter().any(|location| is_own(location));
    if !own && let Some(table) = guard(OP, ExternalTable::open(state, &command)).await? {
        return Ok(table);
    }
    for location in &mut command.locations {
        if is_own(location) {
            *location = format!("{}/", home.join(&*location).to_string_lossy().trim_end_matches('/'));
        }
    }
    let table = provider(state, &command).await?;
    Ok(match own_directory(sql) {
        Some(name) => Arc::new(OwnTable::new(table, home.join(TABLES).join(name))),
        None => table,
    })
}

/// The provider that DataFusion makes for the command. Errors: `Plan` for an unknown format, `External` for a missing file.
pub(crate) async fn provider(state: &SessionState, command: &CreateExternalTable) -> Result<Arc<dyn TableProvider>> {
    let file_type = command.file_type.to_uppercase();
    let factory = state.table_factories().get(&file_type).ok_or_else(|| {
        let mut known: Vec<&str> = state.table_factories().keys().map(String::as_str).collect();
        known.sort_unstable();
        Error::plan(OP, format!("unknown format `{}`", command.file_type)).hint(gradframe_plan::names::suggest(&file_type, known))
    })?;
    let opened = guard(OP, async { factory.create(state, command).await.map_err(from_datafusion) }).await;
    // The Parquet reader may panic over a damaged footer.
    opened.map_err(|error| match error {
        Error::Internal(_) => Error::execution(OP, format!("`{}` is damaged", command.locations.join("`, `"))),
        other => other,
    })
}

/// The statement with its relative locations made absolute.
pub(crate) fn absolute_locations(sql: &str, locations: &[String]) -> Result<String> {
    let here = std::env::current_dir().map_err(|error| io_error("find", Path::new("."), error))?;
    let relative = locations.iter().filter(|location| is_own(location));
    Ok(relative.fold(sql.to_owned(), |sql, location| {
        let absolute = here.join(location).to_string_lossy().replace('\'', "''");
        sql.replace(&format!("'{}'", location.replace('\'', "''")), &format!("'{absolute}'"))
    }))
}

/// Neither an absolute path nor a URL.
fn is_own(location: &str) -> bool {
    !Path::new(location).is_absolute() && !location.contains("://")
}

/// Planned with an empty catalog: planning looks up the name that the statement makes, and here that would open this very
/// table again, without end.
async fn command(sql: &str) -> Result<CreateExternalTable> {
    let plan = SessionContext::new().state().create_logical_plan(sql).await.map_err(from_datafusion)?;
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => Ok(*command),
        _ => Err(Error::internal("catalog", format!("a stored table is made by another statement: {sql}"))),
    }
}

fn io_error(what: &str, path: &Path, error: std::io::Error) -> Error {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let make = if full { Error::resources } else { Error::external };
    make("store".to_owned(), format!("can't {what} `{}`: {error}", path.display())).because(error)
}
