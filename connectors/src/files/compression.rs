//! Compressed text files: which endings mean which compression.

use datafusion::common::parsers::CompressionTypeVariant;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;

/// Endings and what they mean.
const ENDINGS: [(&str, CompressionTypeVariant); 4] = [
    (".gz", CompressionTypeVariant::GZIP),
    (".zst", CompressionTypeVariant::ZSTD),
    (".bz2", CompressionTypeVariant::BZIP2),
    (".xz", CompressionTypeVariant::XZ),
];

/// How a file of this name is compressed.
pub(crate) fn of_ending(name: &str) -> CompressionTypeVariant {
    let name = name.to_ascii_lowercase();
    let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
    found.map_or(CompressionTypeVariant::UNCOMPRESSED, |(_, compression)| *compression)
}

/// The name in lower case without the ending of its compression.
pub(crate) fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let found = ENDINGS.iter().find_map(|(ending, _)| name.strip_suffix(ending));
    found.map(str::to_string).unwrap_or(name)
}

/// The compression of that name; None is `auto`: the file's ending decides. Errors: `Plan` for an unknown name.
pub(crate) fn parse(function: &str, name: &str) -> Result<Option<CompressionTypeVariant>> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "auto" => None,
        "none" | "uncompressed" => Some(CompressionTypeVariant::UNCOMPRESSED),
        "gzip" | "gz" => Some(CompressionTypeVariant::GZIP),
        "zstd" | "zst" => Some(CompressionTypeVariant::ZSTD),
        "bzip2" | "bz2" => Some(CompressionTypeVariant::BZIP2),
        "xz" => Some(CompressionTypeVariant::XZ),
        other => {
            let hint = names::suggest(other, ["auto", "none", "gzip", "zstd", "bzip2", "xz"]);
            return Err(Error::plan(function, format!("option `compression`: unknown `{other}`")).hint(hint));
        }
    })
}
