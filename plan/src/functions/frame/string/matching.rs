//! What is in a text and where: `contains`, `starts_with`, `ends_with`, `count_matches`, `find`.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::Result;
use datafusion::common::ScalarValue;
use datafusion::functions::expr_fn as sql;
use datafusion::logical_expr::{Expr, Operator, binary_expr};

use super::patterns::{Patterns, check};
use super::views::{numbers, truths};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::boolean;

use Takes::{Flag, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.contains", &[Text, Text, Flag, Flag], contains_type, contains).same_as(contains_in_sql),
    Row::new("str.starts_with", &[Text, Text], boolean, starts_with)
        .same_as(|args| Some(sql::starts_with(args[0].clone(), args[1].clone()))),
    Row::new("str.ends_with", &[Text, Text], boolean, ends_with)
        .same_as(|args| Some(sql::ends_with(args[0].clone(), args[1].clone()))),
    Row::new("str.count_matches", &[Text, Text, Flag], count_type, count_matches),
    Row::new("str.find", &[Text, Text, Flag, Flag], find_type, find),
];

fn contains_type(call: &Call) -> Result<DataType> {
    check(call, 1, call.flag(2), call.flag(3)).map(|()| DataType::Boolean)
}

fn contains(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut patterns = Patterns::of(batch, 1, batch.flag(2), batch.flag(3))?;
    truths(&texts, batch.rows, |row, text| Ok(patterns.at(row)?.map(|pattern| pattern.is_match(text))))
}

/// SQL's `contains(x, 'a')` and `x ~ 'a'`, which the optimizer turns into LIKE where it can.
fn contains_in_sql(args: &[Expr]) -> Option<Expr> {
    let [text, pattern @ Expr::Literal(value, _), Expr::Literal(literal, _), Expr::Literal(strict, _)] = args else {
        return None;
    };
    let is_text = value.try_as_str().flatten().is_some();
    match (literal, strict) {
        (ScalarValue::Boolean(Some(true)), _) if is_text => Some(sql::contains(text.clone(), pattern.clone())),
        (_, ScalarValue::Boolean(Some(true))) if is_text => {
            Some(binary_expr(text.clone(), Operator::RegexMatch, pattern.clone()))
        }
        _ => None,
    }
}

fn starts_with(batch: &Batch) -> Result<ArrayRef> {
    let (texts, prefixes) = (batch.texts(0)?, batch.texts(1)?);
    truths(&texts, batch.rows, |row, text| Ok(prefixes.get(row).map(|prefix| text.starts_with(prefix))))
}

fn ends_with(batch: &Batch) -> Result<ArrayRef> {
    let (texts, suffixes) = (batch.texts(0)?, batch.texts(1)?);
    truths(&texts, batch.rows, |row, text| Ok(suffixes.get(row).map(|suffix| text.ends_with(suffix))))
}

fn count_type(call: &Call) -> Result<DataType> {
    check(call, 1, call.flag(2), true).map(|()| DataType::UInt32)
}

fn count_matches(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut patterns = Patterns::of(batch, 1, batch.flag(2), true)?;
    let count = |row, text: &str| Ok(patterns.at(row)?.map(|pattern| pattern.find_iter(text).count() as u32));
    numbers::<UInt32Type>(&texts, batch.rows, count)
}

fn find_type(call: &Call) -> Result<DataType> {
    check(call, 1, call.flag(2), call.flag(3)).map(|()| DataType::UInt32)
}

fn find(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.texts(0)?;
    let mut patterns = Patterns::of(batch, 1, batch.flag(2), batch.flag(3))?;
    let place = |row, text: &str| Ok(patterns.at(row)?.and_then(|pattern| pattern.find(text)).map(|found| found.start() as u32));
    numbers::<UInt32Type>(&texts, batch.rows, place)
}
