//! The options of `read_json`, also called `read_ndjson`.

use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;

use super::FUNCTION;
use crate::files::compression;
use crate::files::options::Arguments;
use crate::files::shared_options::SharedOptions;

/// Objects over all files from which columns are inferred.
const SCHEMA_INFER_ROWS: usize = 20_000;

/// What may be said about JSON files. Aliases are the names of other programs.
#[derive(Debug, Clone)]
pub(super) struct ReadOptions {
    /// `compression`; None: the ending decides, file by file.
    compression: Option<CompressionTypeVariant>,
    /// `schema_infer_rows` (`sample_size`).
    pub(super) schema_infer_rows: usize,
    /// `types`, `union_by_name` (true: objects may lack keys anyway) and what else all formats have.
    pub(super) shared: SharedOptions,
}

impl ReadOptions {
    /// The options as given, defaults where they are not. Errors: `Plan`.
    pub(super) fn parse(options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut arguments = Arguments::new(FUNCTION, options)?;
        let parsed = ReadOptions {
            compression: arguments.text(&["compression"])?.map_or(Ok(None), |name| compression::parse(FUNCTION, &name))?,
            schema_infer_rows: arguments.count(&["schema_infer_rows", "sample_size"])?.unwrap_or(SCHEMA_INFER_ROWS),
            shared: SharedOptions::take(FUNCTION, &mut arguments, true, &["types", "columns", "schema_overrides"])?,
        };
        arguments.finish()?;
        Ok(parsed)
    }

    /// How a file of this name is compressed.
    pub(super) fn compression(&self, name: &str) -> FileCompressionType {
        FileCompressionType::from(self.compression.unwrap_or_else(|| compression::of_ending(name)))
    }
}
