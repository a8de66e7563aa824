//! How frames look: a drawn table on a terminal, an HTML table in a notebook.

mod type_names;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use gradframe::Result;
use gradframe_cli::drawing::{self, Words};
use pyo3::prelude::*;

pub use type_names::type_name;

/// What stands for a null.
const NULL: &str = "null";

/// Characters of a cell in a notebook; what is longer ends in an ellipsis.
const HTML_CELL_CHARS_MAX: usize = 200;
/// Columns of a table in a notebook, the first ones.
const HTML_COLUMNS_MAX: usize = 60;

/// Characters of a line, as `gradframe/_display.py` says.
pub fn width(py: Python<'_>) -> PyResult<Option<usize>> {
    py.import("gradframe._display")?.getattr("width")?.call0()?.extract()
}

/// As many of the rows as are to be drawn.
pub fn shown(py: Python<'_>, batches: &[RecordBatch]) -> PyResult<Shown> {
    Ok(Shown::of(batches, py.import("gradframe._display")?.getattr("rows_max")?.call0()?.extract()?))
}

/// Some of a frame's rows: the first and, past a gap, the last.
pub struct Shown {
    pub batches: Vec<RecordBatch>,
    /// The index of the row before which rows were left out.
    pub gap: Option<usize>,
}

impl Shown {
    /// At most `rows_max` rows of these.
    pub fn of(batches: &[RecordBatch], rows_max: usize) -> Self {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows <= rows_max {
            return Shown { batches: batches.to_vec(), gap: None };
        }
        let head = rows_max.div_ceil(2);
        let mut shown = slice(batches, 0, head);
        shown.extend(slice(batches, rows - (rows_max - head), rows_max - head));
        Shown { batches: shown, gap: Some(head) }
    }
}

/// `length` rows from `offset` on.
pub fn slice(batches: &[RecordBatch], mut offset: usize, mut length: usize) -> Vec<RecordBatch> {
    let mut sliced = vec![];
    for batch in batches {
        let skipped = offset.min(batch.num_rows());
        let taken = length.min(batch.num_rows() - skipped);
        if taken > 0 {
            sliced.push(batch.slice(skipped, taken));
        }
        (offset, length) = (offset - skipped, length - taken);
        if length == 0 {
            break;
        }
    }
    sliced
}

/// The rows as a drawn table, cut to `width` characters. The last line names what was left out.
pub fn text(schema: &SchemaRef, shown: &Shown, width: Option<usize>) -> Result<String> {
    let words = Words { null: NULL, type_name };
    let drawn = drawing::draw(schema, &shown.batches, words, width, shown.gap)?;
    let left_out = schema.fields().len() - drawn.columns_shown;
    let note = if left_out > 0 { format!("… {left_out} more columns\n") } else { String::new() };
    Ok(format!("{}{note}", drawn.text))
}

/// The rows as an HTML table: the first columns, and the beginnings of long cells.
pub fn html(schema: &SchemaRef, shown: &Shown) -> Result<String> {
    let head = |field: &arrow::datatypes::FieldRef| {
        format!("<th>{}<br><small>{}</small></th>", escaped(field.name()), escaped(&type_name(field)))
    };
    let columns = schema.fields().len();
    let mut head: String = schema.fields().iter().take(HTML_COLUMNS_MAX).map(head).collect();
    if columns > HTML_COLUMNS_MAX {
        head += &format!("<th>&hellip;<br><small>{} more columns</small></th>", columns - HTML_COLUMNS_MAX);
    }
    let mut rows = vec![];
    for batch in &shown.batches {
        rows.extend(html_rows(batch)?);
    }
    if let Some(gap) = shown.gap {
        rows.insert(gap, format!("<tr>{}</tr>", "<td>&hellip;</td>".repeat(columns.min(HTML_COLUMNS_MAX + 1))));
    }
    Ok(format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table>", rows.join("\n")))
}

fn html_rows(batch: &RecordBatch) -> Result<Vec<String>> {
    let mut rows = vec![String::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()).take(HTML_COLUMNS_MAX) {
        let texts = drawing::texts(column, NULL, HTML_CELL_CHARS_MAX).map_err(|error| drawing::unwritten(field, error))?;
        for (row, text) in rows.iter_mut().zip(texts) {
            *row += &format!("<td>{}</td>", escaped(&text));
        }
    }
    let left_out = if batch.num_columns() > HTML_COLUMNS_MAX { "<td>&hellip;</td>" } else { "" };
    Ok(rows.into_iter().map(|cells| format!("<tr>{cells}{left_out}</tr>")).collect())
}

/// Text that a browser shows as it is: what a frame holds is anybody's.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
