//! Columns that are written in paths: `sales/year=2013/month=1/part-0.parquet`.

use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, Date32Type, Field, FieldRef};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use percent_encoding::percent_decode_str;

use super::selection::FoundFile;

/// How Hive and Spark write a null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns of a table that come from its files' paths.
#[derive(Debug, Clone, Default)]
pub(super) struct PathColumns {
    function: &'static str,
    /// The partition columns, then the one with the path itself.
    fields: Vec<FieldRef>,
    has_filename: bool,
}

impl PathColumns {
    /// The columns in the paths of all files: int64 or date where every value is one, else utf8.
    /// Errors: `Plan` if the files disagree on the columns' names.
    pub(super) fn infer(function: &'static str, files: &[FoundFile]) -> Result<Self> {
        let Some(first) = files.first() else { return Ok(PathColumns { function, ..PathColumns::default() }) };
        let names: Vec<&str> = pairs(&first.name).map(|(name, _)| name).collect();
        for file in files {
            if !pairs(&file.name).map(|(name, _)| name).eq(names.iter().copied()) {
                let what = format!("`{}` and `{}` have other partition columns in their paths", first.name, file.name);
                return Err(Error::plan(function, what).hint("read them apart, or with hive_partitioning => false"));
            }
        }
        let field = |(i, name): (usize, &&str)| {
            let values = files.iter().filter_map(|file| pairs(&file.name).nth(i)).map(|(_, value)| decode(value));
            Field::new(*name, data_type(values.collect()), true).into()
        };
        Ok(PathColumns { function, fields: names.iter().enumerate().map(field).collect(), has_filename: false })
    }

    /// No columns, whatever the paths say.
    pub(super) fn none(function: &'static str) -> Self {
        PathColumns { function, ..PathColumns::default() }
    }

    /// And one with the path itself, if it has a name.
    pub(super) fn with_filename(mut self, name: Option<String>) -> Self {
        self.has_filename = name.is_some();
        self.fields.extend(name.map(|name| Field::new(name, DataType::Utf8, false).into()));
        self
    }

    /// The columns, outermost directory first.
    pub(super) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// A file's values of the columns. Errors: `Execution` if a file that came later has other columns or types.
    pub(super) fn values(&self, file: &FoundFile) -> Result<Vec<ScalarValue>> {
        let unfit = || {
            let what = format!("the path of `{}` does not fit the partition columns found when the table was opened", file.name);
            Error::execution(self.function, what)
        };
        let partitions = self.fields.len() - usize::from(self.has_filename);
        let filename = self.has_filename.then(|| Ok(ScalarValue::from(file.name.as_str())));
        self.fields[..partitions]
            .iter()
            .map(|field| {
                let (_, value) = pairs(&file.name).find(|(name, _)| name == field.name()).ok_or_else(unfit)?;
                value_of(&decode(value), field.data_type()).ok_or_else(unfit)
            })
            .chain(filename)
            .collect()
    }
}

/// `name=value` directories of a path.
fn pairs(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let directories = path.rsplit_once(['/', '\\']).map_or("", |(directories, _)| directories);
    directories.split(['/', '\\']).filter_map(|part| part.split_once('=')).filter(|(name, _)| !name.is_empty())
}

fn decode(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

fn data_type(values: Vec<String>) -> DataType {
    let fits = |data_type: &DataType| values.iter().all(|value| value_of(value, data_type).is_some());
    let all_null = values.iter().all(|value| value == NULL);
    [DataType::Int64, DataType::Date32].into_iter().find(|candidate| !all_null && fits(candidate)).unwrap_or(DataType::Utf8)
}

fn value_of(value: &str, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        _ if value == NULL => ScalarValue::try_from(data_type).ok(),
        DataType::Int64 => value.parse().ok().map(|number| ScalarValue::Int64(Some(number))),
        DataType::Date32 if value.len() == 10 => Date32Type::parse(value).map(|days| ScalarValue::Date32(Some(days))),
        DataType::Utf8 => Some(ScalarValue::from(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectMeta;

    use super::*;

    fn files(names: &[&str]) -> Vec<FoundFile> {
        let meta = |name: &str| ObjectMeta {
            location: name.into(),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size: 0,
            e_tag: None,
            version: None,
        };
        names.iter().map(|name| FoundFile { name: name.to_string(), meta: meta(name) }).collect()
    }

    fn types(names: &[&str]) -> Vec<DataType> {
        let columns = PathColumns::infer("read_parquet", &files(names)).unwrap();
        columns.fields().iter().map(|field| field.data_type().clone()).collect()
    }

    #[test]
    fn types_come_from_all_values() {
        assert_eq!(types(&["t/year=2013/a", "t/year=2014/b"]), [DataType::Int64]);
        assert_eq!(types(&["t/day=2013-01-01/a", "t/day=2013-02-01/b"]), [DataType::Date32]);
        assert_eq!(types(&["t/k=1/a", "t/k=x/b"]), [DataType::Utf8]);
        assert_eq!(types(&["t/k=1/a", "t/k=__HIVE_DEFAULT_PARTITION__/b"]), [DataType::Int64]);
        assert_eq!(types(&["plain/a=b.parquet"]), []);
    }

    #[test]
    fn values_are_decoded_and_nulls_are_null() {
        let found = files(&["t/k=a%20b/x", "t/k=__HIVE_DEFAULT_PARTITION__/x"]);
        let columns = PathColumns::infer("read_parquet", &found).unwrap();
        assert_eq!(columns.values(&found[0]).unwrap(), [ScalarValue::from("a b")]);
        assert_eq!(columns.values(&found[1]).unwrap(), [ScalarValue::Utf8(None)]);
    }

    #[test]
    fn files_that_disagree_are_refused() {
        let error = PathColumns::infer("read_parquet", &files(&["t/a=1/x", "t/b=1/x"])).unwrap_err();
        assert_eq!(error.kind(), "Plan");
    }
}
