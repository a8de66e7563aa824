//! Tables made by stored SQL, and the ones whose rows the store keeps itself.
//!
//! Both are `CREATE EXTERNAL TABLE` statements. Locations that a user gives are stored absolute; a relative location
//! is a directory of the store's own, `tables/<name>-<random>/`, and moves with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{CreateExternalTable, DdlStatement, LogicalPlan};
use datafusion::prelude::SessionContext;
use gradframe_plan::error::from_datafusion;
use tempfile::TempDir;

use crate::panics::guard;
use crate::{Error, Result};

/// Below the home: the store's own tables.
const TABLES: &str = "tables";

const OP: &str = "create external table";

/// A new directory for a table's rows. Dropped before [`StoredTable::commit`], it takes its files with it.
#[derive(Debug)]
pub(crate) struct StoredTable {
    directory: TempDir,
    name: String,
}

impl StoredTable {
    /// An empty directory below `home`. Errors: `External` if it can't be made.
    pub(crate) fn begin(home: &Path, name: &str) -> Result<Self> {
        let tables = home.join(TABLES);
        fs::create_dir_all(&tables).map_err(|error| io_error("make", &tables, error))?;
        let readable: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let directory = tempfile::Builder::new().prefix(&format!("{readable}-")).tempdir_in(&tables);
        let directory = directory.map_err(|error| io_error("make a directory in", &tables, error))?;
        Ok(Self { directory, name: name.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The statement that opens the table, with its location relative to the home.
    pub(crate) fn sql(&self) -> String {
        let directory = self.directory.path().file_name().unwrap_or_default().to_string_lossy();
        let name = self.name.replace('"', "\"\"");
        format!("CREATE EXTERNAL TABLE \"{name}\" STORED AS PARQUET LOCATION '{TABLES}/{directory}/'")
    }

    /// Keeps the files: the entry that names them is saved.
    pub(crate) fn commit(self) {
        let _kept: PathBuf = self.directory.keep();
    }
}

/// Deletes the rows of a table of the store's own; those of other tables are not the store's to delete.
pub(crate) async fn delete_rows(home: &Path, sql: &str) -> Result<()> {
    let command = command(sql).await?;
    for location in command.locations.iter().filter(|location| is_own(location)) {
        let directory = home.join(location);
        fs::remove_dir_all(&directory).map_err(|error| io_error("delete", &directory, error))?;
    }
    Ok(())
}

/// Opens the table that a stored statement makes.
pub(super) async fn open(state: &SessionState, home: &Path, sql: &str) -> Result<Arc<dyn TableProvider>> {
    let mut command = command(sql).await?;
    for location in &mut command.locations {
        if is_own(location) {
            *location = format!("{}/", home.join(&*location).to_string_lossy().trim_end_matches('/'));
        }
    }
    provider(state, &command).await
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
    Error::external("store", format!("can't {what} `{}`: {error}", path.display())).because(error)
}
