//! Arrow in and out through the C data interface: pointers change hands, bytes are not copied.

mod given;
mod offsets;
mod rebased;
mod requested;
mod texts;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatchOptions, StructArray};
use arrow::compute::concat_batches;
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use gradframe::{Copied, Error, from_datafusion, own_array, own_field, own_rows};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::PyArray;
use pyo3_arrow::ffi::{ArrayIterator, to_array_pycapsules, to_stream_pycapsule};

use crate::errors::OrRaise;
use crate::wait::wait;

pub use given::{Given, exports};
use requested::{as_asked, requested};

/// The rows of a table, as batches that share its memory but for columns that are brought into their own types ([`own_rows`]), which are
/// told. Errors: `DType` for what has no columns, `Plan` for a name that two columns have, `Execution` if its producer fails.
pub fn batches_from(input: Given) -> PyResult<(SchemaRef, Vec<RecordBatch>, Vec<Copied>)> {
    let schema = schema_of(input.field()).or_raise()?;
    for (at, field) in schema.fields().iter().enumerate() {
        if schema.fields()[..at].iter().any(|before| before.name() == field.name()) {
            let what = format!("two columns have the name `{}`", field.name());
            return Err(Error::plan("from_arrow", what).hint("rename one of them")).or_raise();
        }
    }
    let batches = input.map(|rows| rows.and_then(|rows| batch_of(&schema, rows.as_struct())));
    let batches = batches.collect::<Result<Vec<_>, ArrowError>>().map_err(given::failed).or_raise()?;
    own_rows(schema, batches).or_raise()
}

/// The chunks of a column in its own type: of anything that exports Arrow or has a buffer, such as NumPy's arrays. Errors: `Execution` if
/// its producer fails, TypeError or ValueError for anything else.
pub fn chunks_from(value: &Bound<'_, PyAny>) -> PyResult<(FieldRef, Vec<ArrayRef>)> {
    let (field, chunks) = chunks_as_given(value)?;
    let field = own_field(&field);
    let chunks = chunks.iter().map(|chunk| own_array(chunk, field.data_type())).collect::<Result<Vec<_>, ArrowError>>();
    Ok((field, chunks.map_err(given::failed).or_raise()?))
}

fn chunks_as_given(value: &Bound<'_, PyAny>) -> PyResult<(FieldRef, Vec<ArrayRef>)> {
    if !exports(value)? {
        let (array, field) = value.extract::<PyArray>()?.into_inner();
        return Ok((field, vec![array]));
    }
    let given: Given = value.extract()?;
    let field = given.field().clone();
    let chunks = given.collect::<Result<Vec<_>, ArrowError>>().map_err(given::failed).or_raise()?;
    Ok((field, chunks))
}

fn schema_of(field: &Field) -> gradframe::Result<SchemaRef> {
    match field.data_type() {
        DataType::Struct(fields) => Ok(Arc::new(Schema::new(fields.clone()).with_metadata(field.metadata().clone()))),
        of => Err(Error::dtype("from_arrow", format!("got values of {of}, which have no columns")).hint("gf.Series takes them")),
    }
}

/// A row that is null has a null in each column.
fn batch_of(schema: &SchemaRef, rows: &StructArray) -> Result<RecordBatch, ArrowError> {
    let columns = match rows.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => {
            let absent = BooleanArray::new(!nulls.inner(), None);
            rows.columns().iter().map(|column| null_where(&absent, column)).collect::<Result<_, _>>()?
        }
        None => rows.columns().to_vec(),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

fn null_where(absent: &BooleanArray, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        // These say nowhere of themselves what is null.
        DataType::Null | DataType::Union(..) | DataType::RunEndEncoded(..) => Ok(Arc::clone(column)),
        _ => nullif(column, absent),
    }
}

/// A stream capsule over batches in memory. Errors: `Execution` that names the column, for a value that a requested type does not have.
pub fn stream_capsule<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
    batches: Vec<RecordBatch>,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = struct_field(schema);
    let rows = batches.into_iter().map(array_of);
    let Some(asked) = requested(&field, requested_schema.as_ref())? else {
        return Ok(to_stream_pycapsule(py, Box::new(ArrayIterator::new(rows.map(Ok), field)), None)?);
    };
    let rows = py.detach(|| rows.map(|rows| as_asked(&rows, &asked)).collect::<gradframe::Result<Vec<_>>>()).or_raise()?;
    Ok(to_stream_pycapsule(py, Box::new(ArrayIterator::new(rows.into_iter().map(Ok), asked)), None)?)
}

/// Array capsules over batches in memory, as one array of structs. Errors: `Execution` if texts of all batches together are
/// longer than their type can say, and as of [`column_capsules`].
pub fn array_capsules<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let whole = match batches {
        [only] => only.clone(),
        many => concat_batches(schema, many).map_err(|e| Error::execution("__arrow_c_array__", e.to_string())).or_raise()?,
    };
    column_capsules(py, struct_field(schema), &array_of(whole), requested_schema)
}

/// Array capsules over one array. Errors: `Execution` that names the column, for a value that a requested type does not have.
pub fn column_capsules<'py>(
    py: Python<'py>,
    field: FieldRef,
    values: &ArrayRef,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let Some(asked) = requested(&field, requested_schema.as_ref())? else {
        return Ok(to_array_pycapsules(py, field, values, None)?);
    };
    // A consumer of one column need not name it.
    let named = asked.as_ref().clone().with_name(field.name());
    let values = py.detach(|| as_asked(values, &named)).or_raise()?;
    Ok(to_array_pycapsules(py, named.into(), &values, None)?)
}

/// A stream capsule that runs the query while its consumer reads. Values that a requested type does not have are an error in the stream.
pub fn lazy_capsule<'py>(
    py: Python<'py>,
    stream: SendableRecordBatchStream,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = struct_field(&stream.schema());
    let rows = StreamReader { stream: Some(stream) };
    let Some(asked) = requested(&field, requested_schema.as_ref())? else {
        return Ok(to_stream_pycapsule(py, Box::new(ArrayIterator::new(rows, field)), None)?);
    };
    let to = Arc::clone(&asked);
    let rows = rows.map(move |rows| as_asked(&rows?, &to).map_err(|error| ArrowError::ExternalError(Box::new(error))));
    Ok(to_stream_pycapsule(py, Box::new(ArrayIterator::new(rows, asked)), None)?)
}

/// Waits for a stream of batches, without the interpreter lock. Ctrl-C ends it with an error, in the consumer's words.
struct StreamReader {
    /// None at the end, after an error, and after Ctrl-C.
    stream: Option<SendableRecordBatchStream>,
}

impl Iterator for StreamReader {
    type Item = Result<ArrayRef, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut stream = self.stream.take()?;
        let next = Python::attach(|py| {
            wait(py, async move {
                let next = stream.next().await.transpose().map_err(from_datafusion);
                Ok((next, stream))
            })
        });
        match next {
            Ok((Ok(batch), stream)) => {
                self.stream = Some(stream).filter(|_| batch.is_some());
                batch.map(|batch| Ok(array_of(batch)))
            }
            Ok((Err(error), _)) => Some(Err(ArrowError::ExternalError(Box::new(error)))),
            Err(error) => Some(Err(ArrowError::ExternalError(Box::new(error)))),
        }
    }
}

/// A batch as the array of structs that the C stream interface carries.
fn array_of(batch: RecordBatch) -> ArrayRef {
    Arc::new(StructArray::from(batch))
}

fn struct_field(schema: &SchemaRef) -> FieldRef {
    Arc::new(Field::new_struct("", schema.fields().clone(), false).with_metadata(schema.metadata().clone()))
}
