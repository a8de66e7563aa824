//! The options of COPY, and what DataFusion's writers call them.

use std::collections::HashMap;

use datafusion::common::parsers::CompressionTypeVariant;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;

use super::OP;
use super::csv_style::{self, CsvStyle};
use super::format::FileKind;
use super::target::OnExisting;
use crate::files::compression;

/// How rows are written to files.
///
/// Options by their names in SQL, without regard to case: `overwrite`, `append`, `single_file_output`, `compression`,
/// `compression_level`; for CSV `header`, `delimiter` (`delim`, `sep`), `quote`, `escape`, `null_value` (`nullstr`),
/// `date_format`, `timestamp_format`, `float_precision`, `float_scientific`, `line_terminator`, `include_bom`; for Parquet
/// `row_group_size`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteOptions {
    format: Option<String>,
    pub(super) partition_by: Vec<String>,
    pub(super) raw: Vec<(String, String)>,
}

impl WriteOptions {
    /// All defaults: the target's ending names the format, and nothing that exists is replaced.
    pub fn new() -> Self {
        Self::default()
    }

    /// `parquet`, `csv`, `json` or `arrow`.
    pub fn format(self, format: impl Into<String>) -> Self {
        WriteOptions { format: Some(format.into()), ..self }
    }

    /// A directory for each value of each of these columns: `year=2013/month=1/`.
    pub fn partition_by(self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        WriteOptions { partition_by: columns.into_iter().map(Into::into).collect(), ..self }
    }

    /// Whether what exists is replaced, in one moment.
    pub fn overwrite(self, overwrite: bool) -> Self {
        self.option("overwrite", overwrite.to_string())
    }

    /// `zstd`, `gzip`, `snappy`, `lz4`, `none` ...
    pub fn compression(self, name: impl Into<String>) -> Self {
        self.option("compression", name)
    }

    /// Any option by its name. An unknown one is an error of the write.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.raw.push((name.into(), value.into()));
        self
    }

    /// The format. Errors: `Plan` if there is none or an unknown one.
    pub(super) fn kind(&self, target: &str) -> Result<FileKind> {
        match &self.format {
            Some(name) => FileKind::by_name(name),
            None => FileKind::of_target(target),
        }
    }
}

/// Options sorted by who obeys them.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) on_existing: OnExisting,
    /// None: the target's form says it.
    pub(super) single_file: Option<bool>,
    /// By DataFusion's names.
    pub(super) of_writer: HashMap<String, String>,
    pub(super) csv: CsvStyle,
}

/// What an option does.
#[derive(Debug, Clone, Copy)]
enum Use {
    Overwrite,
    Append,
    SingleFile,
    Compression,
    CompressionLevel,
    /// A setting of DataFusion's writers.
    Writer(&'static str),
    /// A truth value of theirs.
    Switch(&'static str),
    /// A matter of our own writer of CSV.
    Csv(fn(&mut CsvStyle, &str, &str) -> Result<()>),
}

const COMMON: &[(&str, Use)] = &[
    ("overwrite", Use::Overwrite),
    ("overwrite_or_ignore", Use::Overwrite),
    ("append", Use::Append),
    ("single_file_output", Use::SingleFile),
    ("compression", Use::Compression),
    ("compression_level", Use::CompressionLevel),
];
const CSV: &[(&str, Use)] = &[
    ("header", Use::Switch("has_header")),
    ("has_header", Use::Switch("has_header")),
    ("delimiter", Use::Writer("delimiter")),
    ("delim", Use::Writer("delimiter")),
    ("sep", Use::Writer("delimiter")),
    ("quote", Use::Writer("quote")),
    ("escape", Use::Writer("escape")),
    ("quote_style", Use::Writer("quote_style")),
    ("null_value", Use::Writer("null_value")),
    ("nullstr", Use::Writer("null_value")),
    ("date_format", Use::Writer("date_format")),
    ("dateformat", Use::Writer("date_format")),
    ("timestamp_format", Use::Writer("timestamp_format")),
    ("timestampformat", Use::Writer("timestamp_format")),
    (
        "float_precision",
        Use::Csv(|style, _, value| {
            style.float_precision = Some(csv_style::float_precision(value)?);
            Ok(())
        }),
    ),
    (
        "float_scientific",
        Use::Csv(|style, name, value| {
            style.float_scientific = Some(truth(name, value)?);
            Ok(())
        }),
    ),
    (
        "line_terminator",
        Use::Csv(|style, _, value| {
            style.line_terminator = Some(csv_style::line_terminator(value)?);
            Ok(())
        }),
    ),
    (
        "include_bom",
        Use::Csv(|style, name, value| {
            style.include_bom = truth(name, value)?;
            Ok(())
        }),
    ),
];
const PARQUET: &[(&str, Use)] =
    &[("row_group_size", Use::Writer("max_row_group_size")), ("max_row_group_size", Use::Writer("max_row_group_size"))];

/// Checks the options. Errors: `Plan` for an unknown one, with the nearest, and for values that no option takes.
pub(super) fn settings(kind: FileKind, target: &str, raw: Vec<(String, String)>) -> Result<Settings> {
    let own = match kind {
        FileKind::Csv => CSV,
        FileKind::Parquet => PARQUET,
        FileKind::Json | FileKind::Arrow => &[],
    };
    let mut settings =
        Settings { on_existing: OnExisting::Refuse, single_file: None, of_writer: HashMap::new(), csv: CsvStyle::default() };
    let (mut compression, mut level) = (None, None);
    for (name, value) in raw {
        let name = name.to_lowercase();
        // Settings of DataFusion's by their full names go through as they are.
        if name.contains('.') {
            settings.of_writer.insert(name, value);
            continue;
        }
        let known = COMMON.iter().chain(own);
        let Some((_, use_of)) = known.clone().find(|(option, _)| *option == name) else {
            let hint = names::suggest(&name, known.map(|(option, _)| *option));
            return Err(Error::plan(OP, format!("unknown option `{name}` of {}", kind.name())).hint(hint));
        };
        match use_of {
            Use::Overwrite if truth(&name, &value)? => settings.on_existing = OnExisting::Replace,
            Use::Append if truth(&name, &value)? => settings.on_existing = OnExisting::Append,
            Use::Overwrite | Use::Append => {}
            Use::SingleFile => settings.single_file = Some(truth(&name, &value)?),
            Use::Compression => compression = Some(value),
            Use::CompressionLevel => level = Some(value),
            Use::Writer(setting) => drop(settings.of_writer.insert(format!("format.{setting}"), character(&value))),
            Use::Csv(set) => set(&mut settings.csv, &name, &value)?,
            Use::Switch(setting) => {
                settings.of_writer.insert(format!("format.{setting}"), truth(&name, &value)?.to_string());
            }
        }
    }
    if kind == FileKind::Csv {
        let delimiter = if compression::plain_name(target).ends_with(".tsv") { "\t" } else { "," };
        settings.of_writer.entry("format.delimiter".into()).or_insert_with(|| delimiter.into());
        settings.of_writer.entry("format.has_header".into()).or_insert_with(|| "true".into());
    }
    if let Some(compression) = compressed(kind, target, compression, level)? {
        settings.of_writer.insert("format.compression".into(), compression.name);
        settings.of_writer.extend(compression.level.map(|level| ("format.compression_level".into(), level)));
    }
    Ok(settings)
}

/// A bare option is true.
fn truth(name: &str, value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::plan(OP, format!("option `{name}`: expected true or false, got {value}"))),
    }
}

/// `\t` is the tabulator.
fn character(value: &str) -> String {
    if value == "\\t" { "\t".into() } else { value.into() }
}

struct Compressed {
    name: String,
    level: Option<String>,
}

/// How files are compressed, as DataFusion's writers say it; None: as they do by themselves.
fn compressed(kind: FileKind, target: &str, name: Option<String>, level: Option<String>) -> Result<Option<Compressed>> {
    match kind {
        FileKind::Parquet => name.map(|name| parquet_compression(&name, level)).transpose(),
        FileKind::Csv | FileKind::Json => {
            let by_ending = compression::of_ending(target);
            let said = name.map_or(Ok(None), |name| compression::parse(OP, &name))?;
            let variant = said.unwrap_or(by_ending);
            let name = match variant {
                CompressionTypeVariant::GZIP => "gzip",
                CompressionTypeVariant::BZIP2 => "bzip2",
                CompressionTypeVariant::XZ => "xz",
                CompressionTypeVariant::ZSTD => "zstd",
                CompressionTypeVariant::UNCOMPRESSED => return Ok(None),
            };
            Ok(Some(Compressed { name: name.into(), level }))
        }
        FileKind::Arrow => match name.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("lz4") => Ok(None),
            Some(other) => {
                Err(Error::not_implemented(OP, format!("Arrow files compressed by `{other}`")).hint("they are by lz4"))
            }
        },
    }
}

fn parquet_compression(name: &str, level: Option<String>) -> Result<Compressed> {
    const KNOWN: [(&str, Option<&str>); 7] = [
        ("zstd", Some("3")),
        ("gzip", Some("6")),
        ("brotli", Some("5")),
        ("snappy", None),
        ("lz4", None),
        ("lz4_raw", None),
        ("uncompressed", None),
    ];
    let lower = name.to_lowercase();
    let lower = if lower == "none" { "uncompressed" } else { lower.as_str() };
    // DataFusion's own way: zstd(5)
    if lower.contains('(') {
        return Ok(Compressed { name: lower.into(), level: None });
    }
    let Some((known, default)) = KNOWN.into_iter().find(|(known, _)| *known == lower) else {
        let hint = names::suggest(lower, KNOWN.map(|(known, _)| known));
        return Err(Error::plan(OP, format!("option `compression`: unknown `{name}`")).hint(hint));
    };
    let name = match default {
        Some(default) => format!("{known}({})", level.as_deref().unwrap_or(default)),
        None => known.to_string(),
    };
    Ok(Compressed { name, level: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: FileKind, target: &str, raw: &[(&str, &str)]) -> Result<Settings> {
        settings(kind, target, raw.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    fn get<'a>(settings: &'a Settings, name: &str) -> Option<&'a str> {
        settings.of_writer.get(&format!("format.{name}")).map(String::as_str)
    }

    #[test]
    fn options_become_settings_of_the_writers() {
        let csv = of(FileKind::Csv, "t.tsv.gz", &[("HEADER", "false"), ("nullstr", "NA")]).unwrap();
        assert_eq!(get(&csv, "has_header"), Some("false"));
        assert_eq!(get(&csv, "delimiter"), Some("\t"));
        assert_eq!(get(&csv, "null_value"), Some("NA"));
        assert_eq!(get(&csv, "compression"), Some("gzip"));
        let parquet = of(FileKind::Parquet, "t", &[("compression", "ZSTD"), ("overwrite", "")]).unwrap();
        assert_eq!(get(&parquet, "compression"), Some("zstd(3)"));
        assert_eq!(parquet.on_existing, OnExisting::Replace);
    }

    #[test]
    fn unknown_options_and_values_are_plan_errors() {
        let message = of(FileKind::Csv, "t.csv", &[("heder", "1")]).unwrap_err().to_string();
        assert_eq!(message, "copy: unknown option `heder` of csv; hint: did you mean `header`?");
        assert_eq!(of(FileKind::Parquet, "t", &[("compression", "zst")]).unwrap_err().kind(), "Plan");
        assert_eq!(of(FileKind::Json, "t", &[("overwrite", "maybe")]).unwrap_err().kind(), "Plan");
    }
}
