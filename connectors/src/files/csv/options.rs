//! The options of `read_csv`.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;

use super::FUNCTION;
use super::dialect::Dialect;
use crate::files::options::Arguments;

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
    /// `types` (`dtypes`): `{'column': 'type'}`, in place of the inferred type.
    pub(super) types: Vec<(String, DataType)>,
    /// `all_varchar`: infer nothing, every column is text.
    pub(super) all_varchar: bool,
    /// `schema_infer_rows` (`sample_size`).
    pub(super) schema_infer_rows: usize,
    /// `hive_partitioning`: directories like `year=2013` become columns.
    pub(super) hive_partitioning: bool,
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
            types: types(arguments.named_texts(&["types", "dtypes"])?.unwrap_or_default())?,
            all_varchar: arguments.boolean(&["all_varchar"])?.unwrap_or(false),
            schema_infer_rows: arguments.count(&["schema_infer_rows", "sample_size"])?.unwrap_or(SCHEMA_INFER_ROWS),
            hive_partitioning: arguments.boolean(&["hive_partitioning"])?.unwrap_or(true),
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
        compression: arguments.text(&["compression"])?.map_or(Ok(None), |name| compression(&name))?,
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

/// None is `auto`: the file's ending decides.
fn compression(name: &str) -> Result<Option<CompressionTypeVariant>> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "auto" => None,
        "none" | "uncompressed" => Some(CompressionTypeVariant::UNCOMPRESSED),
        "gzip" | "gz" => Some(CompressionTypeVariant::GZIP),
        "zstd" | "zst" => Some(CompressionTypeVariant::ZSTD),
        "bzip2" | "bz2" => Some(CompressionTypeVariant::BZIP2),
        "xz" => Some(CompressionTypeVariant::XZ),
        other => {
            let hint = names::suggest(other, ["auto", "none", "gzip", "zstd", "bzip2", "xz"]);
            return Err(Error::plan(FUNCTION, format!("option `compression`: unknown `{other}`")).hint(hint));
        }
    })
}

fn types(named: Vec<(String, String)>) -> Result<Vec<(String, DataType)>> {
    named.into_iter().map(|(column, name)| Ok((column, data_type(&name)?))).collect()
}

/// Types by their names in SQL, and by Arrow's.
fn data_type(name: &str) -> Result<DataType> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "boolean" | "bool" => DataType::Boolean,
        "tinyint" | "int8" => DataType::Int8,
        "smallint" | "int16" => DataType::Int16,
        "integer" | "int" | "int32" => DataType::Int32,
        "bigint" | "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "real" | "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "varchar" | "text" | "string" | "utf8" | "str" => DataType::Utf8,
        "date" | "date32" => DataType::Date32,
        "timestamp" | "datetime" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => name.parse().map_err(|e| {
            let error = Error::plan(FUNCTION, format!("option `types`: unknown type `{name}`")).because(e);
            error.hint(
                "types are BOOLEAN, BIGINT, DOUBLE, VARCHAR, DATE, TIMESTAMP ... and Arrow's names, as in Decimal128(10, 2)",
            )
        })?,
    })
}
