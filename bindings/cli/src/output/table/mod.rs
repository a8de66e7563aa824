//! The drawn table: a bounded number of rows, types under the header, and a line that says how many rows there are.

pub mod drawing;
mod grid;
mod kept;
mod texts;
mod types;

use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use gradframe::Result;

use super::sinks::flush;
use super::{Out, Sink, written};
use crate::statements::describe_time;
use grid::Column;
use kept::KeptRows;

pub use types::type_name;

/// Borders, header, types and footer.
const LINES_AROUND_ROWS: usize = 6;

/// How a table is drawn.
#[derive(Debug, Clone)]
pub struct TableStyle {
    /// Written before all else.
    pub heading: String,
    /// At most so many rows; 0 is all.
    pub rows_max: usize,
    /// What to say of how to see all of them.
    pub all_rows_hint: &'static str,
    /// Characters of a line; None is as many as it takes.
    pub width: Option<usize>,
    /// From so many lines on the width does not count: the table goes to a pager that scrolls sideways.
    pub lines_uncut: Option<usize>,
    /// One line a column.
    pub expanded: bool,
    /// When the statement began, if its time is to be shown.
    pub started: Option<Instant>,
}

/// Keeps the rows that are shown and counts the others.
pub struct TableSink {
    schema: SchemaRef,
    style: TableStyle,
    kept: KeptRows,
    out: Out,
}

impl TableSink {
    /// Draws in this style when all rows are there.
    pub fn new(schema: SchemaRef, style: TableStyle, out: Out) -> Self {
        let rows_max = if style.rows_max == 0 || is_plan(&schema) { usize::MAX } else { style.rows_max };
        TableSink { schema, style, kept: KeptRows::new(rows_max), out }
    }

    fn text(&self) -> Result<String> {
        let (batches, gap) = self.kept.shown();
        if is_plan(&self.schema) {
            return plan_text(&batches);
        }
        let lines = batches.iter().map(RecordBatch::num_rows).sum::<usize>() + LINES_AROUND_ROWS;
        let width = self.style.width.filter(|_| self.style.lines_uncut.is_none_or(|uncut| lines < uncut));
        let columns = self.columns(&batches, if self.style.expanded { None } else { width })?;
        if self.style.expanded {
            return Ok(format!(
                "{}{}\n",
                grid::draw_expanded(&columns, &self.row_numbers(&columns, gap)),
                self.footer(columns.len())
            ));
        }
        let drawn = grid::draw(&columns, width, gap);
        Ok(format!("{}{}\n", drawn.text, self.footer(drawn.columns_shown)))
    }

    fn columns(&self, batches: &[RecordBatch], width: Option<usize>) -> Result<Vec<Column>> {
        let chars_max = drawing::cell_chars_max(width);
        let column = |(i, field): (usize, &arrow::datatypes::FieldRef)| {
            let cells =
                batches.iter().map(|batch| cells(batch.column(i), self.style.expanded, chars_max)).collect::<Result<Vec<_>>>()?;
            let (type_name, is_number) = (type_name(field.data_type()), types::is_number(field.data_type()));
            Ok(Column { name: printable(field.name(), false), type_name, is_number, cells: cells.concat() })
        };
        self.schema.fields().iter().enumerate().map(column).collect()
    }

    /// Counted from 1, past the gap from the end.
    fn row_numbers(&self, columns: &[Column], gap: Option<usize>) -> Vec<usize> {
        let shown = columns.first().map_or(0, |column| column.cells.len());
        let left_out = self.kept.rows - shown;
        (1..=shown).map(|row| if gap.is_some_and(|gap| row > gap) { row + left_out } else { row }).collect()
    }

    /// `(100 rows, 40 shown, --max-rows 0 shows all; 30 columns, 8 shown; 12 ms)`
    fn footer(&self, columns_shown: usize) -> String {
        let (rows, columns) = (self.kept.rows, self.schema.fields().len());
        let mut parts = vec![format!("{rows} {}", if rows == 1 { "row" } else { "rows" })];
        if self.style.rows_max != 0 && rows > self.style.rows_max {
            parts[0] += &format!(", {} shown, {} shows all", self.style.rows_max, self.style.all_rows_hint);
        }
        if columns_shown < columns {
            parts.push(format!("{columns} columns, {columns_shown} shown"));
        }
        parts.extend(self.style.started.map(|started: Instant| describe_time(started.elapsed())));
        format!("({})", parts.join("; "))
    }
}

impl Sink for TableSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.kept.push(batch);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let text = std::mem::take(&mut self.style.heading) + &self.text()?;
        self.out.write_all(text.as_bytes()).map_err(|error| written(error.into()))?;
        flush(self.out)
    }
}

/// The column's values as texts of one line each, or of several where `lines` are allowed.
fn cells(column: &ArrayRef, lines: bool, chars_max: usize) -> Result<Vec<String>> {
    let texts = texts::texts(column, "NULL", chars_max).map_err(written)?;
    Ok(texts.iter().map(|text| printable(text, lines)).collect())
}

/// Without characters that would move the cursor or change colours.
fn printable(text: &str, lines: bool) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let escaped = |c: char| match c {
        '\n' if lines => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// EXPLAIN's answer reads better as plain lines than inside a box.
fn is_plan(schema: &SchemaRef) -> bool {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

fn plan_text(batches: &[RecordBatch]) -> Result<String> {
    let mut text = String::new();
    for batch in batches {
        let plans = ArrayFormatter::try_new(batch.column(1), &FormatOptions::default()).map_err(written)?;
        let kinds = ArrayFormatter::try_new(batch.column(0), &FormatOptions::default()).map_err(written)?;
        for row in 0..batch.num_rows() {
            text.push_str(&format!("-- {}\n{}\n", kinds.value(row), plans.value(row).to_string().trim_end()));
        }
    }
    Ok(text)
}

/// The line that a statement without a result leaves at the prompt.
pub fn done_line(elapsed: Duration) -> String {
    format!("(done; {})", describe_time(elapsed))
}
