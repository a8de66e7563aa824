//! Writes a stream of batches in the format asked for, to a file or standard output.

mod partial;
mod pipe;
mod sinks;
mod table;

use std::io::{BufWriter, Write};

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use gradframe::{Error, Result, from_datafusion};

use crate::args::OutputArgs;
use crate::exit::{self, Stop};
use partial::PartialFile;
use pipe::Pipe;

/// Where bytes go.
type Out = Box<dyn Write + Send>;

/// What takes the batches of one result.
trait Sink {
    /// Takes the next batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Writes all batches. A result without columns (the answer of a statement that only has an effect) writes nothing.
/// Errors: the query's own; `External` if the output cannot be written; [`Stop::ReaderLeft`] for a closed pipe.
pub async fn write(mut batches: SendableRecordBatchStream, args: &OutputArgs) -> exit::Result<()> {
    if batches.schema().fields().is_empty() {
        return Ok(exhaust(&mut batches).await?);
    }
    let Some(place) = &args.output else {
        let (pipe, reader_left) = Pipe::open();
        let drained = drain(&mut batches, args, Box::new(pipe)).await;
        return if reader_left.yes() { Err(Stop::ReaderLeft) } else { Ok(drained?) };
    };
    let (partial, file) = PartialFile::create(place)?;
    drain(&mut batches, args, Box::new(BufWriter::new(file))).await?;
    Ok(partial.commit()?)
}

async fn drain(batches: &mut SendableRecordBatchStream, args: &OutputArgs, out: Out) -> Result<()> {
    let mut sink = sinks::open(batches.schema(), args, out)?;
    while let Some(batch) = batches.next().await {
        sink.write(&batch.map_err(from_datafusion)?)?;
    }
    sink.finish()
}

async fn exhaust(batches: &mut SendableRecordBatchStream) -> Result<()> {
    while let Some(batch) = batches.next().await {
        batch.map_err(from_datafusion)?;
    }
    Ok(())
}

/// Writes a line to standard output, without the panic of `println!` when the reader has left.
pub fn print_line(line: &str) -> exit::Result<()> {
    let (mut pipe, reader_left) = Pipe::open();
    let printed = writeln!(pipe, "{line}").map_err(|error| written(error.into()));
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
