//! What functions take: kinds of arguments, those that must be constants, and arguments as arrays of one layout.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;
use crate::names::type_name;

/// The column that stands for the elements of a list.
const ELEMENT: &str = "__element";

/// What a function takes at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Text of any layout, dictionaries too.
    Text,
    /// Binary of any layout.
    Binary,
    /// A whole number, per row.
    Int,
    /// A date or a timestamp.
    Moment,
    /// A date, a time, a timestamp or a duration.
    Temporal,
    /// A duration.
    Duration,
    /// A list of any layout.
    List,
    /// A struct.
    Struct,
    /// Anything; the function's own `returns` says what of it.
    Any,
    /// A constant boolean.
    Flag,
    /// A constant whole number, or null.
    Count,
    /// A constant text, or null.
    Word,
    /// A constant of any type, null included.
    Constant,
    /// As many more of anything as are given.
    Rest,
}

impl Takes {
    /// What is taken at a place, where the last kind stands for all that follow.
    pub(super) fn at(takes: &[Takes], at: usize) -> Takes {
        takes.get(at).or(takes.last()).copied().unwrap_or(Takes::Any)
    }

    /// Whether the result for a row depends on that row's value alone, which a nested value's does as well.
    pub(super) fn is_elementwise(self) -> bool {
        matches!(self, Takes::Text | Takes::Binary)
    }

    /// Whether values of this kind have others in them.
    pub(super) fn has_parts(self) -> bool {
        matches!(self, Takes::List | Takes::Struct)
    }

    /// The type that a given one is cast to before the function runs. Constants stay as they are: a cast is none.
    pub(super) fn coerced(self, given: &DataType) -> DataType {
        match self {
            Takes::Text if given.is_null() => DataType::Utf8View,
            Takes::Binary if given.is_null() => DataType::BinaryView,
            Takes::Int if given.is_integer() || given.is_null() => DataType::Int64,
            _ => given.clone(),
        }
    }

    fn fits(self, given: &DataType) -> bool {
        use DataType::{Date32, Date64, Dictionary, Duration, Time32, Time64, Timestamp};
        match (self, given) {
            (_, DataType::Null) => true,
            (Takes::Text | Takes::Binary, Dictionary(_, values)) => self.fits(values),
            (Takes::Text | Takes::Word, t) => t.is_string(),
            (Takes::Binary, t) => t.is_binary(),
            (Takes::Int | Takes::Count, t) => t.is_integer(),
            (Takes::Moment, t) => matches!(t, Date32 | Date64 | Timestamp(..)),
            (Takes::Temporal, t) => matches!(t, Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_) | Duration(_)),
            (Takes::Duration, t) => matches!(t, Duration(_)),
            (Takes::List, t) => is_list(t),
            (Takes::Struct, t) => matches!(t, DataType::Struct(_)),
            (Takes::Flag, t) => *t == DataType::Boolean,
            (Takes::Any | Takes::Constant | Takes::Rest, _) => true,
        }
    }

    fn is_constant(self) -> bool {
        matches!(self, Takes::Flag | Takes::Count | Takes::Word | Takes::Constant)
    }

    fn expected(self) -> &'static str {
        match self {
            Takes::Text => "text",
            Takes::Binary => "binary",
            Takes::Int => "a whole number",
            Takes::Moment => "a date or a datetime",
            Takes::Temporal => "a date, a time, a datetime or a duration",
            Takes::Duration => "a duration",
            Takes::List => "a list",
            Takes::Struct => "a struct",
            Takes::Flag => "a constant boolean",
            Takes::Count => "a constant whole number",
            Takes::Word => "a constant text",
            Takes::Any | Takes::Constant | Takes::Rest => "a value",
        }
    }
}

/// Whether it is a list of any layout.
pub(super) fn is_list(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    matches!(data_type, List(_) | LargeList(_) | FixedSizeList(..) | ListView(_) | LargeListView(_))
}

/// A call as far as the plan knows it: the arguments' types, and the values of those that are constants.
pub(super) struct Call<'a> {
    pub name: &'static str,
    pub fields: &'a [FieldRef],
    constants: Vec<Option<&'a ScalarValue>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(name: &'static str, fields: &'a [FieldRef], constants: Vec<Option<&'a ScalarValue>>) -> Self {
        Call { name, fields, constants }
    }

    /// Whether every argument is of the kind that its place takes. Errors: `DType`, naming the column.
    pub(super) fn check(&self, takes: &[Takes]) -> Result<()> {
        let open = takes.last() == Some(&Takes::Rest);
        if self.fields.len() != takes.len() && !(open && self.fields.len() + 1 >= takes.len()) {
            return self.wrong(format!("{} arguments are given, expected {}", self.fields.len(), takes.len()));
        }
        for (at, field) in self.fields.iter().enumerate() {
            let takes = Takes::at(takes, at);
            if !takes.fits(field.data_type()) {
                return Err(self.unfit(at, takes.expected()));
            }
            if takes.is_constant() && self.constant(at).is_none() {
                return self.wrong(format!("`{}` varies by row, expected {}", field.name(), takes.expected()));
            }
        }
        Ok(())
    }

    /// "`a` is Int64, expected text"
    pub(super) fn unfit(&self, at: usize, expected: &str) -> DataFusionError {
        let field = &self.fields[at];
        let name = if field.name() == ELEMENT { "element()" } else { field.name() };
        let what = format!("`{name}` is {}, expected {expected}", type_name(field.data_type()));
        to_datafusion(Error::dtype(self.name, what).hint("cast it first"))
    }

    /// A mistake in the call. Errors: always, `Plan`.
    pub(super) fn wrong<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(to_datafusion(Error::plan(self.name, what)))
    }

    /// A value that the function cannot work with. Errors: always, `Execution`.
    pub(super) fn bad_value<T>(&self, what: impl Into<String>, hint: &str) -> Result<T> {
        let what = match self.column() {
            Some(column) => format!("{}, in column `{column}`", what.into()),
            None => what.into(),
        };
        Err(to_datafusion(Error::execution(self.name, what).hint(hint)))
    }

    /// The column that is worked on; None of something computed, which has no name of the user's.
    fn column(&self) -> Option<&str> {
        let name = self.fields.first()?.name().as_str();
        let is_computed = name.is_empty() || name.starts_with("__") || name.contains(['@', '(', '[']) || name == "lit";
        (!is_computed).then_some(name)
    }

    /// How many arguments there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The type of an argument.
    pub(super) fn data_type(&self, at: usize) -> &'a DataType {
        self.fields[at].data_type()
    }

    /// An argument's value, where it is the same for all rows.
    pub(super) fn constant(&self, at: usize) -> Option<&'a ScalarValue> {
        self.constants.get(at).copied().flatten()
    }

    /// A boolean that must be constant; false where it is null.
    pub(super) fn flag(&self, at: usize) -> bool {
        matches!(self.constant(at), Some(ScalarValue::Boolean(Some(true))))
    }

    /// A constant text; None where it is null or varies.
    pub(super) fn word(&self, at: usize) -> Option<&'a str> {
        self.constant(at).and_then(|value| value.try_as_str()).flatten()
    }

    /// A constant whole number; None where it is null or varies.
    pub(super) fn count(&self, at: usize) -> Option<i64> {
        match self.constant(at)?.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(number)) => number,
            _ => None,
        }
    }
}

/// A call with the values of a batch of rows.
pub(super) struct Batch<'a> {
    call: Call<'a>,
    values: &'a [ColumnarValue],
    /// The type that the results must have.
    pub returns: &'a DataType,
    /// How many results there must be.
    pub rows: usize,
}

impl<'a> Deref for Batch<'a> {
    type Target = Call<'a>;

    fn deref(&self) -> &Call<'a> {
        &self.call
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        name: &'static str,
        values: &'a [ColumnarValue],
        fields: &'a [FieldRef],
        returns: &'a DataType,
        rows: usize,
    ) -> Self {
        let constant = |value: &'a ColumnarValue| match value {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        };
        Batch { call: Call::new(name, fields, values.iter().map(constant).collect()), values, returns, rows }
    }

    /// An argument as an array with a value for each row.
    pub(super) fn array(&self, at: usize) -> Result<ArrayRef> {
        self.values[at].to_array(self.rows)
    }

    /// An argument as an array of this type.
    pub(super) fn array_as(&self, at: usize, data_type: &DataType) -> Result<ArrayRef> {
        Ok(cast(&self.array(at)?, data_type)?)
    }

    /// An argument as text; a view of it, whatever its layout.
    pub(super) fn texts(&self, at: usize) -> Result<Values<StringViewArray>> {
        self.values_of(at, &DataType::Utf8View, |array| array.as_string_view().clone())
    }

    /// An argument as binary; a view of it, whatever its layout.
    pub(super) fn binaries(&self, at: usize) -> Result<Values<BinaryViewArray>> {
        self.values_of(at, &DataType::BinaryView, |array| array.as_binary_view().clone())
    }

    /// An argument as whole numbers.
    pub(super) fn ints(&self, at: usize) -> Result<Values<Int64Array>> {
        self.values_of(at, &DataType::Int64, |array| array.as_primitive::<Int64Type>().clone())
    }

    fn values_of<A>(&self, at: usize, data_type: &DataType, typed: fn(&dyn Array) -> A) -> Result<Values<A>> {
        let (array, constant) = match &self.values[at] {
            ColumnarValue::Scalar(value) => (value.to_array_of_size(1)?, true),
            ColumnarValue::Array(array) => (Arc::clone(array), false),
        };
        let array = cast(&array, data_type)?;
        Ok(Values { array: typed(&array), constant })
    }
}

/// An argument's values: one a row, or one for all of them.
pub(super) struct Values<A> {
    pub array: A,
    pub constant: bool,
}

impl<A> Values<A> {
    fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }
}

impl Values<StringViewArray> {
    /// The text of a row, or null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let at = self.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}

impl Values<BinaryViewArray> {
    /// The bytes of a row, or null.
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        let at = self.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}

impl Values<Int64Array> {
    /// The number of a row, or null.
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        let at = self.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}
