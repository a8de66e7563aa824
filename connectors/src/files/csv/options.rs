//! The options of `read_csv`.

use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};

use super::FUNCTION;
use super::dialect::Dialect;
use crate::files::compression;
use crate::files::options::Arguments;
use crate::files::shared_options::SharedOptions;

/// Rows over all files from which columns are inferred.
const SCHEMA_INFER_ROWS: usize = 20_000;

/// What may be said about CSV files. Aliases are the names of other programs.
#[derive(Debug, Clone)]
pub(super) struct ReadOptions {
    /// `header`, `delim` (`sep`, `delimiter`), `quote`, `escape`, `comment`, `skip` (`skip_rows`), `compression`.
    pub(super) dialect: Dialect,
    /// `null_value` (`nullstr`, `null_values`): texts that mean null, besides the empty one.
    pub(super) nulls: Vec<String>,
    /// `trim`: spaces around fields do not count, neither in values nor against null values.
    pub(super) trim: bool,
    /// `names` (`columns`): the columns' names, in place of the header's.
    pub(super) names: Option<Vec<String>>,
    /// `all_varchar`: infer nothing, every column is text.
    pub(super) all_varchar: bool,
    /// `schema_infer_rows` (`sample_size`).
    pub(super) schema_infer_rows: usize,
    /// `types`, `union_by_name` and what else all formats have.
    pub(super) shared: SharedOptions,
}

impl ReadOptions {
    /// The options as given, defaults where they are not. Errors: `Plan`.
    pub(super) fn parse(options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut arguments = Arguments::new(FUNCTION, options)?;
        let parsed = ReadOptions {
            dialect: dialect(&mut arguments)?,
            nulls: arguments.texts(&["null_value", "null_values", "nullstr"])?.unwrap_or_default(),
            trim: arguments.boolean(&["trim"])?.unwrap_or(false),
            names: arguments.texts(&["names", "columns"])?,
            all_varchar: arguments.boolean(&["all_varchar"])?.unwrap_or(false),
            schema_infer_rows: arguments.count(&["schema_infer_rows", "sample_size"])?.unwrap_or(SCHEMA_INFER_ROWS),
            shared: SharedOptions::take(FUNCTION, &mut arguments, false, &["types", "dtypes", "schema_overrides"])?,
        };
        arguments.finish()?;
        Ok(parsed)
    }
}

fn dialect(arguments: &mut Arguments) -> Result<Dialect> {
    Ok(Dialect {
        header: arguments.boolean_or_auto(&["header"])?.unwrap_or(Some(true)),
        delimiter: arguments.character(&["delim", "sep", "delimiter"])?,
        quote: quote(arguments)?,
        escape: arguments.character(&["escape"])?,
        comment: arguments.character(&["comment"])?,
        skip: arguments.count(&["skip", "skip_rows"])?.unwrap_or(0),
        compression: arguments.text(&["compression"])?.map_or(Ok(None), |name| compression::parse(FUNCTION, &name))?,
    })
}

/// None is no quoting at all.
fn quote(arguments: &mut Arguments) -> Result<Option<u8>> {
    match arguments.text(&["quote"])? {
        None => Ok(Some(b'"')),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => one_byte("quote", &text).map(Some),
    }
}

fn one_byte(option: &str, text: &str) -> Result<u8> {
    let unfit = || Error::plan(FUNCTION, format!("option `{option}`: expected one ASCII character or '', got {text}"));
    <[u8; 1]>::try_from(text.as_bytes()).map(|[byte]| byte).map_err(|_| unfit())
}
