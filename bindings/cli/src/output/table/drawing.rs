//! The drawn table for whoever has rows and a screen: notebooks' and Python's frames too.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use gradframe::{Error, Result};

use super::grid::{self, Column};
use super::{printable, types};

pub use super::grid::Drawn;
pub use super::texts::texts;

/// No number has more characters: those are never cut.
const NUMBER_CHARS_MAX: usize = 100;

/// How cells and types are written.
#[derive(Clone, Copy)]
pub struct Words {
    /// What stands for a null.
    pub null: &'static str,
    /// A type below its column's name.
    pub type_name: fn(&Field) -> String,
}

/// The rows as a table of at most `width` characters, if given. `gap` is the index of the row before which rows were left
/// out. Errors: `Execution` for a column that cannot be written.
pub fn draw(schema: &SchemaRef, rows: &[RecordBatch], words: Words, width: Option<usize>, gap: Option<usize>) -> Result<Drawn> {
    let columns = schema.fields().iter().enumerate().map(|(i, field)| {
        let cells =
            rows.iter().map(|batch| cells(batch, i, words.null, cell_chars_max(width))).collect::<Result<Vec<_>>>()?.concat();
        let (name, type_name) = (printable(field.name(), false), (words.type_name)(field));
        Ok(Column { name, type_name, is_number: types::is_number(field.data_type()), cells })
    });
    Ok(grid::draw(&columns.collect::<Result<Vec<_>>>()?, width, gap))
}

fn cells(rows: &RecordBatch, column: usize, null: &str, chars_max: usize) -> Result<Vec<String>> {
    let texts = texts(rows.column(column), null, chars_max).map_err(|error| unwritten(rows.schema().field(column), error))?;
    Ok(texts.iter().map(|text| printable(text, false)).collect())
}

/// What is longer than a line is cut in any case: it need not be measured whole.
pub(super) fn cell_chars_max(width: Option<usize>) -> usize {
    width.map_or(usize::MAX, |width| width.max(NUMBER_CHARS_MAX).saturating_add(1))
}

/// An error of a column that cannot be written.
pub fn unwritten(column: &Field, error: ArrowError) -> Error {
    Error::execution("print", format!("column `{}` of {} cannot be written: {error}", column.name(), column.data_type()))
}
