//! Columns by name, pattern and type, as the bindings name them; Rust has [`crate::expr::selectors`].

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Expr;

use super::super::call::Call;
use super::super::selector::{Selector, TypeClass, selector_of};
use super::super::table::FunctionRow;
use super::super::{col, when};
use crate::Result;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("col", columns),
    FunctionRow::new("nth", |call| Ok(Selector::Index(places(call)?).expr())),
    FunctionRow::new("selector.all", |_| Ok(Selector::All.expr())),
    FunctionRow::new("selector.by_name", |call| {
        let required = call.flag("require_all", true)?;
        Ok(Selector::Names { names: texts(call)?, required }.expr())
    }),
    FunctionRow::new("selector.by_dtype", by_dtype),
    FunctionRow::new("selector.by_class", by_class),
    FunctionRow::new("selector.datetime", datetime),
    FunctionRow::new("selector.matches", |call| Ok(Selector::Matches(call.text("pattern")?).expr())),
    FunctionRow::new("selector.starts_with", |call| Ok(Selector::StartsWith(texts(call)?).expr())),
    FunctionRow::new("selector.ends_with", |call| Ok(Selector::EndsWith(texts(call)?).expr())),
    FunctionRow::new("selector.contains", |call| Ok(Selector::Contains(texts(call)?).expr())),
    FunctionRow::new("selector.and", |call| combined(call, Selector::intersection)),
    FunctionRow::new("selector.or", |call| combined(call, Selector::union)),
    FunctionRow::new("selector.xor", |call| combined(call, Selector::symmetric_difference)),
    FunctionRow::new("selector.sub", |call| combined(call, Selector::difference)),
    FunctionRow::new("exclude", exclude),
    FunctionRow::new("when", conditions),
];

/// One name, several, patterns (`^...$`), or `*` for all.
fn columns(call: &mut Call) -> Result<Expr> {
    let names = texts(call)?;
    Ok(match names.as_slice() {
        [name] => by_pattern(name),
        _ if names.iter().any(|name| is_pattern(name)) => {
            let choices = names.iter().map(|name| selector_of_name(name));
            choices.reduce(Selector::union).unwrap_or(Selector::Names { names: vec![], required: true }).expr()
        }
        _ => Selector::Names { names, required: true }.expr(),
    })
}

fn is_pattern(name: &str) -> bool {
    name == "*" || name.starts_with('^') && name.ends_with('$')
}

fn selector_of_name(name: &str) -> Selector {
    match name {
        "*" => Selector::All,
        name if is_pattern(name) => Selector::Matches(name.to_owned()),
        name => Selector::Names { names: vec![name.to_owned()], required: true },
    }
}

/// A name as Python's methods take it: a column, a pattern `^...$`, or `*` for every column.
pub fn by_pattern(name: &str) -> Expr {
    if is_pattern(name) { selector_of_name(name).expr() } else { col(name) }
}

fn texts(call: &mut Call) -> Result<Vec<String>> {
    Ok(call.texts("names")?.unwrap_or_default())
}

fn places(call: &mut Call) -> Result<Vec<i64>> {
    let places = call.values("indices")?;
    places
        .into_iter()
        .map(|place| place.cast_to(&DataType::Int64).ok())
        .map(|place| match place {
            Some(datafusion::scalar::ScalarValue::Int64(Some(place))) => Ok(place),
            _ => Err(call.wrong("a place is a whole number")),
        })
        .collect()
}

fn by_dtype(call: &mut Call) -> Result<Expr> {
    let types = call.data_types("dtypes")?;
    Ok(Selector::Types(types.into_iter().map(TypeClass::Exactly).collect()).expr())
}

fn by_class(call: &mut Call) -> Result<Expr> {
    let classes = [
        ("numeric", TypeClass::Numeric),
        ("integer", TypeClass::Integer),
        ("signed_integer", TypeClass::SignedInteger),
        ("unsigned_integer", TypeClass::UnsignedInteger),
        ("float", TypeClass::Float),
        ("decimal", TypeClass::Decimal),
        ("string", TypeClass::String),
        ("binary", TypeClass::Binary),
        ("boolean", TypeClass::Boolean),
        ("temporal", TypeClass::Temporal),
        ("datetime", TypeClass::Datetime(None, None)),
        ("duration", TypeClass::Duration(None)),
        ("time", TypeClass::Time),
        ("date", TypeClass::Exactly(DataType::Date32)),
        ("categorical", TypeClass::Categorical),
        ("enum", TypeClass::Enum),
        ("list", TypeClass::List),
        ("array", TypeClass::Array),
        ("struct", TypeClass::Struct),
        ("nested", TypeClass::Nested),
    ];
    let choices: Vec<(&str, usize)> = classes.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let named = call.texts("names")?.unwrap_or_default();
    let mut chosen = vec![];
    for name in named {
        let index = choices.iter().find(|(known, _)| *known == name).map(|(_, index)| *index);
        let index = index.ok_or_else(|| call.wrong(format!("there is no family of types `{name}`")))?;
        chosen.push(classes[index].1.clone());
    }
    Ok(Selector::Types(chosen).expr())
}

/// Timestamps of some units and time zones; durations of some units.
fn datetime(call: &mut Call) -> Result<Expr> {
    let durations = call.flag("durations", false)?;
    let units = call.texts("units")?.unwrap_or_default();
    let units: Vec<Option<TimeUnit>> = match units.is_empty() {
        true => vec![None],
        false => units.iter().map(|unit| unit_named(call, unit).map(Some)).collect::<Result<_>>()?,
    };
    let zones: Vec<Option<Option<String>>> = match call.texts("zones")? {
        None => vec![None],
        Some(zones) => zones.into_iter().map(|zone| Some((!zone.is_empty()).then_some(zone))).collect(),
    };
    let classes = units.iter().flat_map(|unit| {
        zones.iter().map(move |zone| match durations {
            true => TypeClass::Duration(*unit),
            false => TypeClass::Datetime(*unit, zone.clone()),
        })
    });
    Ok(Selector::Types(classes.collect()).expr())
}

fn unit_named(call: &Call, unit: &str) -> Result<TimeUnit> {
    match unit {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        _ => Err(call.wrong(format!("there is no unit of time `{unit}`")).hint("it is one of `ms`, `us`, `ns`")),
    }
}

fn selector(call: &mut Call) -> Result<Selector> {
    let expr = call.expr("the selector")?;
    let found = match &expr {
        Expr::ScalarFunction(function) => selector_of(function).cloned(),
        Expr::Column(column) => Some(Selector::Names { names: vec![column.name.clone()], required: true }),
        _ => None,
    };
    found.ok_or_else(|| call.wrong(format!("`{}` chooses no columns", expr.human_display())))
}

fn combined(call: &mut Call, combine: fn(Selector, Selector) -> Selector) -> Result<Expr> {
    Ok(combine(selector(call)?, selector(call)?).expr())
}

/// The selector without columns of some names, patterns and types.
fn exclude(call: &mut Call) -> Result<Expr> {
    let mut rest = selector(call)?;
    for name in texts(call)? {
        let dropped =
            if is_pattern(&name) { selector_of_name(&name) } else { Selector::Names { names: vec![name], required: false } };
        rest = rest.difference(dropped);
    }
    let types = call.data_types("dtypes")?;
    Ok(rest.difference(Selector::Types(types.into_iter().map(TypeClass::Exactly).collect())).expr())
}

/// Conditions and values in turn, then perhaps the value for where none holds.
fn conditions(call: &mut Call) -> Result<Expr> {
    let mut parts = call.rest().into_iter();
    let mut cases: Option<super::super::Then> = None;
    loop {
        match (parts.next(), parts.next(), cases.take()) {
            (Some(condition), Some(value), None) => cases = Some(when(condition).then(value)),
            (Some(condition), Some(value), Some(then)) => cases = Some(then.when(condition).then(value)),
            (Some(otherwise), None, Some(then)) => return Ok(then.otherwise(otherwise)),
            (None, _, Some(then)) => return Ok(then.end()),
            (_, _, None) => return Err(call.wrong("a condition without a value")),
        }
    }
}
