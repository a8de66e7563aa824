//! Everyday functions of other databases: `year(d)`, `date_diff('month', a, b)`, `max_by(x, y)`.
//!
//! Each is a row of [`table`]: another name of a function that there is, or what it is written of. A function of the catalog goes before a row of its name.

mod table;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, UnaryOperator, Value,
    VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::dialect::{OwnDialect, tokens};

use self::table::{NAMES, WRITTEN};
use crate::visit::visit_mut;

/// Writes such calls as what they mean, and `~x`.
pub(crate) fn written_out(statement: &mut SqlStatement, state: &SessionState) -> Result<()> {
    visit_mut(statement, &mut Everyday { state })
}

struct Everyday<'a> {
    state: &'a SessionState,
}

impl VisitorMut for Everyday<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: inner } = expr {
            *expr = inverted(inner.as_ref().clone());
            return ControlFlow::Continue(());
        }
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let Some(name) = bare_name(&call.name).filter(|name| !self.is_known(name)) else { return ControlFlow::Continue(()) };
        if let Some((_, own)) = NAMES.iter().find(|(other, _)| *other == name) {
            call.name = ObjectName::from(vec![Ident::new(*own)]);
        } else if let Some(meant) = arguments(call).and_then(|arguments| written_of(&name, call, arguments)) {
            *expr = meant;
        }
        ControlFlow::Continue(())
    }
}

impl Everyday<'_> {
    fn is_known(&self, name: &str) -> bool {
        let state = self.state;
        state.scalar_functions().contains_key(name)
            || state.aggregate_functions().contains_key(name)
            || state.window_functions().contains_key(name)
    }
}

/// The name of a call without schema, as DataFusion looks it up.
fn bare_name(name: &ObjectName) -> Option<String> {
    let [only] = name.0.as_slice() else { return None };
    let ident = only.as_ident()?;
    Some(if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() })
}

/// The arguments of a call that has no names, clauses and DISTINCT.
fn arguments(call: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let is_plain = list.clauses.is_empty() && list.duplicate_treatment.is_none();
    let of = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    };
    list.args.iter().map(of).collect::<Option<Vec<Expr>>>().filter(|_| is_plain)
}

/// The rows of the table, parsed.
static PARSED: LazyLock<HashMap<(&str, usize), Expr>> = LazyLock::new(|| {
    let parsed = WRITTEN.iter().filter_map(|(name, many, sql)| Some(((*name, *many), parsed(sql)?)));
    parsed.collect()
});

fn parsed(sql: &str) -> Option<Expr> {
    Parser::new(&OwnDialect).with_tokens_with_locations(tokens(sql).ok()?).parse_expr().ok()
}

/// What a call is written of; None if no row says it, or none with its FILTER and OVER.
fn written_of(name: &str, call: &Function, mut arguments: Vec<Expr>) -> Option<Expr> {
    let mut meant = PARSED.get(&(name, arguments.len()))?.clone();
    if name == "strftime" {
        arguments = of_strftime(arguments);
    }
    let _: ControlFlow<()> = meant.visit(&mut Arguments(&arguments));
    match &mut meant {
        Expr::Function(own) => {
            own.over.clone_from(&call.over);
            own.null_treatment.clone_from(&call.null_treatment);
            own.filter = both(own.filter.take(), call.filter.clone());
            Some(meant)
        }
        _ if call.over.is_some() || call.filter.is_some() || call.null_treatment.is_some() => None,
        _ => Some(Expr::Nested(Box::new(meant))),
    }
}

fn both(own: Option<Box<Expr>>, given: Option<Box<Expr>>) -> Option<Box<Expr>> {
    match (own, given) {
        (Some(left), Some(right)) => {
            let right = Box::new(Expr::Nested(right));
            Some(Box::new(Expr::BinaryOp { left, op: BinaryOperator::And, right }))
        }
        (own, given) => own.or(given),
    }
}

/// The format may come first; `%f` is microseconds, of which chrono has nanoseconds.
fn of_strftime(mut arguments: Vec<Expr>) -> Vec<Expr> {
    let is_text = |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
    if let [first, second] = arguments.as_mut_slice()
        && is_text(first)
        && !is_text(second)
    {
        std::mem::swap(first, second);
    }
    if let Some(Expr::Value(format)) = arguments.get_mut(1)
        && let Value::SingleQuotedString(format) = &mut format.value
    {
        *format = format.replace("%f", "%6f");
    }
    arguments
}

/// Puts arguments in the places of `$1`, `$2` ...
struct Arguments<'a>(&'a [Expr]);

impl VisitorMut for Arguments<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(place) = &value.value
            && let Some(argument) =
                place.strip_prefix('$').and_then(|place| self.0.get(place.parse::<usize>().ok()?.checked_sub(1)?))
        {
            *expr = if is_simple(argument) { argument.clone() } else { Expr::Nested(Box::new(argument.clone())) };
        }
        ControlFlow::Continue(())
    }
}

/// What needs no parentheses.
fn is_simple(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) | Expr::Nested(_))
}

/// `~x` is `-1 - x` in two's complement.
fn inverted(value: Expr) -> Expr {
    let minus_one = Expr::Value(Value::Number("-1".to_owned(), false).into());
    let difference =
        Expr::BinaryOp { left: Box::new(minus_one), op: BinaryOperator::Minus, right: Box::new(Expr::Nested(Box::new(value))) };
    Expr::Nested(Box::new(difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_sql_and_has_a_name_of_its_own() {
        assert_eq!(PARSED.len(), WRITTEN.len());
        for (at, (name, _)) in NAMES.iter().enumerate() {
            let again = NAMES[at + 1..].iter().any(|(other, _)| other == name) || WRITTEN.iter().any(|(other, ..)| other == name);
            assert!(!again, "{name}");
        }
    }

    #[test]
    fn arguments_take_the_places_of_numbers() {
        let written = |sql: &str| {
            let Some(Expr::Function(call)) = parsed(sql) else { panic!("{sql} is no call") };
            let name = bare_name(&call.name).unwrap();
            written_of(&name, &call, arguments(&call).unwrap()).map(|expr| expr.to_string())
        };
        assert_eq!(written("mod(a + 1, 2)").as_deref(), Some("((a + 1) % 2)"));
        assert_eq!(written("count_if(x) FILTER (WHERE y)").as_deref(), Some("count(CASE WHEN x THEN 1 END) FILTER (WHERE y)"));
        assert_eq!(written("mod(a, 2) OVER ()"), None);
        assert_eq!(written("mod(a)"), None);
    }
}
