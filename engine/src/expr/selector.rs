//! Selectors: expressions that stand for the columns of a frame that have certain names or types.
//!
//! ```
//! use gradframe::expr::{prelude::*, selectors};
//! use gradframe::Session;
//!
//! let session = Session::builder().in_memory().build()?;
//! let frame = session.block_on(session.sql("SELECT 1 AS a, 2.5 AS b, 'x' AS c"))?;
//! let doubled = frame.select([(selectors::numeric().expr() * lit(2)).name_suffix("_twice")])?;
//! assert_eq!(doubled.columns(), ["a_twice", "b_twice"]);
//! assert_eq!(frame.select([selectors::all().difference(selectors::string()).expr()])?.columns(), ["a", "b"]);
//! # Ok::<(), gradframe::Error>(())
//! ```

use std::collections::HashSet;

use arrow::array::{Array, StringArray};
use arrow::compute::regexp_is_match_scalar;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Column, DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use gradframe_plan::functions::categories;
use gradframe_plan::names::suggest;

use super::deferred::{placeholder, unresolved};
use crate::{Error, Result};

/// A family of types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeClass {
    /// This type; any form of text for text, any unit and time zone of a timestamp without one.
    Exactly(DataType),
    /// Integers, floats and decimals.
    Numeric,
    /// Integers, with or without sign.
    Integer,
    /// Integers with sign.
    SignedInteger,
    /// Integers without sign.
    UnsignedInteger,
    /// Floating point numbers.
    Float,
    /// Decimals of any precision.
    Decimal,
    /// Text.
    String,
    /// Bytes.
    Binary,
    /// True and false.
    Boolean,
    /// Dates, times, timestamps and durations.
    Temporal,
    /// Timestamps; of this unit, and of this time zone (`None` inside: without one; `*`: with one).
    Datetime(Option<TimeUnit>, Option<Option<String>>),
    /// Durations; of this unit.
    Duration(Option<TimeUnit>),
    /// Times of the day.
    Time,
    /// Text of few different values, stored as numbers.
    Categorical,
    /// Text of few known values in an order.
    Enum,
    /// Lists of any length.
    List,
    /// Lists of one length.
    Array,
    /// Structs.
    Struct,
    /// Lists and structs.
    Nested,
}

impl TypeClass {
    fn holds_field(&self, field: &Field) -> bool {
        match (self, categories(field)) {
            (TypeClass::Enum, categories) => categories.is_some(),
            (TypeClass::Categorical, Some(_)) => false,
            _ => self.holds(field.data_type()),
        }
    }

    fn holds(&self, data_type: &DataType) -> bool {
        use DataType as T;
        match self {
            TypeClass::Exactly(wanted) => wanted == data_type || wanted.is_string() && data_type.is_string(),
            TypeClass::Numeric => data_type.is_numeric(),
            TypeClass::Integer => data_type.is_integer(),
            TypeClass::SignedInteger => data_type.is_signed_integer(),
            TypeClass::UnsignedInteger => data_type.is_unsigned_integer(),
            TypeClass::Float => data_type.is_floating(),
            TypeClass::Decimal => data_type.is_decimal(),
            TypeClass::String => data_type.is_string(),
            TypeClass::Binary => matches!(data_type, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)),
            TypeClass::Boolean => *data_type == T::Boolean,
            TypeClass::Temporal => data_type.is_temporal(),
            TypeClass::Datetime(unit, zone) => matches!(data_type, T::Timestamp(own_unit, own_zone)
                if unit.is_none_or(|unit| unit == *own_unit) && zone_fits(zone.as_ref(), own_zone.as_deref())),
            TypeClass::Duration(unit) => {
                matches!(data_type, T::Duration(own) if unit.is_none_or(|unit| unit == *own))
            }
            TypeClass::Time => matches!(data_type, T::Time32(_) | T::Time64(_)),
            TypeClass::Categorical => matches!(data_type, T::Dictionary(_, _)),
            // What tells an Enum is its field: see `Selector::indices`.
            TypeClass::Enum => false,
            TypeClass::List => matches!(data_type, T::List(_) | T::LargeList(_) | T::ListView(_) | T::LargeListView(_)),
            TypeClass::Array => matches!(data_type, T::FixedSizeList(_, _)),
            TypeClass::Struct => matches!(data_type, T::Struct(_)),
            TypeClass::Nested => data_type.is_nested(),
        }
    }
}

fn zone_fits(wanted: Option<&Option<String>>, own: Option<&str>) -> bool {
    match wanted {
        None => true,
        Some(None) => own.is_none(),
        Some(Some(any)) if any == "*" => own.is_some(),
        Some(Some(zone)) => own == Some(zone),
    }
}

/// A choice of columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Every column.
    All,
    /// These columns in this order; one that is not there is an error, or left out if not `required`.
    Names { names: Vec<String>, required: bool },
    /// Columns whose name matches this regular expression.
    Matches(String),
    /// Columns whose name starts with one of these.
    StartsWith(Vec<String>),
    /// Columns whose name ends with one of these.
    EndsWith(Vec<String>),
    /// Columns whose name contains one of these.
    Contains(Vec<String>),
    /// Columns of one of these families of types.
    Types(Vec<TypeClass>),
    /// Columns at these places, from the end if negative.
    Index(Vec<i64>),
    /// Columns that are in both.
    And(Box<Selector>, Box<Selector>),
    /// Columns that are in one of them.
    Or(Box<Selector>, Box<Selector>),
    /// Columns that are in exactly one of them.
    Xor(Box<Selector>, Box<Selector>),
    /// Columns of the first that are not in the second.
    Difference(Box<Selector>, Box<Selector>),
}

impl Selector {
    /// The selector as an expression.
    pub fn expr(self) -> Expr {
        placeholder(Selection { selector: self, signature: Signature::user_defined(Volatility::Volatile) }, vec![])
    }

    /// Columns that are in both.
    pub fn intersection(self, other: Selector) -> Selector {
        Selector::And(Box::new(self), Box::new(other))
    }

    /// Columns that are in one of them.
    pub fn union(self, other: Selector) -> Selector {
        Selector::Or(Box::new(self), Box::new(other))
    }

    /// Columns that are in exactly one of them.
    pub fn symmetric_difference(self, other: Selector) -> Selector {
        Selector::Xor(Box::new(self), Box::new(other))
    }

    /// Columns of this that are not in the other.
    pub fn difference(self, other: Selector) -> Selector {
        Selector::Difference(Box::new(self), Box::new(other))
    }

    /// All other columns.
    pub fn complement(self) -> Selector {
        Selector::All.difference(self)
    }

    /// The places of the columns in the schema. In the schema's order, but for names and places, which keep their own.
    pub(crate) fn indices(&self, schema: &DFSchema) -> Result<Vec<usize>> {
        match self {
            Selector::Names { names, required } => named(schema, names, *required),
            Selector::Index(places) => places.iter().map(|place| at(schema, *place)).collect(),
            Selector::Matches(pattern) => matching(schema, pattern),
            Selector::And(left, right) => combine(schema, left, right, |l, r| l && r),
            Selector::Or(left, right) => combine(schema, left, right, |l, r| l || r),
            Selector::Xor(left, right) => combine(schema, left, right, |l, r| l != r),
            Selector::Difference(left, right) => {
                let dropped: HashSet<usize> = right.indices(schema)?.into_iter().collect();
                Ok(left.indices(schema)?.into_iter().filter(|index| !dropped.contains(index)).collect())
            }
            Selector::All => Ok(filtered(schema, |_, _| true)),
            Selector::StartsWith(heads) => Ok(filtered(schema, |name, _| heads.iter().any(|head| name.starts_with(head)))),
            Selector::EndsWith(tails) => Ok(filtered(schema, |name, _| tails.iter().any(|tail| name.ends_with(tail)))),
            Selector::Contains(parts) => Ok(filtered(schema, |name, _| parts.iter().any(|part| name.contains(part)))),
            Selector::Types(classes) => {
                let holds = |field: &Field| classes.iter().any(|class| class.holds_field(field));
                let fields = schema.fields().iter().enumerate();
                Ok(fields.filter(|(_, field)| holds(field)).map(|(index, _)| index).collect())
            }
        }
    }

    /// The columns themselves.
    pub(crate) fn columns(&self, schema: &DFSchema) -> Result<Vec<Expr>> {
        let indices = self.indices(schema)?;
        Ok(indices.into_iter().map(|index| Expr::Column(Column::from(schema.qualified_field(index)))).collect())
    }
}

fn filtered(schema: &DFSchema, holds: impl Fn(&str, &DataType) -> bool) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| holds(field.name(), field.data_type())).map(|(index, _)| index).collect()
}

fn named(schema: &DFSchema, names: &[String], required: bool) -> Result<Vec<usize>> {
    let known = || schema.fields().iter().map(|field| field.name().as_str());
    let mut found = vec![];
    for name in names {
        match known().position(|known| known == name) {
            Some(index) => found.push(index),
            None if required => {
                return Err(Error::plan("col", format!("unknown column `{name}`")).hint(suggest(name, known())));
            }
            None => {}
        }
    }
    Ok(found)
}

fn at(schema: &DFSchema, place: i64) -> Result<usize> {
    let columns = schema.fields().len() as i64;
    let index = if place < 0 { place + columns } else { place };
    let inside = (0..columns).contains(&index);
    let outside = || Error::plan("nth", format!("there is no column {place}")).hint(format!("the frame has {columns} columns"));
    if inside { Ok(index as usize) } else { Err(outside()) }
}

fn matching(schema: &DFSchema, pattern: &str) -> Result<Vec<usize>> {
    let names: StringArray = schema.fields().iter().map(|field| Some(field.name().as_str())).collect();
    let matches = regexp_is_match_scalar(&names, pattern, None);
    let matches = matches.map_err(|error| Error::plan("col", format!("the pattern `{pattern}` is wrong: {error}")))?;
    Ok((0..names.len()).filter(|&index| matches.value(index)).collect())
}

fn combine(schema: &DFSchema, left: &Selector, right: &Selector, holds: impl Fn(bool, bool) -> bool) -> Result<Vec<usize>> {
    let (left, right) = (left.indices(schema)?, right.indices(schema)?);
    Ok((0..schema.fields().len()).filter(|index| holds(left.contains(index), right.contains(index))).collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Selection {
    selector: Selector,
    signature: Signature,
}

/// The selector that a scalar function is, if it is one.
pub(crate) fn selector_of(function: &ScalarFunction) -> Option<&Selector> {
    function.func.inner().as_ref().downcast_ref::<Selection>().map(|selection| &selection.selector)
}

impl ScalarUDFImpl for Selection {
    fn name(&self) -> &str {
        "columns"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> DataFusionResult<DataType> {
        unresolved("col")
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        unresolved("col")
    }
}
