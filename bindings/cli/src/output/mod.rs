//! Writes a stream of batches in the format asked for, to a file or standard output.

mod json_floats;
mod pager;
mod partial;
mod pipe;
mod sinks;
mod table;

use std::fs::OpenOptions;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use gradframe::{Error, Result, from_datafusion};

use crate::args::{Format, OutputArgs};
use crate::exit::{self, Stop};
use crate::progress::ScanBar;
use crate::terminal;
use pager::Paged;
use partial::PartialFile;
use pipe::Pipe;

pub use sinks::json_lines;
pub use table::{TableStyle, done_line, drawing, type_name};

/// Rows that a pager is given; more are not read by anyone, and a table is drawn in memory.
const PAGED_ROWS_MAX: usize = 10_000;

/// Where bytes go.
type Out = Box<dyn Write + Send>;

/// What takes the batches of one result.
trait Sink {
    /// Takes the next batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// How and where results are written.
#[derive(Debug, Clone)]
pub struct Style {
    pub format: Format,
    pub place: Place,
    pub table: TableStyle,
    /// Tables that are higher than the terminal go through a pager.
    pub paging: bool,
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Here,
    /// Each result takes the place of the one before.
    File(PathBuf),
    /// Results of the formats that are text follow one another.
    Appended(PathBuf),
}

impl Style {
    /// What the command line asks for: tables as wide as the terminal, if there is one.
    pub fn of(args: &OutputArgs) -> Self {
        let place = args.output.clone().map_or(Place::Here, Place::File);
        let table = TableStyle {
            heading: String::new(),
            rows_max: args.max_rows,
            all_rows_hint: "--max-rows 0",
            width: terminal::width(),
            lines_uncut: None,
            expanded: false,
            started: None,
        };
        Style { format: args.format(), place, table, paging: false }
    }

    fn pages(&self) -> bool {
        self.paging && self.place == Place::Here && self.format == Format::Table && std::io::stdout().is_terminal()
    }

    /// The table's style where it goes to: a file has no width, a pager scrolls.
    fn table_there(&self) -> TableStyle {
        let mut table = self.table.clone();
        if self.place != Place::Here {
            table.width = None;
        }
        if self.pages() {
            table.rows_max = PAGED_ROWS_MAX;
            table.lines_uncut = if pager::scrolls_sideways() { terminal::height() } else { None };
        }
        table
    }
}

/// Writes all batches. A result without columns (the answer of a statement that only has an effect) writes nothing.
/// The bar is gone before anything is drawn.
/// Errors: the query's own; `External` if the output cannot be written; [`Stop::ReaderLeft`] for a closed pipe.
pub async fn write(mut batches: SendableRecordBatchStream, style: &Style, scan_bar: Option<ScanBar>) -> exit::Result<()> {
    if batches.schema().fields().is_empty() {
        return Ok(exhaust(&mut batches).await?);
    }
    match &style.place {
        Place::Here if style.pages() => Ok(drain(&mut batches, style, Box::new(Paged::default()), scan_bar).await?),
        Place::Here => {
            let (pipe, reader_left) = Pipe::open();
            let drained = drain(&mut batches, style, Box::new(pipe), scan_bar).await;
            if reader_left.yes() { Err(Stop::ReaderLeft) } else { Ok(drained?) }
        }
        Place::Appended(file) if style.format.is_text() => {
            let file = append_to(file)?;
            Ok(drain(&mut batches, style, Box::new(BufWriter::new(file)), scan_bar).await?)
        }
        Place::File(place) | Place::Appended(place) => {
            let (partial, file) = PartialFile::create(place)?;
            drain(&mut batches, style, Box::new(BufWriter::new(file)), scan_bar).await?;
            Ok(partial.commit()?)
        }
    }
}

async fn drain(batches: &mut SendableRecordBatchStream, style: &Style, out: Out, scan_bar: Option<ScanBar>) -> Result<()> {
    let mut sink = sinks::open(batches.schema(), style.format, style.table_there(), out)?;
    while let Some(batch) = batches.next().await {
        sink.write(&batch.map_err(from_datafusion)?)?;
    }
    drop(scan_bar);
    tokio::task::block_in_place(|| sink.finish())
}

async fn exhaust(batches: &mut SendableRecordBatchStream) -> Result<()> {
    while let Some(batch) = batches.next().await {
        batch.map_err(from_datafusion)?;
    }
    Ok(())
}

fn append_to(file: &Path) -> Result<std::fs::File> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.map_err(|error| Error::external("gradframe sql", format!("cannot write `{}`: {error}", file.display())))
}

/// Writes a line to standard output, without the panic of `println!` when the reader has left.
pub fn print_line(line: &str) -> exit::Result<()> {
    let (mut pipe, reader_left) = Pipe::open();
    let printed = writeln!(pipe, "{line}").and_then(|()| pipe.flush()).map_err(|error| written(error.into()));
    if reader_left.yes() { Err(Stop::ReaderLeft) } else { Ok(printed?) }
}

/// Why a write failed.
fn written(error: ArrowError) -> Error {
    match &error {
        ArrowError::IoError(..) => Error::external("gradframe sql", format!("cannot write the result: {error}")),
        _ => Error::execution("gradframe sql", format!("the result does not fit the format: {error}"))
            .hint("use --format arrow or parquet for nested columns"),
    }
}
