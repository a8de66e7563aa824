//! The columns of a CSV file, from its first rows.

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use gradframe_ml_core::{Error, Result};
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};

use super::FUNCTION;
use super::diagnose;
use super::kind::Kind;
use super::options::ReadOptions;
use crate::files::error::bad_file;
use crate::files::selection::FoundFile;
use crate::files::unify::FileColumns;

/// So much of a file in a remote store is read to infer its columns.
const REMOTE_BYTES: usize = 8 << 20;

/// What the beginning of a file says.
#[derive(Debug)]
pub(super) struct Sample {
    /// The file, for errors.
    file: String,
    /// Columns' names, all different.
    pub(super) names: Vec<String>,
    /// Columns' kinds.
    kinds: Vec<Kind>,
    /// Whether the first record is a header.
    pub(super) header: bool,
}

impl Sample {
    /// The file's columns.
    pub(super) fn columns(self) -> FileColumns {
        let columns = self.names.iter().zip(&self.kinds);
        let fields = columns.map(|(name, kind)| Arc::new(Field::new(name, kind.data_type(), true))).collect();
        FileColumns { file: self.file, fields, rows: None }
    }
}

/// Reads up to `rows` records of a file.
pub(super) async fn read(store: &Arc<dyn ObjectStore>, file: &FoundFile, options: &ReadOptions, rows: usize) -> Result<Sample> {
    let beginning = open(store, file, options).await.map_err(|e| bad_file(FUNCTION, &file.name, e))?;
    let records = Records::read(beginning, &file.name, options, rows)?;
    records.into_sample(&file.name, options)
}

/// The file's text, or of a remote one its beginning.
async fn open(
    store: &Arc<dyn ObjectStore>,
    file: &FoundFile,
    options: &ReadOptions,
) -> Result<Box<dyn Read + Send>, DataFusionError> {
    let compression = options.dialect.compression(&file.name);
    match store.get(&file.meta.location).await?.payload {
        GetResultPayload::File(file, _) => compression.convert_read(file),
        GetResultPayload::Stream(stream) => {
            let mut text = compression.convert_stream(stream.map_err(DataFusionError::from).boxed())?;
            let mut beginning = Vec::new();
            while beginning.len() < REMOTE_BYTES
                && let Some(chunk) = text.try_next().await?
            {
                beginning.extend_from_slice(&chunk);
            }
            // A record cut in two must not be judged; the newline may be in quotes, but so early only in one record.
            if beginning.len() >= REMOTE_BYTES {
                beginning.truncate(beginning.iter().rposition(|&byte| byte == b'\n').map_or(beginning.len(), |end| end + 1));
            }
            Ok(Box::new(Cursor::new(beginning)))
        }
    }
}

/// The first records, the first of all apart: it may be a header.
struct Records {
    first: Vec<String>,
    first_kinds: Vec<Kind>,
    /// Of the records after the first.
    kinds: Vec<Kind>,
}

impl Records {
    fn read(text: Box<dyn Read + Send>, file: &str, options: &ReadOptions, rows: usize) -> Result<Self> {
        let broken = |e: std::io::Error| Error::execution(FUNCTION, format!("`{file}`: {e}")).because(e);
        let mut reader = options.dialect.records(text).map_err(broken)?;
        let mut record = csv::ByteRecord::new();
        let mut records: Option<Records> = None;
        for _ in 0..=rows {
            if !reader
                .read_byte_record(&mut record)
                .map_err(|e| Error::execution(FUNCTION, format!("`{file}`: {e}")).because(e))?
            {
                break;
            }
            let line = options.dialect.line(&record);
            let expected = records.as_ref().map_or(record.len(), |records| records.first.len());
            let values = diagnose::checked(file, line, &record, expected)?;
            match &mut records {
                Some(records) => records.add(&values, options),
                None => records = Some(Records::begin(&values, options)),
            }
        }
        records.ok_or_else(|| Error::execution(FUNCTION, format!("`{file}` is empty: it has no columns")))
    }

    fn begin(values: &[&str], options: &ReadOptions) -> Self {
        let first = values.iter().map(|value| value.trim().to_string()).collect();
        let first_kinds = values.iter().map(|value| kind(value, options)).collect();
        Records { first, first_kinds, kinds: vec![Kind::Unknown; values.len()] }
    }

    fn add(&mut self, values: &[&str], options: &ReadOptions) {
        for (column, value) in self.kinds.iter_mut().zip(values) {
            if *column != Kind::Text {
                *column = column.or(kind(value, options));
            }
        }
    }

    fn into_sample(self, file: &str, options: &ReadOptions) -> Result<Sample> {
        let header = options.dialect.header.unwrap_or_else(|| self.first_looks_like_header());
        let kinds = match header {
            true => self.kinds,
            false => self.kinds.iter().zip(&self.first_kinds).map(|(rest, first)| rest.or(*first)).collect(),
        };
        let names = match (&options.names, header) {
            (Some(names), _) if names.len() == kinds.len() => names.clone(),
            (Some(names), _) => {
                let what = format!("option `names` has {} names, `{file}` has {} columns", names.len(), kinds.len());
                return Err(Error::plan(FUNCTION, what));
            }
            (None, true) => distinct(self.first),
            (None, false) => (1..=kinds.len()).map(|i| format!("column_{i}")).collect(),
        };
        let kinds = if options.all_varchar { vec![Kind::Text; kinds.len()] } else { kinds };
        Ok(Sample { file: file.to_string(), names, kinds, header })
    }

    /// A header is all text, and either names every column or stands over a column of something else.
    fn first_looks_like_header(&self) -> bool {
        let all_text = self.first_kinds.iter().all(|kind| matches!(kind, Kind::Text | Kind::Unknown));
        let over_values = self.kinds.iter().any(|kind| !matches!(kind, Kind::Text | Kind::Unknown));
        all_text && (over_values || self.first.iter().all(|name| !name.is_empty()))
    }
}

fn kind(value: &str, options: &ReadOptions) -> Kind {
    let value = if options.trim { value.trim() } else { value };
    if value.is_empty() || options.nulls.iter().any(|null| null == value) { Kind::Unknown } else { Kind::of(value) }
}

/// Names without gaps or repetitions: `column_2` for an empty one, `a_1` for a second `a`.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::with_capacity(names.len());
    for (i, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() { format!("column_{}", i + 1) } else { name };
        let free =
            (0..).map(|n| if n == 0 { name.clone() } else { format!("{name}_{n}") }).find(|candidate| !taken.contains(candidate));
        taken.extend(free);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_distinct() {
        let names = ["a", "", "a", "a_1", "a"].map(String::from).to_vec();
        assert_eq!(distinct(names), ["a", "column_2", "a_1", "a_1_1", "a_2"]);
    }
}
