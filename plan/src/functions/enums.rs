//! Enums: text of few known values, which have an order. In Arrow a dictionary whose field lists them in its metadata, under
//! the key and in the form that Polars gives and takes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray, StringViewArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::Error;

use super::words::{of_texts, texts, word};
use crate::error::to_datafusion;

/// Where a field's metadata list the categories.
const CATEGORIES: &str = "_PL_ENUM_VALUES2";
/// The functions' names, before the constants that they carry.
const ENUM: &str = "enum";
const PLACE: &str = "enum_place";
const AT: &str = "enum_at";

/// The categories of an enum, in their order; None of any other column.
pub fn categories(field: &Field) -> Option<Vec<String>> {
    if !matches!(field.data_type(), DataType::Dictionary(..)) {
        return None;
    }
    field.metadata().get(CATEGORIES).and_then(|text| decoded(text))
}

/// The field of an enum.
pub fn enum_field(name: &str, categories: &[String]) -> Field {
    let data_type = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
    let listed = categories.iter().map(|category| format!("{};{category}", category.len())).collect();
    Field::new(name, data_type, true).with_metadata(HashMap::from([(CATEGORIES.to_owned(), listed)]))
}

/// `1;a2;bc` is `a`, `bc`: each with its length in bytes before it.
fn decoded(mut text: &str) -> Option<Vec<String>> {
    let mut categories = vec![];
    while !text.is_empty() {
        let (length, rest) = text.split_once(';')?;
        let (category, rest) = rest.split_at_checked(length.parse().ok()?)?;
        categories.push(category.to_owned());
        text = rest;
    }
    Some(categories)
}

/// The text as an enum. Errors: `Plan` for a category that is there twice; when it runs, `Execution` for a text that is none of
/// them, unless not `strict`, which makes it null.
pub fn to_enum(text: Expr, name: &str, categories: Vec<String>, strict: bool) -> gradframe_ml_core::Result<Expr> {
    let places: HashMap<&str, u32> = categories.iter().map(String::as_str).zip(0..).collect();
    if places.len() != categories.len() {
        return Err(Error::plan("cast", "the categories of the Enum are not all different"));
    }
    Ok(call(ToEnum::new(name.to_owned(), categories, strict), text))
}

/// The place of an enum's value among its categories, from 0: what it is sorted by.
pub fn enum_place(value: Expr, categories: Vec<String>) -> Expr {
    call(Place::new(categories), value)
}

/// The category at a place, as an enum: what [`enum_place`] was of.
pub fn enum_at(place: Expr, categories: Vec<String>) -> Expr {
    call(At::new(categories), place)
}

/// The function of enums that has this name and these constants.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    match (name, constants) {
        (ENUM, [column, ScalarValue::Boolean(Some(strict)), categories @ ..]) => {
            let column = column.try_as_str().flatten()?.to_owned();
            Some(ScalarUDF::new_from_impl(ToEnum::new(column, texts(categories)?, *strict)))
        }
        (PLACE, categories) => Some(ScalarUDF::new_from_impl(Place::new(texts(categories)?))),
        (AT, categories) => Some(ScalarUDF::new_from_impl(At::new(texts(categories)?))),
        _ => None,
    }
}

fn any() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

fn call(function: impl ScalarUDFImpl + 'static, value: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![value]))
}

/// The place of each text among the categories. `unknown` says what becomes of one that is not there.
fn places(values: &ArrayRef, categories: &[String], unknown: impl Fn(usize, &str) -> Result<Option<u32>>) -> Result<UInt32Array> {
    let known: HashMap<&str, u32> = categories.iter().map(String::as_str).zip(0..).collect();
    let texts = cast(values, &DataType::Utf8View)?;
    let texts: &StringViewArray = texts.as_string_view();
    let place = |(row, text): (usize, Option<&str>)| match text {
        None => Ok(None),
        Some(text) => known.get(text).map_or_else(|| unknown(row, text), |place| Ok(Some(*place))),
    };
    texts.iter().enumerate().map(place).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToEnum {
    column: String,
    categories: Vec<String>,
    strict: bool,
    shown: String,
    signature: Signature,
}

impl ToEnum {
    fn new(column: String, categories: Vec<String>, strict: bool) -> Self {
        let constants = [vec![column.as_str().into(), strict.into()], of_texts(&categories)].concat();
        ToEnum { shown: word(ENUM, &constants), column, categories, strict, signature: any() }
    }

    fn unknown(&self, row: usize, text: &str) -> Result<Option<u32>> {
        if !self.strict {
            return Ok(None);
        }
        let what = format!("`{}`: '{text}' in row {row} of a batch is none of the Enum's categories", self.column);
        Err(to_datafusion(Error::execution("cast", what).hint("strict=False makes it null")))
    }
}

impl ScalarUDFImpl for ToEnum {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(enum_field("", &[]).data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(enum_field(&self.column, &self.categories)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let places = places(&first(&args)?, &self.categories, |row, text| self.unknown(row, text))?;
        let values = StringArray::from_iter_values(&self.categories);
        Ok(ColumnarValue::Array(Arc::new(DictionaryArray::<UInt32Type>::try_new(places, Arc::new(values))?)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    categories: Vec<String>,
    shown: String,
    signature: Signature,
}

impl Place {
    fn new(categories: Vec<String>) -> Self {
        Place { shown: word(PLACE, &of_texts(&categories)), categories, signature: any() }
    }
}

impl ScalarUDFImpl for Place {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // What is no category, which only a broken producer makes, comes last.
        let last = u32::try_from(self.categories.len()).unwrap_or(u32::MAX);
        Ok(ColumnarValue::Array(Arc::new(places(&first(&args)?, &self.categories, |_, _| Ok(Some(last)))?)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct At {
    categories: Vec<String>,
    shown: String,
    signature: Signature,
}

impl At {
    fn new(categories: Vec<String>) -> Self {
        At { shown: word(AT, &of_texts(&categories)), categories, signature: any() }
    }
}

impl ScalarUDFImpl for At {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(enum_field("", &[]).data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(enum_field(AT, &self.categories)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let known = |place: u32| (place as usize) < self.categories.len();
        let places = cast(&first(&args)?, &DataType::UInt32)?;
        let places: UInt32Array = places.as_primitive::<UInt32Type>().iter().map(|place| place.filter(|at| known(*at))).collect();
        let values = StringArray::from_iter_values(&self.categories);
        Ok(ColumnarValue::Array(Arc::new(DictionaryArray::<UInt32Type>::try_new(places, Arc::new(values))?)))
    }
}

fn first(args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    match args.args.first() {
        Some(value) => value.to_array(args.number_rows),
        None => Err(to_datafusion(Error::internal(ENUM, "takes a value"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_kept_as_polars_writes_them() {
        let listed: Vec<String> = ["c", "a;1", "é", ""].map(str::to_owned).to_vec();
        let field = enum_field("e", &listed);
        assert_eq!(field.metadata()[CATEGORIES], "1;c3;a;12;é0;");
        assert_eq!(categories(&field), Some(listed));
        assert_eq!(decoded("5;ab"), None);
        assert_eq!(categories(&Field::new("e", DataType::Utf8, true)), None);
    }
}
