//! Values of which one is taken, by a condition or because it is not null: they have one type.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::type_coercion::other::get_coerce_type_for_case_expression;

use super::super::super::enums::{Together, field_of, together};
use super::super::super::functions::cast;
use super::super::super::structure::{Mark, mark_of};
use super::super::names::shown;
use super::kind::Kind;
use super::moments::common_moment;
use super::numbers::{cast_to, common_number};
use super::{CAST, as_values, require_condition, type_of};
use crate::{Error, Result};
use gradframe_plan::functions::column::per_row;
use gradframe_plan::functions::{enum_at, enum_categories};
use gradframe_plan::names::type_name;

/// A case whose conditions are conditions, and whose values have their common type: until a plan is analysed, DataFusion
/// takes the first value's for the whole.
pub(super) fn of_case(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if case.expr.is_none() {
        for (condition, _) in &case.when_then_expr {
            require_condition("when", condition, schema)?;
        }
    }
    let values = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut());
    let values = values.chain(case.else_expr.iter_mut().map(AsMut::as_mut)).collect();
    let common = of_one_type("when", values, schema)?;
    Ok(common.of(Expr::Case(case)))
}

/// The first value that is not null.
pub(super) fn of_coalesce(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let common = of_one_type("coalesce", function.args.iter_mut().collect(), schema)?;
    if function.args.iter().rev().skip(1).any(holds_cases) {
        return Ok(Transformed::yes(common.of(per_row("first_present", function.args, vec![])).data));
    }
    Ok(common.of(Expr::ScalarFunction(function)))
}

/// Whether a value chooses among others on each row. What holds one twice, as the case does that a `coalesce` becomes, holds the next
/// one four times. An aggregate is a column above it, unless it is one of a single value.
fn holds_cases(value: &Expr) -> bool {
    let mut found = false;
    let visited = value.apply(|node| {
        let is_aggregate = matches!(node, Expr::AggregateFunction(_) | Expr::WindowFunction(_));
        found |= match node {
            Expr::Case(_) => true,
            Expr::ScalarFunction(function) => {
                stands_for_another(function) || ["coalesce", "first_present"].contains(&plain_name(function))
            }
            _ if is_aggregate => is_over_aggregate(node),
            _ => false,
        };
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false if is_aggregate => TreeNodeRecursion::Jump,
            false => TreeNodeRecursion::Continue,
        })
    });
    found || visited.is_err()
}

/// What a value is that stands for something large nobody looks at.
fn stands_for_another(function: &ScalarFunction) -> bool {
    matches!(mark_of(function), Some(Mark::Named { .. }))
}

/// The name without the constants of a kernel.
fn plain_name(function: &ScalarFunction) -> &str {
    let name = function.func.name();
    name.split('[').next().unwrap_or(name)
}

fn is_over_aggregate(aggregate: &Expr) -> bool {
    let mut aggregates = 0;
    let visited = aggregate.apply(|node| {
        let stands_for_another = matches!(node, Expr::ScalarFunction(function) if stands_for_another(function));
        aggregates += if stands_for_another { 2 } else { usize::from(matches!(node, Expr::AggregateFunction(_))) };
        Ok(if aggregates > 1 { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.is_err() || aggregates > usize::from(matches!(aggregate, Expr::AggregateFunction(_)))
}

/// How values came to have one type.
enum Common {
    /// They had.
    AsTheyWere,
    /// By casts.
    Cast,
    /// As places among these categories.
    Places(Vec<String>),
    /// As the texts of categories.
    Texts(DataType),
}

impl Common {
    /// What chooses among the values, in the type that it is to have.
    fn of(self, chosen: Expr) -> Transformed<Expr> {
        match self {
            Common::AsTheyWere => Transformed::no(chosen),
            Common::Cast => Transformed::yes(chosen),
            Common::Places(categories) => Transformed::yes(enum_at(chosen, categories)),
            Common::Texts(categories) => Transformed::yes(cast(chosen, categories)),
        }
    }
}

/// Casts the values to their common type. Errors: as [`common_type`].
fn of_one_type(op: &str, mut values: Vec<&mut Expr>, schema: &DFSchema) -> Result<Common> {
    let mut were_stored = false;
    let types = values.iter().map(|value| type_of(value, schema)).collect::<Result<Vec<_>>>()?;
    if types.windows(2).any(|pair| pair[0] != pair[1]) {
        for value in &mut values {
            let plain = as_values(value.clone(), schema);
            were_stored |= plain != **value;
            **value = plain;
        }
    }
    match of_one_plain_type(op, values, schema)? {
        Common::AsTheyWere if were_stored => Ok(Common::Cast),
        common => Ok(common),
    }
}

fn of_one_plain_type(op: &str, mut values: Vec<&mut Expr>, schema: &DFSchema) -> Result<Common> {
    let as_texts = match of_one_enum(op, &mut values, schema)? {
        Some(Common::Cast) => true,
        Some(places) => return Ok(places),
        None => false,
    };
    let types = values.iter().map(|value| type_of(value, schema)).collect::<Result<Vec<_>>>()?;
    let known: Vec<(&Expr, &DataType)> =
        values.iter().map(|value| &**value).zip(&types).filter(|(_, own)| !own.is_null()).collect();
    if let Some(categories) = categorical(&known) {
        for (value, own) in values.into_iter().zip(&types).filter(|(_, own)| !own.is_null() && **own != DataType::Utf8) {
            *value = cast_to(std::mem::take(value), own, &DataType::Utf8);
        }
        return Ok(Common::Texts(categories));
    }
    if known.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(if as_texts { Common::Cast } else { Common::AsTheyWere });
    }
    let common = common_type(op, &known)?;
    for (value, _) in known.iter().filter(|(_, own)| own.is_string() && !common.is_string()) {
        if let Expr::Literal(text, _) = value
            && text.cast_to(&common).is_err()
        {
            let what = format!("{text} is no {common}, as the other values are", common = type_name(&common));
            return Err(Error::dtype(op, what).hint("give a value of that type"));
        }
    }
    for (value, own) in values.into_iter().zip(&types).filter(|(_, own)| !own.is_null() && **own != common) {
        *value = cast_to(std::mem::take(value), own, &common);
    }
    Ok(Common::Cast)
}

/// Enums as places, or, beside a column of text, as texts; None where there is no Enum.
fn of_one_enum(op: &str, values: &mut [&mut Expr], schema: &DFSchema) -> Result<Option<Common>> {
    let fields: Vec<_> = values.iter().map(|value| field_of(value, schema)).collect();
    if !fields.iter().flatten().any(|field| enum_categories(field).is_some()) {
        return Ok(None);
    }
    let given = values.iter_mut().map(|value| std::mem::take::<Expr>(value)).zip(fields).collect();
    let (exprs, common) = match together(op, given, false)? {
        Together::Places { exprs, categories } => (exprs, Common::Places(categories)),
        Together::Texts(exprs) => (exprs, Common::Cast),
    };
    values.iter_mut().zip(exprs).for_each(|(value, expr)| **value = expr);
    Ok(Some(common))
}

/// The type of categories among values of which all others are categories, too, or constant texts.
fn categorical(values: &[(&Expr, &DataType)]) -> Option<DataType> {
    let is_categorical = |own: &DataType| matches!(own, DataType::Dictionary(_, texts) if texts.is_string());
    let goes = |(value, own): &(&Expr, &DataType)| is_categorical(own) || own.is_string() && matches!(value, Expr::Literal(..));
    let all = values.iter().all(goes) && values.iter().any(|(_, own)| is_categorical(own));
    all.then(|| DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)))
}

/// The common type of values, nulls not among them. Errors: `DType` where there is none; a date that is to be a number has none.
pub(crate) fn common_type(op: &str, known: &[(&Expr, &DataType)]) -> Result<DataType> {
    if let [(_, first), others @ ..] = known
        && others.iter().all(|(_, other)| other == first)
    {
        return Ok((*first).clone());
    }
    let is_number = |own: &DataType| Kind::of(own).is_number() || Kind::of(own) == Kind::Decimal;
    let numbers = known.iter().all(|(_, own)| is_number(own)).then(|| common_number(known)).flatten();
    let own: Vec<DataType> = known.iter().map(|(_, own)| (*own).clone()).collect();
    let is_any = |of: fn(Kind) -> bool| own.iter().any(|own| of(Kind::of(own)));
    let mixed = is_any(Kind::is_moment) && is_any(Kind::is_number);
    let coerced = || common_moment(&own).or_else(|| get_coerce_type_for_case_expression(&own, None));
    let common = numbers.or_else(coerced).filter(|_| !mixed);
    common.ok_or_else(|| without_common_type(op, known))
}

fn without_common_type(op: &str, values: &[(&Expr, &DataType)]) -> Error {
    let each: Vec<String> =
        values.iter().map(|(value, own)| format!("`{}` is {own}", shown(value), own = type_name(own))).collect();
    Error::dtype(op, format!("{}, which have no common type", each.join(" and "))).hint(CAST)
}
