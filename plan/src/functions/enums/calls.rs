//! Text as enums, enums as their places, places as enums.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, FixedSizeListArray, LargeListArray, ListArray, StringArray, StringViewArray,
    StructArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, UInt32Type};
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use gradframe_ml_core::Error;

use super::super::words::{of_texts, word};
use super::fields::{at_field, enum_field, enum_type, place_item, place_type};
use super::{AT, ENUM, PLACE};
use crate::error::to_datafusion;

fn any() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

pub(super) fn call(function: impl ScalarUDFImpl + 'static, value: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![value]))
}

fn first(args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    match args.args.first() {
        Some(value) => value.to_array(args.number_rows),
        None => Err(to_datafusion(Error::internal(ENUM, "takes a value"))),
    }
}

fn first_field(args: &ReturnFieldArgs) -> Result<FieldRef> {
    args.arg_fields.first().cloned().ok_or_else(|| to_datafusion(Error::internal(ENUM, "takes a value")))
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

/// The places of texts, of categories, or of those in lists. What is no category comes last.
pub(super) fn places_in(values: &ArrayRef, categories: &[String]) -> Result<ArrayRef> {
    let of_items = |items: &ArrayRef| places_in(items, categories);
    Ok(match values.data_type() {
        DataType::List(item) => {
            let lists = values.as_list::<i32>();
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(ListArray::try_new(place_item(item).into(), offsets, of_items(lists.values())?, nulls)?)
        }
        DataType::LargeList(item) => {
            let lists = values.as_list::<i64>();
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(LargeListArray::try_new(place_item(item).into(), offsets, of_items(lists.values())?, nulls)?)
        }
        DataType::FixedSizeList(item, width) => {
            let lists = values.as_fixed_size_list();
            let items = of_items(lists.values())?;
            let nulls = lists.nulls().cloned();
            Arc::new(FixedSizeListArray::try_new_with_length(place_item(item).into(), *width, items, nulls, lists.len())?)
        }
        DataType::Dictionary(..) => {
            // Each value of the dictionary is looked up once.
            let dictionary = values.as_any_dictionary();
            let places = places_in(dictionary.values(), categories)?;
            take(&places, &cast(dictionary.keys(), &DataType::UInt64)?, None)?
        }
        _ => {
            let last = u32::try_from(categories.len()).unwrap_or(u32::MAX);
            Arc::new(places(values, categories, |_, _| Ok(Some(last)))?)
        }
    })
}

/// A text, in a list too, that is no category.
pub(super) fn unknown_text(values: &ArrayRef, categories: &[String]) -> Result<Option<String>> {
    let items = match values.data_type() {
        DataType::List(_) => values.as_list::<i32>().values(),
        DataType::LargeList(_) => values.as_list::<i64>().values(),
        DataType::FixedSizeList(..) => values.as_fixed_size_list().values(),
        _ => values,
    };
    let texts = cast(items, &DataType::Utf8View)?;
    let unknown = texts.as_string_view().iter().flatten().find(|text| !categories.iter().any(|category| category == text));
    Ok(unknown.map(str::to_owned))
}

/// The categories at places; at one that is beyond them, null.
fn at_places(places: &ArrayRef, categories: &[String]) -> Result<ArrayRef> {
    let known = |place: u32| (place as usize) < categories.len();
    let places = cast(places, &DataType::UInt32)?;
    let places: UInt32Array = places.as_primitive::<UInt32Type>().iter().map(|place| place.filter(|at| known(*at))).collect();
    let values = StringArray::from_iter_values(categories);
    Ok(Arc::new(DictionaryArray::<UInt32Type>::try_new(places, Arc::new(values))?))
}

/// The categories at places, and at those in lists and structs.
fn at_places_in(values: &ArrayRef, categories: &[String]) -> Result<ArrayRef> {
    let item = |item: &FieldRef| FieldRef::new(at_field(item, categories));
    Ok(match values.data_type() {
        DataType::UInt32 => at_places(values, categories)?,
        DataType::Null => new_null_array(&enum_type(), values.len()),
        DataType::List(of) => {
            let (_, offsets, items, nulls) = values.as_list::<i32>().clone().into_parts();
            Arc::new(ListArray::try_new(item(of), offsets, at_places_in(&items, categories)?, nulls)?)
        }
        DataType::LargeList(of) => {
            let (_, offsets, items, nulls) = values.as_list::<i64>().clone().into_parts();
            Arc::new(LargeListArray::try_new(item(of), offsets, at_places_in(&items, categories)?, nulls)?)
        }
        DataType::FixedSizeList(of, width) => {
            let lists = values.as_fixed_size_list();
            let items = at_places_in(lists.values(), categories)?;
            Arc::new(FixedSizeListArray::try_new_with_length(item(of), *width, items, lists.nulls().cloned(), lists.len())?)
        }
        DataType::Struct(fields) => {
            let columns = values.as_struct().columns().iter().map(|column| at_places_in(column, categories));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let fields = fields.iter().map(item).collect();
            Arc::new(StructArray::try_new_with_length(fields, columns, values.nulls().cloned(), values.len())?)
        }
        _ => Arc::clone(values),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ToEnum {
    column: String,
    categories: Vec<String>,
    strict: bool,
    shown: String,
    signature: Signature,
}

impl ToEnum {
    pub(super) fn new(column: String, categories: Vec<String>, strict: bool) -> Self {
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
        Ok(enum_type())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(enum_field(&self.column, &self.categories)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let places = places(&first(&args)?, &self.categories, |row, text| self.unknown(row, text))?;
        Ok(ColumnarValue::Array(at_places(&(Arc::new(places) as ArrayRef), &self.categories)?))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    categories: Vec<String>,
    shown: String,
    signature: Signature,
}

impl Place {
    pub(super) fn new(categories: Vec<String>) -> Self {
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

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().map_or(DataType::UInt32, place_type))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(places_in(&first(&args)?, &self.categories)?))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct At {
    pub(super) categories: Vec<String>,
    shown: String,
    signature: Signature,
}

impl At {
    pub(super) fn new(categories: Vec<String>) -> Self {
        At { shown: word(AT, &of_texts(&categories)), categories, signature: any() }
    }

    fn field(&self, of: &Field) -> Field {
        at_field(&of.clone().with_name(AT).with_nullable(true), &self.categories)
    }
}

impl ScalarUDFImpl for At {
    fn name(&self) -> &str {
        &self.shown
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let own = types.first().cloned().unwrap_or(DataType::UInt32);
        Ok(self.field(&Field::new(AT, own, true)).data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(self.field(first_field(&args)?.as_ref())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(at_places_in(&first(&args)?, &self.categories)?))
    }
}
