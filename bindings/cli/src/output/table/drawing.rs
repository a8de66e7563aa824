//! The drawn table for whoever has rows and a screen: notebooks' and Python's frames too.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use gradframe::Result;

use super::grid::{self, Column};
use super::{printable, types, written};

pub use super::grid::Drawn;

/// How cells and types are written.
#[derive(Clone, Copy)]
pub struct Words {
    /// What stands for a null.
    pub null: &'static str,
    /// A type below its column's name.
    pub type_name: fn(&Field) -> String,
}

/// The rows as a table of at most `width` characters, if given. `gap` is the index of the row before which rows were left
/// out. Errors: `Internal` for a column that cannot be written.
pub fn draw(schema: &SchemaRef, rows: &[RecordBatch], words: Words, width: Option<usize>, gap: Option<usize>) -> Result<Drawn> {
    let columns = schema.fields().iter().enumerate().map(|(i, field)| {
        let cells = rows.iter().map(|batch| cells(batch, i, words)).collect::<Result<Vec<_>>>()?.concat();
        let (name, type_name) = (printable(field.name(), false), (words.type_name)(field));
        Ok(Column { name, type_name, is_number: types::is_number(field.data_type()), cells })
    });
    Ok(grid::draw(&columns.collect::<Result<Vec<_>>>()?, width, gap))
}

fn cells(rows: &RecordBatch, column: usize, words: Words) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_display_error(true).with_null(words.null);
    let values = ArrayFormatter::try_new(rows.column(column), &options).map_err(written)?;
    Ok((0..rows.num_rows()).map(|row| printable(&values.value(row).to_string(), false)).collect())
}
