//! Options that all reading functions have.

use gradframe_ml_core::Result;

use super::hive::PathColumns;
use super::options::Arguments;
use super::selection::FoundFile;
use super::types;
use super::unify::Union;

/// Name of the column of `filename => true`.
const FILENAME: &str = "filename";

/// How several files become one table, whatever their format.
#[derive(Debug, Clone)]
pub(super) struct SharedOptions {
    /// `union_by_name`: files may lack columns that others have. `types` (`dtypes`, `columns`, `schema_overrides`):
    /// `{'column': 'type'}`, in place of what the files say.
    pub(super) union: Union,
    /// `hive_partitioning` (true): directories like `year=2013` become columns.
    hive_partitioning: bool,
    /// `filename` (false): a column with the path of each row's file; a text is its name.
    filename: Option<String>,
}

impl SharedOptions {
    /// Takes the options out of those given. `by_name` is the format's default; `types` are the names of that option.
    pub(super) fn take(
        function: &'static str,
        arguments: &mut Arguments,
        by_name: bool,
        type_names: &[&'static str],
    ) -> Result<Self> {
        let by_name = arguments.boolean(&["union_by_name"])?.unwrap_or(by_name);
        let types = types::parse_all(function, arguments.named_texts(type_names)?.unwrap_or_default())?;
        Ok(SharedOptions {
            union: Union { by_name, types },
            hive_partitioning: arguments.boolean(&["hive_partitioning"])?.unwrap_or(true),
            filename: arguments.switch_or_text(&["filename", "include_file_paths"], FILENAME)?,
        })
    }

    /// The columns that the files' paths give. Errors: `Plan` if the files disagree on the partition columns' names.
    pub(super) fn path_columns(&self, function: &'static str, files: &[FoundFile]) -> Result<PathColumns> {
        let columns = if self.hive_partitioning { PathColumns::infer(function, files)? } else { PathColumns::none(function) };
        Ok(columns.with_filename(self.filename.clone()))
    }
}
