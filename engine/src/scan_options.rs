//! How files are to be read.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;

/// Options of [`crate::Session::scan_csv`], the same as those of `read_csv` in SQL. What is not set has the default
/// of `read_csv`.
///
/// ```
/// use gradframe::CsvOptions;
///
/// let options = CsvOptions::new().header(false).null_value("?").trim(true);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CsvOptions {
    arguments: Vec<(String, ScalarValue)>,
}

impl CsvOptions {
    /// All defaults: a header line, commas, double quotes, nulls are empty fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the first line names the columns.
    pub fn header(self, header: bool) -> Self {
        self.option("header", header)
    }

    /// The character between fields.
    pub fn delimiter(self, delimiter: char) -> Self {
        self.option("delimiter", delimiter.to_string())
    }

    /// The character around fields that hold delimiters.
    pub fn quote(self, quote: char) -> Self {
        self.option("quote", quote.to_string())
    }

    /// A text that means null.
    pub fn null_value(self, text: impl Into<String>) -> Self {
        self.option("null_value", text.into())
    }

    /// Whether spaces around fields are dropped.
    pub fn trim(self, trim: bool) -> Self {
        self.option("trim", trim)
    }

    /// Any option of `read_csv` by its name. An unknown one is an error of the scan.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
        self.arguments.push((name.into(), value.into()));
        self
    }

    /// The options by name, as [`crate::Session::scan_files`] takes them.
    pub fn into_arguments(self) -> Vec<(String, ScalarValue)> {
        self.arguments
    }
}

/// Options that all formats have, for [`crate::Session::scan_files`].
///
/// ```
/// use gradframe::ScanOptions;
///
/// let options = ScanOptions::new().union_by_name(true).filename("file").column_type("zip", "VARCHAR");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanOptions {
    arguments: Vec<(String, ScalarValue)>,
    types: Vec<(String, String)>,
}

impl ScanOptions {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether files may lack columns that others have; such columns are null.
    pub fn union_by_name(self, union: bool) -> Self {
        self.option("union_by_name", union)
    }

    /// A column of this name with the path of each row's file.
    pub fn filename(self, name: impl Into<String>) -> Self {
        self.option("filename", name.into())
    }

    /// Whether directories like `year=2013` become columns.
    pub fn hive_partitioning(self, partitions: bool) -> Self {
        self.option("hive_partitioning", partitions)
    }

    /// A column's type by its name in SQL, whatever the files say.
    pub fn column_type(mut self, column: impl Into<String>, sql_type: impl Into<String>) -> Self {
        self.types.push((column.into(), sql_type.into()));
        self
    }

    /// Any option of the reading function by its name. An unknown one is an error of the scan.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
        self.arguments.push((name.into(), value.into()));
        self
    }

    /// The options by name, as [`crate::Session::scan_files`] takes them.
    pub fn into_arguments(self) -> Vec<(String, ScalarValue)> {
        let mut arguments = self.arguments;
        if !self.types.is_empty() {
            let columns = self.types.into_iter().map(|(column, name)| {
                let field = Arc::new(Field::new(column, DataType::Utf8, false));
                (field, Arc::new(StringArray::from(vec![name])) as ArrayRef)
            });
            arguments.push(("types".into(), ScalarValue::Struct(Arc::new(StructArray::from(columns.collect::<Vec<_>>())))));
        }
        arguments
    }
}
