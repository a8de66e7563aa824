//! Arrow in, through the C data and stream interfaces: arrays of one type, one after another, in their producer's memory.

use std::any::Any;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow::array::ffi_stream::FFI_ArrowArrayStream;
use arrow::array::{ArrayRef, make_array};
use arrow::datatypes::{Field, FieldRef};
use arrow::error::ArrowError;
use gradframe::Error;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::rebased::rebased;
use super::texts::Texts;
use crate::errors::OrRaise;

type Result<T> = std::result::Result<T, ArrowError>;

/// What has `__arrow_c_array__` or `__arrow_c_stream__`: its arrays, as they are asked for. Errors of one: what its producer said, and
/// `CDataInterface` for what is no array of the type that it told.
pub struct Given {
    field: FieldRef,
    source: Source,
    texts: Texts,
}

enum Source {
    /// None when it was taken.
    Array(Option<FFI_ArrowArray>),
    Stream(FFI_ArrowArrayStream),
}

/// Whether there is Arrow to be had of the value.
pub fn exports(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.hasattr("__arrow_c_array__")? || value.hasattr("__arrow_c_stream__")?)
}

impl<'py> FromPyObject<'_, 'py> for Given {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if value.hasattr("__arrow_c_array__")? {
            let capsules = value.call_method0("__arrow_c_array__")?;
            let (schema, array): (Bound<'py, PyCapsule>, Bound<'py, PyCapsule>) = capsules.extract()?;
            return Given::of_array(&schema, &array);
        }
        if value.hasattr("__arrow_c_stream__")? {
            return Given::of_stream(value.call_method0("__arrow_c_stream__")?.cast::<PyCapsule>()?);
        }
        let kind = value.get_type().qualname()?;
        Err(PyTypeError::new_err(format!("expected something that exports Arrow, got {kind}")))
    }
}

impl Given {
    fn of_array(schema: &Bound<'_, PyCapsule>, array: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let schema = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
        let array = array.pointer_checked(Some(c"arrow_array"))?.cast::<FFI_ArrowArray>();
        // SAFETY: a capsule of this name holds an array; it is ours from here on.
        let array = unsafe { FFI_ArrowArray::from_raw(array.as_ptr()) };
        // First, since whoever took the array has taken the schema with it, whose texts are gone then.
        if array.is_released() {
            return Err(failed(taken())).or_raise();
        }
        // SAFETY: a capsule of this name holds a schema, and keeps it while we look at it.
        let field = kept_to(|| Field::try_from(unsafe { schema.as_ref() })).map_err(failed).or_raise()?;
        Ok(Given { field: field.into(), source: Source::Array(Some(array)), texts: Texts::default() })
    }

    fn of_stream(stream: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let stream = stream.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
        // SAFETY: a capsule of this name holds a stream; it is ours from here on.
        let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) };
        let field = kept_to(|| field_of(&mut stream)).map_err(failed).or_raise()?;
        Ok(Given { field: field.into(), source: Source::Stream(stream), texts: Texts::default() })
    }

    /// The name and type of all arrays. Of rows of a table it is a struct.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }
}

impl Iterator for Given {
    type Item = Result<ArrayRef>;

    fn next(&mut self) -> Option<Self::Item> {
        let array = match &mut self.source {
            Source::Array(array) => Ok(array.take()),
            Source::Stream(stream) => next_of(stream),
        };
        Some(array.transpose()?.and_then(|array| array_of(array, &self.field, &mut self.texts)))
    }
}

/// The field that a capsule of a schema tells.
pub(super) fn field_told(schema: &Bound<'_, PyCapsule>) -> PyResult<Field> {
    let schema = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    // SAFETY: a capsule of this name holds a schema, and keeps it while we look at it.
    kept_to(|| Field::try_from(unsafe { schema.as_ref() })).map_err(failed).or_raise()
}

/// An error of the producer's, in ours.
pub(super) fn failed(error: ArrowError) -> Error {
    Error::execution("from_arrow", format!("the producer failed: {error}"))
}

fn array_of(array: FFI_ArrowArray, field: &Field, texts: &mut Texts) -> Result<ArrayRef> {
    kept_to(|| {
        // SAFETY: the producer says that this is an array of the type.
        let data = unsafe { from_ffi_and_data_type(array, field.data_type().clone()) }?;
        let data = rebased(&data)?;
        texts.check(&data, field.name())?;
        Ok(make_array(data))
    })
}

fn field_of(stream: &mut FFI_ArrowArrayStream) -> Result<Field> {
    let get = stream.get_schema.ok_or_else(taken)?;
    let mut schema = FFI_ArrowSchema::empty();
    // SAFETY: the stream is not released, and what it writes to is a schema.
    match unsafe { get(stream, &mut schema) } {
        0 => Field::try_from(&schema),
        code => Err(said(stream, code)),
    }
}

/// None at the end.
fn next_of(stream: &mut FFI_ArrowArrayStream) -> Result<Option<FFI_ArrowArray>> {
    let get = stream.get_next.ok_or_else(taken)?;
    let mut array = FFI_ArrowArray::empty();
    // SAFETY: the stream is not released, and what it writes to is an array.
    match unsafe { get(stream, &mut array) } {
        0 => Ok(Some(array).filter(|array| !array.is_released())),
        code => Err(said(stream, code)),
    }
}

/// What the stream says of its last error.
fn said(stream: &mut FFI_ArrowArrayStream, code: i32) -> ArrowError {
    // SAFETY: the stream is not released; what it says lives until it is asked for more.
    let text = stream.get_last_error.map(|last| unsafe { last(stream) }).filter(|text| !text.is_null());
    let text = text.map(|text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned());
    ArrowError::CDataInterface(text.unwrap_or_else(|| format!("it says no more than {code}")))
}

fn taken() -> ArrowError {
    ArrowError::CDataInterface("it has been read already".to_owned())
}

/// Arrow's reader panics at what does not keep to the interface.
fn kept_to<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    let broken = |panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        ArrowError::CDataInterface(format!("what it gave is not what it said it gives: {said}"))
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(broken(panic)))
}
