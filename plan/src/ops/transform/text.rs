//! One written item: what it stands for, planned.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::{self, ExcludeSelectItem, Ident, SelectItem, WildcardAdditionalOptions};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use gradframe_ml_core::error::Place;
use gradframe_ml_core::{Error, Result};

use super::{Item, OP, WrittenItem, check, ml_calls, placed, planner};
use crate::dialect::{self, OwnDialect};
use crate::distinct_from;
use crate::error::{detail_mut, from_datafusion};
use crate::functions::{marker_of, with_slot};
use crate::ops::columns::missing;

/// The columns that an item makes: one, or those that `*` stands for. `slots` counts the analytic calls so far.
pub(super) fn plan(written: &WrittenItem, schema: &DFSchema, slots: &mut usize) -> Result<Vec<Item>> {
    let items = parse(written).and_then(|item| named_exprs(item, written, schema));
    let items = items
        .and_then(|items| items.into_iter().map(|(name, sql, expr)| planned(name, sql, expr, written, schema, slots)).collect());
    items.map_err(|error| in_item(error, written.place))
}

/// A text that is stored, or made of a frame's expression, has `^` for XOR: powers are written out in it.
fn parse(written: &WrittenItem) -> Result<SelectItem> {
    let parse = || {
        let tokens = distinct_from::as_operators(dialect::tokens(&written.sql)?);
        let mut parser = Parser::new(&OwnDialect).with_tokens_with_locations(tokens);
        let item = parser.parse_select_item()?;
        parser.expect_token(&Token::EOF)?;
        Ok::<_, datafusion::sql::sqlparser::parser::ParserError>(item)
    };
    let mut item = parse().map_err(|error| from_datafusion(error.into()))?;
    ml_calls::check_depth(&item)?;
    distinct_from::written_out(&mut item);
    if written.place.is_some() {
        dialect::powers_written_out(&mut item);
    }
    Ok(item)
}

/// Names, texts and syntax trees of the columns.
fn named_exprs(item: SelectItem, written: &WrittenItem, schema: &DFSchema) -> Result<Vec<(String, String, ast::Expr)>> {
    let has_power = written.place.is_some() && written.sql.contains('^');
    let stored = if has_power { item.to_string() } else { written.sql.clone() };
    let sql = || stored.clone();
    match item {
        SelectItem::ExprWithAlias { expr, alias } => Ok(vec![(fold(&alias), sql(), expr)]),
        SelectItem::UnnamedExpr(ast::Expr::Identifier(column)) => Ok(vec![(fold(&column), sql(), ast::Expr::Identifier(column))]),
        SelectItem::UnnamedExpr(expr) => {
            let error = Error::plan(OP, format!("`{expr}` has no name"));
            Err(error.hint("name it: ... AS name"))
        }
        SelectItem::Wildcard(options) => {
            let left_out = left_out(&options, schema)?;
            let names = schema.fields().iter().map(|field| field.name()).filter(|name| !left_out.contains(name));
            Ok(names.map(|name| all_of(name)).collect())
        }
        other => Err(Error::not_implemented(OP, format!("`{other}` cannot stand in a TRANSFORM")).hint("write * or the columns")),
    }
}

/// A column that `*` stands for, written out.
fn all_of(name: &str) -> (String, String, ast::Expr) {
    let column = Ident::with_quote('"', name);
    (name.to_owned(), column.to_string(), ast::Expr::Identifier(column))
}

/// The columns after EXCEPT or EXCLUDE. Errors: `Plan` for one that is not there.
fn left_out(options: &WildcardAdditionalOptions, schema: &DFSchema) -> Result<Vec<String>> {
    if options.opt_ilike.is_some() || options.opt_replace.is_some() || options.opt_rename.is_some() {
        let error = Error::not_implemented(OP, "* takes only EXCEPT here");
        return Err(error.hint("* EXCEPT (x), f(x) AS x"));
    }
    let except =
        options.opt_except.iter().flat_map(|except| std::iter::once(&except.first_element).chain(&except.additional_elements));
    let exclude = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().collect(),
        None => vec![],
    };
    let exclude = exclude.into_iter().filter_map(|name| name.0.last().and_then(|part| part.as_ident()));
    let names: Vec<String> = except.chain(exclude).map(fold).collect();
    match names.iter().find(|name| !schema.fields().iter().any(|field| field.name() == *name)) {
        Some(name) => Err(missing(OP, schema, format!("the query has no column `{name}`, which EXCEPT names"), name)),
        None => Ok(names),
    }
}

fn planned(
    name: String,
    sql: String,
    mut expr: ast::Expr,
    written: &WrittenItem,
    schema: &DFSchema,
    slots: &mut usize,
) -> Result<Item> {
    ml_calls::normalize(&mut expr)?;
    let expr = planner::plan(expr, schema)?;
    check::looks_at_one_row(&expr)?;
    let expr = with_constant_parameters(expr, schema)?;
    let expr = planner::coerce(expr, schema)?;
    check::analytic_arguments(&expr, schema)?;
    let first_slot = *slots;
    let expr = numbered(expr, slots)?;
    let data_type = expr.get_type(schema).map_err(from_datafusion)?;
    Ok(Item { name, data_type, expr, sql, first_slot, place: written.place })
}

/// The arguments of analytic calls after the first as constants, which they must be.
fn with_constant_parameters(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let folded = expr.transform_up(|expr| match expr {
        Expr::ScalarFunction(mut call) if marker_of(&call).is_some() => {
            for parameter in call.args.iter_mut().skip(1) {
                let value = planner::constant(parameter, schema).map_err(crate::error::to_datafusion)?;
                let value = value.ok_or_else(|| crate::error::to_datafusion(varying(call.func.name(), parameter)))?;
                *parameter = Expr::Literal(value, None);
            }
            Ok(Transformed::yes(Expr::ScalarFunction(call)))
        }
        other => Ok(Transformed::no(other)),
    });
    folded.map(|folded| folded.data).map_err(from_datafusion)
}

fn varying(function: &str, parameter: &Expr) -> Error {
    Error::plan(function, format!("`{parameter}` is no constant")).hint("only the first argument may vary from row to row")
}

/// Gives each analytic call its slot.
fn numbered(expr: Expr, slots: &mut usize) -> Result<Expr> {
    let numbered = expr.transform_up(|expr| match expr {
        Expr::ScalarFunction(call) => match marker_of(&call).cloned() {
            Some(marker) => {
                *slots += 1;
                Ok(Transformed::yes(Expr::ScalarFunction(with_slot(call, marker, *slots - 1))))
            }
            None => Ok(Transformed::no(Expr::ScalarFunction(call))),
        },
        other => Ok(Transformed::no(other)),
    });
    numbered.map(|numbered| numbered.data).map_err(from_datafusion)
}

/// An identifier as SQL compares it.
fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The error as one of the TRANSFORM: its place is in the item's text, and is to be in the statement's.
fn in_item(mut error: Error, item: Option<Place>) -> Error {
    let detail = detail_mut(&mut error);
    if matches!(detail.op.as_str(), "query" | "sql") {
        detail.op = OP.to_owned();
    }
    detail.place = match (item, detail.place) {
        (Some(item), Some(inside)) if inside.line <= 1 => {
            Some(Place { line: item.line, column: item.column + inside.column.max(1) - 1 })
        }
        (Some(item), Some(inside)) => Some(Place { line: item.line + inside.line - 1, column: inside.column }),
        (None, _) => None,
        (Some(_), None) => None,
    };
    placed(error, item)
}
