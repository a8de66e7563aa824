//! Literals: the values that options take.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{DictionaryField, Expr, Spanned, UnaryOperator, Value};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::train::class_weight;

use crate::errors::{at, ours};

/// The value of a literal: a number, text, boolean, NULL, `STRUCT(class, weight)`, a list of one of these, or
/// `{'name': value, ...}`. As in BigQuery, text may stand in double quotes. `op` and `option` are named in errors.
pub(crate) fn literal(op: &str, option: &str, expr: &Expr) -> Result<ScalarValue> {
    let value = match expr {
        Expr::Value(value) => scalar(&value.value),
        Expr::Identifier(name) if name.quote_style == Some('"') => Some(name.value.as_str().into()),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => negative(expr),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } | Expr::Nested(expr) => return literal(op, option, expr),
        Expr::Array(array) => list(op, option, &array.elem)?,
        Expr::Dictionary(fields) => named(op, option, fields)?,
        Expr::Struct { values, .. } => weighted_class(op, option, values)?,
        _ => None,
    };
    value.ok_or_else(|| {
        let what =
            format!("option `{option}` takes a number, text, true, false, a list of these or {{'name': value}}, got `{expr}`");
        at(Error::plan(op, what), expr.span().start)
    })
}

fn scalar(value: &Value) -> Option<ScalarValue> {
    match value {
        Value::Number(digits, _) => number(digits),
        Value::Boolean(value) => Some((*value).into()),
        Value::Null => Some(ScalarValue::Null),
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) | Value::EscapedStringLiteral(text) => {
            Some(text.as_str().into())
        }
        _ => None,
    }
}

/// A number without point and exponent is an integer, if it fits one.
fn number(digits: &str) -> Option<ScalarValue> {
    let integer = digits.parse::<i64>().ok().map(ScalarValue::from);
    integer.or_else(|| digits.parse::<f64>().ok().map(ScalarValue::from))
}

fn negative(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => number(&format!("-{digits}")),
            _ => None,
        },
        _ => None,
    }
}

/// `STRUCT('yes', 2.0)`: a class, which may be text, an integer or a boolean, and a number. None for other fields.
fn weighted_class(op: &str, option: &str, fields: &[Expr]) -> Result<Option<ScalarValue>> {
    let [class, weight] = fields else { return Ok(None) };
    let (class, weight) = (literal(op, option, class)?, literal(op, option, weight)?);
    let weight = match weight {
        ScalarValue::Float64(Some(weight)) => weight,
        ScalarValue::Int64(Some(weight)) => weight as f64,
        _ => return Ok(None),
    };
    let is_class = matches!(class, ScalarValue::Utf8(_) | ScalarValue::Int64(_) | ScalarValue::Boolean(_));
    Ok(is_class.then(|| class_weight(&class.to_string(), weight)))
}

/// A list of values of one type; integers among floats become floats. None if the types differ.
fn list(op: &str, option: &str, items: &[Expr]) -> Result<Option<ScalarValue>> {
    let values = items.iter().map(|item| literal(op, option, item)).collect::<Result<Vec<_>>>()?;
    let is = |value: &ScalarValue, data_type: &DataType| value.data_type() == *data_type;
    let item_type = match values.iter().find(|value| is(value, &DataType::Float64)).or(values.first()) {
        Some(value) => value.data_type(),
        None => DataType::Utf8,
    };
    let cast = |value: ScalarValue| match value {
        ScalarValue::Int64(Some(integer)) if item_type == DataType::Float64 => Some((integer as f64).into()),
        value => is(&value, &item_type).then_some(value),
    };
    let values: Option<Vec<ScalarValue>> = values.into_iter().map(cast).collect();
    Ok(values.map(|values| ScalarValue::List(ScalarValue::new_list_nullable(&values, &item_type))))
}

/// Values by name, as a struct. None if there is no name or one is given twice.
fn named(op: &str, option: &str, fields: &[DictionaryField]) -> Result<Option<ScalarValue>> {
    let mut row = ScalarStructBuilder::new();
    for (place, field) in fields.iter().enumerate() {
        if fields[..place].iter().any(|before| before.key.value == field.key.value) {
            return Ok(None);
        }
        let value = literal(op, option, &field.value)?;
        row = row.with_scalar(Field::new(&field.key.value, value.data_type(), true), value);
    }
    Ok(if fields.is_empty() { None } else { Some(ours(row.build())?) })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;
    use gradframe_plan::ops::train::list;

    use super::*;

    fn parse(sql: &str) -> Result<ScalarValue> {
        literal("op", "o", &DFParser::parse_sql_into_expr(sql).unwrap().expr)
    }

    #[test]
    fn literals_keep_their_types() {
        for (sql, expect) in [
            ("1", ScalarValue::from(1_i64)),
            ("-1", ScalarValue::from(-1_i64)),
            ("1e-3", ScalarValue::from(1e-3)),
            ("'x'", ScalarValue::from("x")),
            ("\"x\"", ScalarValue::from("x")),
            ("TRUE", ScalarValue::from(true)),
            ("NULL", ScalarValue::Null),
        ] {
            assert_eq!(parse(sql).unwrap(), expect, "{sql}");
        }
    }

    #[test]
    fn lists_have_one_type() {
        assert_eq!(parse("[1, 2.5]").unwrap().to_string(), "[1.0, 2.5]");
        assert_eq!(parse("['a', 'b']").unwrap().to_string(), "[a, b]");
        assert_eq!(parse("[]").unwrap().to_string(), "[]");
        assert!(parse("[1, 'a']").is_err());
    }

    #[test]
    fn names_with_values_are_structs() {
        assert_eq!(parse("{'a': 'BIGINT', b: 2}").unwrap().to_string(), "{a:BIGINT,b:2}");
        assert!(parse("{'a': 1, 'a': 2}").is_err());
    }

    #[test]
    fn classes_have_weights() {
        let expected = list(&[class_weight("yes", 2.0), class_weight("0", 0.5)]);
        assert_eq!(parse("[STRUCT('yes', 2), STRUCT(0, 0.5)]").unwrap(), expected);
        assert!(parse("STRUCT('yes')").is_err());
        assert!(parse("STRUCT('yes', 'much')").is_err());
    }

    #[test]
    fn other_expressions_are_errors_that_name_the_option() {
        let error = parse("1 + 1").unwrap_err();
        assert!(error.to_string().starts_with("op: option `o` takes"), "{error}");
    }
}
