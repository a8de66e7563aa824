//! What of CSV is a matter of taste: how floats are written, how lines end, whether a file begins by saying that it is UTF-8.

use std::fmt::{Display, LowerExp};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::csv::WriterBuilder;
use arrow::csv::writer::Terminator;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::error::Result;
use gradframe_ml_core::Error;

use super::OP;
use super::csv::of_columns;

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();
/// More digits than the longest float has behind its point.
const PRECISION_MAX: usize = 1074;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct CsvStyle {
    /// Digits behind the point; None: as many as tell a float from its neighbours.
    pub(super) float_precision: Option<usize>,
    /// With an exponent always or never; None: where that is shorter.
    pub(super) float_scientific: Option<bool>,
    pub(super) line_terminator: Option<Terminator>,
    pub(super) include_bom: bool,
}

impl CsvStyle {
    /// The builder of a writer that ends its lines so.
    pub(super) fn lines_ended(&self, builder: WriterBuilder) -> WriterBuilder {
        match &self.line_terminator {
            Some(terminator) => builder.with_line_terminator(terminator.clone()),
            None => builder,
        }
    }

    /// The batch with its floats as texts, where they are not to be written as they are by themselves.
    pub(super) fn floats_written(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let is_plain = self.float_precision.is_none() && self.float_scientific.is_none();
        if is_plain || !batch.columns().iter().any(|column| column.data_type().is_floating()) {
            return Ok(batch);
        }
        let columns = batch.columns().iter().map(|column| self.written(column)).collect::<Result<Vec<_>>>()?;
        of_columns(&batch, columns)
    }

    fn written(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let texts: StringArray = match column.data_type() {
            DataType::Float16 => return self.written(&cast(column, &DataType::Float32)?),
            DataType::Float32 => column.as_primitive::<Float32Type>().iter().map(|x| x.map(|x| self.text(x))).collect(),
            DataType::Float64 => column.as_primitive::<Float64Type>().iter().map(|x| x.map(|x| self.text(x))).collect(),
            _ => return Ok(Arc::clone(column)),
        };
        Ok(Arc::new(texts))
    }

    fn text(&self, float: impl Display + LowerExp) -> String {
        match (self.float_scientific, self.float_precision) {
            (Some(true), Some(digits)) => format!("{float:.digits$e}"),
            (Some(true), None) => format!("{float:e}"),
            (_, Some(digits)) => format!("{float:.digits$}"),
            (_, None) => float.to_string(),
        }
    }

    /// The first bytes of a file.
    pub(super) fn begun(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.include_bom { [BYTE_ORDER_MARK, &bytes].concat() } else { bytes }
    }
}

/// How lines end. Errors: `Plan` for what is neither one character of ASCII nor `\r\n`.
pub(super) fn line_terminator(value: &str) -> gradframe_ml_core::Result<Terminator> {
    match value.as_bytes() {
        b"\r\n" => Ok(Terminator::CRLF),
        [byte] => Ok(Terminator::Any(*byte)),
        _ => {
            let what = format!("option `line_terminator`: expected one character of ASCII, or \\r\\n, got {value:?}");
            Err(Error::plan(OP, what))
        }
    }
}

/// Digits behind the point. Errors: `Plan` for what is no such number.
pub(super) fn float_precision(value: &str) -> gradframe_ml_core::Result<usize> {
    let digits = value.parse().ok().filter(|digits| *digits <= PRECISION_MAX);
    digits.ok_or_else(|| {
        let what = format!("option `float_precision`: expected a whole number from 0 to {PRECISION_MAX}, got {value}");
        Error::plan(OP, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_asked_for() {
        let style = |float_precision, float_scientific| CsvStyle { float_precision, float_scientific, ..Default::default() };
        assert_eq!(style(Some(2), None).text(0.125), "0.12");
        assert_eq!(style(Some(0), None).text(1.5), "2");
        assert_eq!(style(Some(1), Some(true)).text(-1234.5), "-1.2e3");
        assert_eq!(style(None, Some(true)).text(0.1_f32), "1e-1");
        assert_eq!(style(None, Some(false)).text(1e21), "1000000000000000000000");
        assert_eq!(style(Some(2), None).text(f64::NAN), "NaN");
    }

    #[test]
    fn what_no_writer_can_do_is_an_error_before_it_begins() {
        for wrong in ["", "ab", "\n\r", "ß"] {
            assert_eq!(line_terminator(wrong).unwrap_err().kind(), "Plan");
        }
        for wrong in ["-1", "x", "1075"] {
            assert_eq!(float_precision(wrong).unwrap_err().kind(), "Plan");
        }
    }
}
