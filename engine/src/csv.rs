//! How a CSV file is to be read.

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
