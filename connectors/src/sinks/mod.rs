//! Files that a query writes: COPY TO and the frames' writers.
//!
//! [`copy_plan`] makes DataFusion's COPY node, [`prepare`] gives one that SQL has made the same treatment. Rows are written
//! by DataFusion's writers into a place of their own beside the target, and take the target's place by a rename when all of
//! them are there: a reader sees the old files or the new ones, and a write that fails or is killed leaves the old ones.
//! A pipe or a device is given the bytes, and stays.

mod csv;
mod csv_style;
mod error;
mod format;
mod json;
mod one_dictionary;
mod options;
mod partitions;
mod sink;
mod staging;
mod store;
mod target;
mod through;
mod types;
mod views;
mod writers;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::file_options::file_type::FileType;
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;
use gradframe_ml_core::{Error, Result};

use self::format::CopyFormatFactory;
use self::target::{OnExisting, Target};

pub use self::format::{FileKind, named_formats};
pub use self::options::WriteOptions;
pub use self::types::require_in_parquet;

/// The operation's name in errors.
const OP: &str = "copy";

/// The plan that writes a query's rows. Its one row is their number, `count`.
/// Errors: `Plan` for an unknown option, format or column, and for a target that exists and may not be replaced;
/// `NotImplemented` for a column of a type that the format does not have.
pub fn copy_plan(input: LogicalPlan, target: &str, options: WriteOptions) -> Result<LogicalPlan> {
    let kind = options.kind(target)?;
    match kind {
        FileKind::Parquet => require_in_parquet(OP, input.schema().as_arrow())?,
        FileKind::Csv => types::require_in_csv(OP, input.schema().as_arrow())?,
        FileKind::Json | FileKind::Arrow => {}
    }
    let input = views::without_views_in_dictionaries(input)?;
    let columns = input.schema();
    if let Some(unknown) = options.partition_by.iter().find(|name| !columns.has_column_with_unqualified_name(name)) {
        let fields = columns.fields();
        let hint = gradframe_plan::names::suggest(unknown, fields.iter().map(|field| field.name().as_str()));
        return Err(Error::plan(OP, format!("unknown column `{unknown}` in PARTITION_BY")).hint(hint));
    }
    if options.partition_by.len() >= columns.fields().len() {
        let error = Error::plan(OP, "every column is in PARTITION_BY: none is left to be written");
        return Err(error.hint("select one more column, or partition by fewer"));
    }
    let (partition_by, raw) = (options.partition_by.clone(), options.raw.clone());
    let (file_type, settings) = parts(kind, target, !partition_by.is_empty(), raw)?;
    Ok(LogicalPlan::Copy(CopyTo::new(Arc::new(input), target.to_string(), partition_by, file_type, settings)))
}

/// A COPY as SQL plans it, with our way of writing in place of DataFusion's. Errors: as those of [`copy_plan`].
pub fn prepare(copy: &CopyTo) -> Result<LogicalPlan> {
    let raw = copy.options.iter().map(|(key, value)| {
        let key = key.strip_prefix("format.").filter(|key| !key.contains('.')).unwrap_or(key);
        (key.to_string(), value.clone())
    });
    let options = WriteOptions::new().format(copy.file_type.get_ext()).partition_by(copy.partition_by.clone());
    let options = raw.fold(options, |options, (key, value)| options.option(key, value));
    copy_plan(copy.input.as_ref().clone(), &copy.output_url, options)
}

/// What writes the files, and the settings that DataFusion's writers take.
fn parts(
    kind: FileKind,
    target: &str,
    partitioned: bool,
    raw: Vec<(String, String)>,
) -> Result<(Arc<dyn FileType>, HashMap<String, String>)> {
    let settings = options::settings(kind, target, raw)?;
    let target = Target::find(target, partitioned, settings.single_file, settings.on_existing)?;
    if let Some(target) = &target {
        target.check()?;
    } else if settings.on_existing == OnExisting::Replace {
        return Err(Error::not_implemented(OP, "OVERWRITE in an object store").hint("write to another place, and delete the old"));
    }
    let factory = CopyFormatFactory { kind, target, csv: settings.csv };
    Ok((format_as_file_type(Arc::new(factory)), settings.of_writer))
}
