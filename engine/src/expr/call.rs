//! A call of a frame function by name: its expressions and its named constants, handed out one by one.
//!
//! What is missing, of a wrong type, unknown or left over is an error of the caller that names the function and the
//! argument, so that a function's row says what it takes and nothing about what else might come.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::nested_sort_key;
use gradframe_plan::functions::{enum_categories, enum_place, identity};
use gradframe_plan::names::{list, suggest, type_name};

use super::deferred::deferred;
use super::resolve::{computed_nested, field_of, resolve_types_around, type_of};
use super::structure::{in_order, or_empty_list};
use crate::{Error, Result};

/// A named argument that is the same for all rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub enum Constant {
    /// A value: null, a boolean, a number, text, a date ...
    Value(ScalarValue),
    /// A data type.
    Type(DataType),
    /// An expression over something else than the frame, such as the elements of a list.
    Expr(Box<Expr>),
    /// Several of them.
    List(Vec<Constant>),
}

/// Which Rust values are constants.
macro_rules! constant_from {
    ($($value:ty),*) => {
        $(impl From<$value> for Constant {
            fn from(value: $value) -> Self {
                Constant::Value(ScalarValue::from(value))
            }
        })*
    };
}

constant_from!(bool, i64, f64, &str, String);

impl From<DataType> for Constant {
    fn from(data_type: DataType) -> Self {
        Constant::Type(data_type)
    }
}

impl<T: Into<Constant>> From<Vec<T>> for Constant {
    fn from(values: Vec<T>) -> Self {
        Constant::List(values.into_iter().map(Into::into).collect())
    }
}

impl Constant {
    fn is_null(&self) -> bool {
        matches!(self, Constant::Value(value) if value.is_null())
    }

    /// As an error message shows it.
    fn shown(&self) -> String {
        match self {
            Constant::Value(value) => value.to_string(),
            Constant::Type(data_type) => type_name(data_type),
            Constant::Expr(expr) => expr.human_display().to_string(),
            Constant::List(items) => format!("[{}]", items.iter().map(Constant::shown).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The named constants of a call. A null stands for one that was not given.
pub type Constants = BTreeMap<String, Constant>;

/// A call whose arguments are taken out by the function's row.
#[derive(Debug)]
pub struct Call<'a> {
    name: &'static str,
    exprs: std::vec::IntoIter<Expr>,
    constants: Constants,
    schema: Option<&'a DFSchema>,
}

impl<'a> Call<'a> {
    pub(super) fn new(name: &'static str, exprs: Vec<Expr>, constants: Constants, schema: Option<&'a DFSchema>) -> Self {
        Call { name, exprs: exprs.into_iter(), constants, schema }
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// A `Plan` error of this function.
    pub fn wrong(&self, what: impl Into<String>) -> Error {
        Error::plan(self.name, what)
    }

    /// The next expression. Errors: `Plan` if there is none; `what` names it.
    pub fn expr(&mut self, what: &str) -> Result<Expr> {
        self.exprs.next().ok_or_else(|| self.wrong(format!("{what} is missing")))
    }

    /// The next expression, if there is one.
    pub fn optional_expr(&mut self) -> Option<Expr> {
        self.exprs.next()
    }

    /// All expressions that are left.
    pub fn rest(&mut self) -> Vec<Expr> {
        self.exprs.by_ref().collect()
    }

    /// The type of an expression over the frame's columns. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub fn type_of(&self, expr: &Expr) -> Result<DataType> {
        type_of(expr, self.known_schema()?)
    }

    fn known_schema(&self) -> Result<&'a DFSchema> {
        self.schema.ok_or_else(|| Error::internal(self.name, "asked for a type before a frame was known"))
    }

    /// What an expression is ordered by: the place among its categories of an enum, itself of anything else.
    pub(super) fn ordered(&self, expr: Expr) -> Expr {
        match self.categories(&expr) {
            Some(categories) => enum_place(expr, categories),
            None => expr,
        }
    }

    /// What rows are sorted by in this direction, with nulls there. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub(super) fn sort_key(&self, expr: &Expr, descending: bool, nulls_last: bool) -> Result<Expr> {
        let key = self.ordered(self.identity(expr)?);
        let own = self.type_of(&key)?;
        Ok(nested_sort_key(key, &own, descending, nulls_last))
    }

    /// What tells the values of an expression apart: -0.0 is 0.0. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub(super) fn identity(&self, expr: &Expr) -> Result<Expr> {
        Ok(identity(expr.clone(), &self.type_of(expr)?))
    }

    /// The same call of each item or field, where a side is a list, an array or a struct of numbers; None where none is.
    pub(super) fn nested(&self, left: &Expr, right: &Expr) -> Result<Option<Expr>> {
        let schema = self.known_schema()?;
        let sides = ((left.clone(), self.type_of(left)?), (right.clone(), self.type_of(right)?));
        if !sides.0.1.is_nested() && !sides.1.1.is_nested() {
            return Ok(None);
        }
        computed_nested(sides.0, sides.1, schema, &|left, right| deferred(self.name, vec![left, right], Constants::new()))
    }

    /// The categories of an enum, or of the enums in a list; None of anything else. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub(super) fn categories(&self, expr: &Expr) -> Option<Vec<String>> {
        enum_categories(field_of(expr, self.schema?).ok()?.as_ref())
    }

    /// The values of an expression as one list, in the order of the rows. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub(super) fn imploded(&self, value: Expr) -> Result<Expr> {
        let item = self.type_of(&value)?;
        Ok(or_empty_list(in_order(datafusion::functions_aggregate::expr_fn::array_agg(value)), &item))
    }

    /// The expression with its calls built, around parts that are so already. Only rows that are [`super::FunctionRow::typed`] may ask.
    pub(super) fn resolved_around(&self, expr: Expr, parts: &[Expr]) -> Result<Expr> {
        resolve_types_around(expr, parts, self.known_schema()?)
    }

    /// The type of the next expression, which is not taken. Errors: `Plan` if there is none.
    pub(super) fn first_type(&self) -> Result<DataType> {
        let first = self.exprs.as_slice().first().ok_or_else(|| self.wrong("the expression is missing"))?;
        self.type_of(first)
    }

    /// A constant of this name; None if it was not given or is null.
    pub fn constant(&mut self, name: &str) -> Option<Constant> {
        self.constants.remove(name).filter(|constant| !constant.is_null())
    }

    fn unfit(&self, name: &str, expected: &str, got: &Constant) -> Error {
        self.wrong(format!("`{name}` is {}, expected {expected}", got.shown()))
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.wrong(format!("`{name}` is missing")))
    }

    fn optional_as<T>(&mut self, name: &str, expected: &str, read: impl Fn(&Constant) -> Option<T>) -> Result<Option<T>> {
        let Some(constant) = self.constant(name) else { return Ok(None) };
        read(&constant).map(Some).ok_or_else(|| self.unfit(name, expected, &constant))
    }

    /// A flag, with its default.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool> {
        let flag = self.optional_as(name, "true or false", |constant| match constant {
            Constant::Value(ScalarValue::Boolean(flag)) => *flag,
            _ => None,
        });
        Ok(flag?.unwrap_or(default))
    }

    /// A whole number, if given.
    pub fn optional_int(&mut self, name: &str) -> Result<Option<i64>> {
        self.optional_as(name, "a whole number", int)
    }

    /// A whole number.
    pub fn int(&mut self, name: &str) -> Result<i64> {
        let value = self.optional_int(name)?;
        self.required(name, value)
    }

    /// A count: a whole number that is not negative.
    pub fn optional_count(&mut self, name: &str) -> Result<Option<usize>> {
        self.optional_as(name, "a whole number from 0", |constant| int(constant).and_then(|n| usize::try_from(n).ok()))
    }

    /// A count: a whole number that is not negative.
    pub fn count(&mut self, name: &str) -> Result<usize> {
        let value = self.optional_count(name)?;
        self.required(name, value)
    }

    /// A number, if given.
    pub fn optional_float(&mut self, name: &str) -> Result<Option<f64>> {
        self.optional_as(name, "a number", float)
    }

    /// A number.
    pub fn float(&mut self, name: &str) -> Result<f64> {
        let value = self.optional_float(name)?;
        self.required(name, value)
    }

    /// Text, if given.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>> {
        self.optional_as(name, "text", text)
    }

    /// Text.
    pub fn text(&mut self, name: &str) -> Result<String> {
        let value = self.optional_text(name)?;
        self.required(name, value)
    }

    /// One of these words; the first is the default.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T> {
        let default = choices.first().map(|(_, value)| *value);
        let Some(word) = self.optional_text(name)? else { return self.required(name, default) };
        let words = || choices.iter().map(|(word, _)| *word);
        choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(|| {
            let hint = format!("it is one of {}", list(&words().collect::<Vec<_>>()));
            let near = suggest(&word, words());
            self.wrong(format!("`{name}` is '{word}'")).hint(if near.starts_with("did") { near } else { hint })
        })
    }

    /// An expression over something else than the frame.
    pub fn inner(&mut self, name: &str) -> Result<Expr> {
        let inner = self.optional_as(name, "an expression", |constant| match constant {
            Constant::Expr(expr) => Some(expr.as_ref().clone()),
            Constant::Value(value) => Some(Expr::Literal(value.clone(), None)),
            _ => None,
        })?;
        self.required(name, inner)
    }

    /// A data type, if given.
    pub fn optional_data_type(&mut self, name: &str) -> Result<Option<DataType>> {
        self.optional_as(name, "a data type", |constant| match constant {
            Constant::Type(data_type) => Some(data_type.clone()),
            _ => None,
        })
    }

    /// A data type.
    pub fn data_type(&mut self, name: &str) -> Result<DataType> {
        let value = self.optional_data_type(name)?;
        self.required(name, value)
    }

    /// Values, one or a list of them; none if it was not given. A null inside a list is a value.
    pub fn values(&mut self, name: &str) -> Result<Vec<ScalarValue>> {
        let values = self.optional_as(name, "values", |constant| match constant {
            Constant::Value(value) => Some(vec![value.clone()]),
            Constant::List(items) => items.iter().map(value).collect(),
            Constant::Type(_) | Constant::Expr(_) => None,
        });
        Ok(values?.unwrap_or_default())
    }

    /// Numbers, one or a list of them; None if it was not given.
    pub fn floats(&mut self, name: &str) -> Result<Option<Vec<f64>>> {
        self.optional_as(name, "numbers", |constant| each(constant, float))
    }

    /// Texts, one or a list of them; None if it was not given.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        self.optional_as(name, "texts", |constant| each(constant, text))
    }

    /// Flags, one or a list of them, none if it was not given.
    pub fn flags(&mut self, name: &str) -> Result<Vec<bool>> {
        let flag = |constant: &Constant| match constant {
            Constant::Value(ScalarValue::Boolean(flag)) => *flag,
            _ => None,
        };
        Ok(self.optional_as(name, "true or false, one or several", |constant| each(constant, flag))?.unwrap_or_default())
    }

    /// Data types, one or a list of them; none if it was not given.
    pub fn data_types(&mut self, name: &str) -> Result<Vec<DataType>> {
        let data_type = |constant: &Constant| match constant {
            Constant::Type(data_type) => Some(data_type.clone()),
            _ => None,
        };
        Ok(self.optional_as(name, "data types", |constant| each(constant, data_type))?.unwrap_or_default())
    }

    /// Refuses what nobody took.
    pub(super) fn finish(mut self) -> Result<()> {
        if let Some(name) = self.constants.keys().find(|name| !self.constants[*name].is_null()) {
            return Err(self.wrong(format!("unexpected argument `{name}`")));
        }
        match self.exprs.next() {
            Some(expr) => Err(self.wrong(format!("unexpected expression `{expr}`"))),
            None => Ok(()),
        }
    }
}

fn value(constant: &Constant) -> Option<ScalarValue> {
    match constant {
        Constant::Value(value) => Some(value.clone()),
        _ => None,
    }
}

fn each<T>(constant: &Constant, read: impl Fn(&Constant) -> Option<T>) -> Option<Vec<T>> {
    match constant {
        Constant::List(items) => items.iter().map(read).collect(),
        one => read(one).map(|one| vec![one]),
    }
}

fn int(constant: &Constant) -> Option<i64> {
    match value(constant)?.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(Some(number))) if is_number(constant) => Some(number),
        _ => None,
    }
}

fn float(constant: &Constant) -> Option<f64> {
    match value(constant)?.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(number))) if is_number(constant) => Some(number),
        _ => None,
    }
}

fn is_number(constant: &Constant) -> bool {
    matches!(constant, Constant::Value(value) if value.data_type().is_numeric())
}

fn text(constant: &Constant) -> Option<String> {
    match constant {
        Constant::Value(value) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}
