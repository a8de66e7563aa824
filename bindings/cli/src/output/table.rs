//! The drawn table: a bounded number of rows, and a line that says how many there are.

use arrow::array::RecordBatchOptions;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_options;
use gradframe::{Error, Result};

use super::sinks::flush;
use super::{Out, Sink, written};

/// Keeps the first rows and counts the others.
pub struct TableSink {
    schema: SchemaRef,
    rows_max: usize,
    rows: usize,
    kept: Vec<RecordBatch>,
    out: Out,
}

impl TableSink {
    /// Shows at most `rows_max` rows; 0 shows all.
    pub fn new(schema: SchemaRef, rows_max: usize, out: Out) -> Self {
        let rows_max = if rows_max == 0 { usize::MAX } else { rows_max };
        TableSink { schema, rows_max, rows: 0, kept: Vec::new(), out }
    }

    fn footer(&self) -> String {
        let noun = if self.rows == 1 { "row" } else { "rows" };
        if self.rows > self.rows_max {
            return format!("({} {noun}, first {} shown; --max-rows 0 shows all)", self.rows, self.rows_max);
        }
        format!("({} {noun})", self.rows)
    }

    fn draw(&self) -> Result<String> {
        let options = FormatOptions::default().with_display_error(true).with_null("NULL");
        let empty = [empty_batch(&self.schema)?];
        let batches = if self.kept.is_empty() { &empty[..] } else { &self.kept[..] };
        match pretty_format_batches_with_options(batches, &options) {
            Ok(table) => Ok(table.to_string()),
            Err(error) => Err(Error::execution("gradframe sql", format!("cannot draw the result: {error}"))),
        }
    }
}

fn empty_batch(schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|f| arrow::array::new_empty_array(f.data_type())).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(0));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(written)
}

impl Sink for TableSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let room = self.rows_max.saturating_sub(self.rows).min(batch.num_rows());
        if room > 0 {
            self.kept.push(batch.slice(0, room));
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let text = if self.is_plan() { self.plan_text()? } else { format!("{}\n{}\n", self.draw()?, self.footer()) };
        self.out.write_all(text.as_bytes()).map_err(|error| written(error.into()))?;
        flush(self.out)
    }
}

impl TableSink {
    /// EXPLAIN's answer reads better as plain lines than inside a box.
    fn is_plan(&self) -> bool {
        let names: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        names == ["plan_type", "plan"]
    }

    fn plan_text(&self) -> Result<String> {
        let mut text = String::new();
        for batch in &self.kept {
            let plans = ArrayFormatter::try_new(batch.column(1), &FormatOptions::default()).map_err(written)?;
            let kinds = ArrayFormatter::try_new(batch.column(0), &FormatOptions::default()).map_err(written)?;
            for row in 0..batch.num_rows() {
                text.push_str(&format!("-- {}\n{}\n", kinds.value(row), plans.value(row).to_string().trim_end()));
            }
        }
        Ok(text)
    }
}
