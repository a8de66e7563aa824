//! Python values as the engine's constants, and as the named arguments of frame functions.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use gradframe::expr::{Constant, Constants};
use gradframe::own_type;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PyString, PyTime, PyTuple};

use crate::expr::{is_plain, own_expression};

/// `datetime.date(1970, 1, 1).toordinal()`
const ORDINAL_OF_1970: i32 = 719_163;

/// A Python value as one of the engine's. bool comes before int and datetime before date: each is the other's subclass.
pub fn scalar(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if value.is_none() {
        Ok(ScalarValue::Null)
    } else if value.is_instance_of::<PyBool>() {
        Ok(ScalarValue::Boolean(Some(value.extract()?)))
    } else if value.is_instance_of::<PyInt>() {
        integer(value)
    } else if value.is_instance_of::<PyFloat>() {
        Ok(ScalarValue::Float64(Some(value.extract()?)))
    } else if value.is_instance_of::<PyString>() {
        Ok(ScalarValue::Utf8(Some(value.extract()?)))
    } else if value.is_instance_of::<PyDateTime>() {
        timestamp(value)
    } else if let Ok(date) = value.cast::<PyDate>() {
        Ok(ScalarValue::Date32(Some(days_since_1970(date)?)))
    } else if value.is_instance_of::<PyDelta>() {
        Ok(ScalarValue::DurationMicrosecond(Some(in_microseconds(value)?)))
    } else if value.is_instance_of::<PyTime>() {
        time(value)
    } else if value.is_instance_of::<PyBytes>() {
        Ok(ScalarValue::Binary(Some(value.extract()?)))
    } else {
        composed(value)
    }
}

/// Lists, decimals, NumPy's scalars.
fn composed(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return list(value);
    }
    let class = value.get_type();
    if class.name()? == "Decimal" {
        return decimal(value);
    }
    match value.call_method0("item") {
        Ok(number) if !number.get_type().is(&class) => scalar(&number),
        _ => Err(PyTypeError::new_err(format!("lit: a constant cannot be a {}", class.name()?))),
    }
}

fn integer(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if let Ok(number) = value.extract::<i64>() {
        return Ok(ScalarValue::Int64(Some(number)));
    }
    let number = value.extract::<u64>();
    number
        .map(|number| ScalarValue::UInt64(Some(number)))
        .map_err(|_| PyOverflowError::new_err(format!("lit: the integer {value} has more than 64 bits")))
}

fn days_since_1970(date: &Bound<'_, PyDate>) -> PyResult<i32> {
    let ordinal: i32 = date.call_method0("toordinal")?.extract()?;
    Ok(ordinal - ORDINAL_OF_1970)
}

/// A datetime with a time zone keeps its moment (as UTC); one without keeps its reading.
fn timestamp(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let py = value.py();
    let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
    let aware = !value.getattr("tzinfo")?.is_none();
    let moment = if aware {
        value.call_method1("astimezone", (&utc,))?
    } else {
        let kwargs = PyDict::new(py);
        kwargs.set_item("tzinfo", &utc)?;
        value.call_method("replace", (), Some(&kwargs))?
    };
    let epoch = py.import("datetime")?.getattr("datetime")?.call_method1("fromtimestamp", (0, &utc))?;
    let us = in_microseconds(&moment.sub(epoch)?)?;
    Ok(ScalarValue::TimestampMicrosecond(Some(us), aware.then(|| "UTC".into())))
}

fn in_microseconds(delta: &Bound<'_, PyAny>) -> PyResult<i64> {
    let microsecond = delta.py().import("datetime")?.getattr("timedelta")?.call1((0, 0, 1))?;
    delta.floor_div(microsecond)?.extract()
}

fn time(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let part = |name: &str| value.getattr(name)?.extract::<i64>();
    let seconds = (part("hour")? * 60 + part("minute")?) * 60 + part("second")?;
    Ok(ScalarValue::Time64Nanosecond(Some((seconds * 1_000_000 + part("microsecond")?) * 1000)))
}

fn decimal(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let (sign, digits, exponent): (i32, Vec<u8>, i32) = value.call_method0("as_tuple")?.extract()?;
    let scale = i8::try_from(-exponent).ok().filter(|scale| (0..=38).contains(scale) && digits.len() <= 38);
    let scale = scale.ok_or_else(|| PyOverflowError::new_err(format!("lit: {value} has more than 38 digits")))?;
    let unsigned = digits.iter().fold(0_i128, |number, digit| number * 10 + i128::from(*digit));
    Ok(ScalarValue::Decimal128(Some(if sign == 1 { -unsigned } else { unsigned }), 38, scale))
}

/// A list; its items take the type of the first that is no null, floats among integers making floats of them all.
fn list(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let items = value.try_iter()?.map(|item| scalar(&item?)).collect::<PyResult<Vec<_>>>()?;
    let types = || items.iter().map(ScalarValue::data_type).filter(|data_type| !data_type.is_null());
    let data_type = types().find(|data_type| data_type.is_floating()).or_else(|| types().next()).unwrap_or(DataType::Null);
    let cast = items.iter().map(|item| item.cast_to(&data_type)).collect::<Result<Vec<_>, _>>();
    let items = cast.map_err(|_| PyTypeError::new_err("lit: the items of a list are of one type"))?;
    if items.is_empty() {
        let empty = arrow::array::new_empty_array(&DataType::Null);
        let field = Arc::new(Field::new_list_field(DataType::Null, true));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([0]);
        let list = arrow::array::ListArray::new(field, offsets, empty, None);
        return Ok(ScalarValue::List(Arc::new(list)));
    }
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&items, &data_type)))
}

/// A named argument: a constant, a data type (anything with `__arrow_c_schema__`), or a list of them.
fn constant(value: &Bound<'_, PyAny>) -> PyResult<Constant> {
    if is_plain(value) {
        return scalar(value).map(Constant::Value);
    }
    if value.hasattr("__arrow_c_schema__")? {
        return Ok(Constant::Type(own_type(&value.extract::<pyo3_arrow::PyDataType>()?.into_inner())));
    }
    if let Some(expr) = own_expression(value)? {
        return Ok(Constant::Expr(Box::new(expr)));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value.try_iter()?.map(|item| constant(&item?)).collect::<PyResult<Vec<_>>>()?;
        return Ok(Constant::List(items));
    }
    scalar(value).map(Constant::Value)
}

/// The named arguments of a call.
pub fn constants(kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Constants> {
    let mut constants = Constants::new();
    for (name, value) in kwargs.into_iter().flatten() {
        constants.insert(name.extract()?, constant(&value)?);
    }
    Ok(constants)
}
