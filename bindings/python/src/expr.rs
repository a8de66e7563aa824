//! Expressions, with Polars's names.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::functions::math::expr_fn as math;
use datafusion::logical_expr::SortExpr;
use datafusion::scalar::ScalarValue;
use gradframe::Error;
use gradframe::expr::{self, Expr};
use gradframe::ml_functions;
use pyo3::basic::CompareOp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDate, PyDateTime, PyFloat, PyInt, PyString};

/// Adds the class and the functions that make expressions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyExpr>()?;
    module.add_class::<PyWhen>()?;
    module.add_class::<PyThen>()?;
    module.add_function(wrap_pyfunction!(col, module)?)?;
    module.add_function(wrap_pyfunction!(lit, module)?)?;
    module.add_function(wrap_pyfunction!(len, module)?)?;
    module.add_function(wrap_pyfunction!(when, module)?)?;
    module.add_function(wrap_pyfunction!(ml_function, module)?)?;
    module.add_function(wrap_pyfunction!(feature_cross, module)?)?;
    module.add_function(wrap_pyfunction!(coalesce, module)?)
}

/// A column by its exact name.
#[pyfunction]
fn col(name: String) -> PyExpr {
    PyExpr(expr::col(name))
}

/// A constant: None, bool, int, float, str, date or datetime.
#[pyfunction]
fn lit(value: &Bound<'_, PyAny>) -> PyResult<PyExpr> {
    operand(value).map(PyExpr)
}

/// The number of rows.
#[pyfunction]
fn len() -> PyExpr {
    PyExpr(expr::len())
}

/// Starts `when(condition).then(value).otherwise(value)`.
#[pyfunction]
fn when(condition: PyExpr) -> PyWhen {
    PyWhen(expr::when(condition.0))
}

/// The first of the values that is not null. A string names a column.
#[pyfunction]
#[pyo3(signature = (*exprs))]
fn coalesce(exprs: Vec<Bound<'_, PyAny>>) -> PyResult<PyExpr> {
    Ok(PyExpr(expr::coalesce(columns(&exprs)?)))
}

/// A function of the schema ML by its name in lower case; what comes after the column are constants. See `gradframe.ml`.
#[pyfunction]
#[pyo3(signature = (name, column, *parameters))]
fn ml_function(name: &str, column: &Bound<'_, PyAny>, parameters: Vec<Bound<'_, PyAny>>) -> PyResult<PyExpr> {
    let column = self::column(column)?;
    if name == "bucketize" {
        let points: Vec<f64> = parameters.first().map(|points| points.extract()).transpose()?.unwrap_or_default();
        return Ok(PyExpr(ml_functions::bucketize(column, &points)));
    }
    let parameters = parameters.iter().map(scalar).collect::<PyResult<Vec<_>>>()?;
    let call = ml_functions::by_name(name, column, parameters);
    call.map(PyExpr).ok_or_else(|| PyTypeError::new_err(format!("ml: there is no function {name}")))
}

/// Several categories as one: their values joined by `_`. See `gradframe.ml.feature_cross`.
#[pyfunction]
#[pyo3(signature = (*columns))]
fn feature_cross(columns: Vec<Bound<'_, PyAny>>) -> PyResult<PyExpr> {
    Ok(PyExpr(ml_functions::feature_cross(self::columns(&columns)?)))
}

/// `datetime.date(1970, 1, 1).toordinal()`
const ORDINAL_OF_1970: i32 = 719_163;

/// A computation over columns: nothing happens until a frame that holds it is collected.
#[pyclass(name = "Expr", module = "gradframe", frozen, from_py_object)]
#[derive(Clone)]
pub struct PyExpr(pub Expr);

/// A Python value as a constant, an expression as itself; a `when` without `otherwise` is null elsewhere.
fn operand(value: &Bound<'_, PyAny>) -> PyResult<Expr> {
    if let Ok(expr) = value.extract::<PyExpr>() {
        return Ok(expr.0);
    }
    if let Ok(then) = value.cast::<PyThen>() {
        return Ok(then.get().0.clone().end());
    }
    scalar(value).map(|value| Expr::Literal(value, None))
}

/// A Python value as one of the engine's. bool comes before int and datetime before date: each is the other's subclass.
pub fn scalar(value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if value.is_none() {
        Ok(ScalarValue::Null)
    } else if value.is_instance_of::<PyBool>() {
        Ok(ScalarValue::Boolean(Some(value.extract()?)))
    } else if value.is_instance_of::<PyInt>() {
        Ok(ScalarValue::Int64(Some(value.extract()?)))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(ScalarValue::Float64(Some(value.extract()?)))
    } else if value.is_instance_of::<PyString>() {
        Ok(ScalarValue::Utf8(Some(value.extract()?)))
    } else if value.is_instance_of::<PyDateTime>() {
        timestamp(value)
    } else if let Ok(date) = value.cast::<PyDate>() {
        Ok(ScalarValue::Date32(Some(days_since_1970(date)?)))
    } else if let Ok(number) = value.call_method0("item") {
        scalar(&number) // a NumPy scalar
    } else {
        Err(PyTypeError::new_err(format!("lit: a constant cannot be a {}", value.get_type().name()?)))
    }
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
        let kwargs = pyo3::types::PyDict::new(py);
        kwargs.set_item("tzinfo", &utc)?;
        value.call_method("replace", (), Some(&kwargs))?
    };
    let epoch = py.import("datetime")?.getattr("datetime")?.call_method1("fromtimestamp", (0, &utc))?;
    let microsecond = py.import("datetime")?.getattr("timedelta")?.call1((0, 0, 1))?;
    let us: i64 = moment.sub(epoch)?.floor_div(microsecond)?.extract()?;
    Ok(ScalarValue::TimestampMicrosecond(Some(us), aware.then(|| "UTC".into())))
}

/// What a frame's method takes: an expression, a column's name, or a constant.
pub fn column(value: &Bound<'_, PyAny>) -> PyResult<Expr> {
    match value.cast::<PyString>() {
        Ok(name) => Ok(expr::col(name.extract::<String>()?)),
        Err(_) => operand(value),
    }
}

/// Several of them, given one by one or as lists.
pub fn columns(values: &[Bound<'_, PyAny>]) -> PyResult<Vec<Expr>> {
    let mut exprs = Vec::with_capacity(values.len());
    for value in values {
        if value.is_instance_of::<PyString>() || value.is_instance_of::<PyExpr>() {
            exprs.push(column(value)?);
        } else if let Ok(list) = value.extract::<Vec<Bound<'_, PyAny>>>() {
            exprs.extend(columns(&list)?);
        } else {
            exprs.push(column(value)?);
        }
    }
    Ok(exprs)
}

/// A sort key; nulls come first unless asked otherwise.
pub fn sort_key(key: Expr, descending: bool, nulls_last: bool) -> SortExpr {
    SortExpr::new(key, !descending, !nulls_last)
}

/// A type by its name (`"f64"`, `"int64"`, `"str"`), a Python type, or anything with `__arrow_c_schema__`.
fn data_type(value: &Bound<'_, PyAny>) -> PyResult<DataType> {
    if let Ok(schema) = value.extract::<pyo3_arrow::PyDataType>() {
        return Ok(schema.into_inner());
    }
    let name = match value.cast::<PyString>() {
        Ok(name) => name.to_string(),
        Err(_) => value.getattr("__name__").map(|n| n.to_string()).unwrap_or_else(|_| value.to_string()),
    };
    type_named(&name).ok_or_else(|| {
        let error = Error::dtype("cast", format!("no type `{name}`"));
        crate::errors::to_python(&error.hint("use int64, float64, str, bool, date, datetime or a pyarrow type"))
    })
}

fn type_named(name: &str) -> Option<DataType> {
    Some(match name.to_ascii_lowercase().as_str() {
        "bool" | "boolean" => DataType::Boolean,
        "i8" | "int8" => DataType::Int8,
        "i16" | "int16" => DataType::Int16,
        "i32" | "int32" => DataType::Int32,
        "i64" | "int64" | "int" => DataType::Int64,
        "u8" | "uint8" => DataType::UInt8,
        "u16" | "uint16" => DataType::UInt16,
        "u32" | "uint32" => DataType::UInt32,
        "u64" | "uint64" => DataType::UInt64,
        "f32" | "float32" => DataType::Float32,
        "f64" | "float64" | "float" => DataType::Float64,
        "str" | "string" | "utf8" => DataType::Utf8,
        "date" | "date32" => DataType::Date32,
        "datetime" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => return None,
    })
}

#[pymethods]
impl PyExpr {
    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone() + operand(other)?))
    }

    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)? + self.0.clone()))
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone() - operand(other)?))
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)? - self.0.clone()))
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone() * operand(other)?))
    }

    fn __rmul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)? * self.0.clone()))
    }

    fn __truediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(expr::div(self.0.clone(), operand(other)?)))
    }

    fn __rtruediv__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(expr::div(operand(other)?, self.0.clone())))
    }

    fn __mod__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone() % operand(other)?))
    }

    fn __rmod__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)? % self.0.clone()))
    }

    fn __pow__(&self, exponent: &Bound<'_, PyAny>, modulo: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        if modulo.is_some() {
            return Err(PyTypeError::new_err("pow: a modulus is not taken"));
        }
        Ok(PyExpr(math::power(self.0.clone(), operand(exponent)?)))
    }

    fn __abs__(&self) -> Self {
        PyExpr(math::abs(self.0.clone()))
    }

    fn __neg__(&self) -> Self {
        PyExpr(-self.0.clone())
    }

    fn __and__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone().and(operand(other)?)))
    }

    fn __rand__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)?.and(self.0.clone())))
    }

    fn __or__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone().or(operand(other)?)))
    }

    fn __ror__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(operand(other)?.or(self.0.clone())))
    }

    fn __invert__(&self) -> Self {
        PyExpr(!self.0.clone())
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Self> {
        let (left, right) = (self.0.clone(), operand(other)?);
        Ok(PyExpr(match op {
            CompareOp::Lt => left.lt(right),
            CompareOp::Le => left.lt_eq(right),
            CompareOp::Eq => left.eq(right),
            CompareOp::Ne => left.not_eq(right),
            CompareOp::Gt => left.gt(right),
            CompareOp::Ge => left.gt_eq(right),
        }))
    }

    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("an expression has no truth value; combine conditions with & | ~ instead of and, or, not"))
    }

    fn __repr__(&self) -> String {
        self.0.human_display().to_string()
    }

    /// Names the result.
    fn alias(&self, name: &str) -> Self {
        PyExpr(self.0.clone().alias(name))
    }

    /// The value as another type: a name ("f64"), a Python type or an Arrow type.
    fn cast(&self, dtype: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(expr::cast(self.0.clone(), data_type(dtype)?)))
    }

    /// True where the value is null.
    fn is_null(&self) -> Self {
        PyExpr(self.0.clone().is_null())
    }

    /// True where the value is not null.
    fn is_not_null(&self) -> Self {
        PyExpr(self.0.clone().is_not_null())
    }

    /// True where the value is one of these.
    fn is_in(&self, values: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let list = values.iter().map(operand).collect::<PyResult<Vec<_>>>()?;
        Ok(PyExpr(self.0.clone().in_list(list, false)))
    }

    /// True where `lower <= value <= upper`.
    fn is_between(&self, lower: &Bound<'_, PyAny>, upper: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(self.0.clone().between(operand(lower)?, operand(upper)?)))
    }

    /// The value, or another where it is null.
    fn fill_null(&self, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyExpr(expr::fill_null(self.0.clone(), operand(value)?)))
    }

    /// Sum of the values that are not null; 0 where there are none.
    fn sum(&self) -> Self {
        PyExpr(expr::sum(self.0.clone()))
    }

    /// Mean of the values that are not null.
    fn mean(&self) -> Self {
        PyExpr(expr::mean(self.0.clone()))
    }

    /// Least value that is not null.
    fn min(&self) -> Self {
        PyExpr(expr::min(self.0.clone()))
    }

    /// Greatest value that is not null.
    fn max(&self) -> Self {
        PyExpr(expr::max(self.0.clone()))
    }

    /// Median of the values that are not null.
    fn median(&self) -> Self {
        PyExpr(expr::median(self.0.clone()))
    }

    /// Sample standard deviation (divisor n - 1).
    fn std(&self) -> Self {
        PyExpr(expr::std(self.0.clone()))
    }

    /// Sample variance (divisor n - 1).
    fn var(&self) -> Self {
        PyExpr(expr::var(self.0.clone()))
    }

    /// How many values are not null.
    fn count(&self) -> Self {
        PyExpr(expr::count(self.0.clone()))
    }

    /// How many different values there are; null is one of them.
    fn n_unique(&self) -> Self {
        PyExpr(expr::n_unique(self.0.clone()))
    }

    /// The value of the first row that arrives.
    fn first(&self) -> Self {
        PyExpr(expr::first(self.0.clone()))
    }

    /// The value of the last row that arrives.
    fn last(&self) -> Self {
        PyExpr(expr::last(self.0.clone()))
    }

    /// Absolute value.
    fn abs(&self) -> Self {
        PyExpr(math::abs(self.0.clone()))
    }

    /// Square root.
    fn sqrt(&self) -> Self {
        PyExpr(math::sqrt(self.0.clone()))
    }

    /// e to the power of the value.
    fn exp(&self) -> Self {
        PyExpr(math::exp(self.0.clone()))
    }

    /// Natural logarithm.
    fn log(&self) -> Self {
        PyExpr(math::ln(self.0.clone()))
    }

    /// Largest integer that is not above the value.
    fn floor(&self) -> Self {
        PyExpr(math::floor(self.0.clone()))
    }

    /// Least integer that is not below the value.
    fn ceil(&self) -> Self {
        PyExpr(math::ceil(self.0.clone()))
    }

    /// Rounded to so many decimals, halves away from zero.
    #[pyo3(signature = (decimals = 0))]
    fn round(&self, decimals: i64) -> Self {
        PyExpr(math::round(vec![self.0.clone(), expr::lit(decimals)]))
    }
}

/// A condition that waits for its value.
#[pyclass(name = "When", module = "gradframe", frozen)]
pub struct PyWhen(expr::When);

#[pymethods]
impl PyWhen {
    /// The value where the condition holds. A string names a column.
    fn then(&self, value: &Bound<'_, PyAny>) -> PyResult<PyThen> {
        Ok(PyThen(self.0.clone().then(column(value)?)))
    }
}

/// Conditions with their values.
#[pyclass(name = "Then", module = "gradframe", frozen)]
pub struct PyThen(expr::Then);

#[pymethods]
impl PyThen {
    /// One more condition.
    fn when(&self, condition: PyExpr) -> PyWhen {
        PyWhen(self.0.clone().when(condition.0))
    }

    /// The value where no condition holds. A string names a column.
    fn otherwise(&self, value: &Bound<'_, PyAny>) -> PyResult<PyExpr> {
        Ok(PyExpr(self.0.clone().otherwise(column(value)?)))
    }

    /// Names the result; null where no condition holds.
    fn alias(&self, name: &str) -> PyExpr {
        PyExpr(self.0.clone().end().alias(name))
    }
}
