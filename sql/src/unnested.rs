//! SELECTs that unnest a list beside a result with the name of another column: `SELECT -v AS v, unnest(l) AS u FROM g`.
//!
//! DataFusion 55 computes what is not unnested below the unnesting, beside the columns that it is made of, and calls the name ambiguous there.
//! Such a SELECT is written again with names of ours, below one that gives the names it had. What then cannot be planned is what could not be
//! planned before: an ORDER BY by a column that is no result.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Select, SelectItem, SetExpr, Statement as AstStatement, TableFactor, Visit, Visitor,
    VisitorMut,
};
use gradframe_ml_core::{Error, Result};

use crate::deep_copy::deep_copy;
use crate::names::fold;
use crate::visit::{visit, visit_mut};

/// The rows below, and before a number each of their columns.
const UNNESTED: &str = "__unnested";

/// The statement with such SELECTs written again, if it has some; `text_bytes` is its length.
pub(crate) fn apart(statement: &SqlStatement, text_bytes: usize) -> Result<Option<SqlStatement>> {
    let mut found = Found(false);
    visit(statement, &mut found)?;
    if !found.0 {
        return Ok(None);
    }
    let mut statement = deep_copy(statement, text_bytes)?;
    visit_mut(&mut statement, &mut Naming)?;
    Ok(Some(statement))
}

struct Found(bool);

impl Visitor for Found {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        self.0 |= clashing(select).is_some();
        ControlFlow::Continue(())
    }
}

struct Naming;

impl VisitorMut for Naming {
    type Break = Error;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if let Some(names) = clashing(select) {
            put_below(select, names);
        }
        ControlFlow::Continue(())
    }
}

/// The names of the results, if one that is computed has that of a column that is read beside an unnesting.
fn clashing(select: &Select) -> Option<Vec<Ident>> {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let on_keys = matches!(select.distinct, Some(Distinct::On(_)));
    if grouped || on_keys || select.having.is_some() || select.qualify.is_some() {
        return None;
    }
    let mut read = Columns::default();
    for item in &select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
        let _: ControlFlow<()> = expr.visit(&mut read);
    }
    let shadows = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { expr, alias } => read.names.contains(&fold(alias)) && !is_column(expr, alias),
        _ => false,
    };
    if !read.unnests || !select.projection.iter().any(shadows) {
        return None;
    }
    select.projection.iter().map(name).collect()
}

/// The name of a result that has one.
fn name(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(column)) => Some(column.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().cloned(),
        _ => None,
    }
}

/// Whether it is a column under its own name.
fn is_column(expr: &Expr, alias: &Ident) -> bool {
    match expr {
        Expr::Identifier(column) => fold(column) == fold(alias),
        Expr::CompoundIdentifier(names) => names.last().is_some_and(|column| fold(column) == fold(alias)),
        _ => false,
    }
}

/// Columns by their names, whosever they are, and whether a list is unnested.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    unnests: bool,
}

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(column) => self.names.push(fold(column)),
            Expr::CompoundIdentifier(names) => self.names.extend(names.last().map(fold)),
            Expr::Function(function) => self.unnests |= function.name.to_string().eq_ignore_ascii_case("unnest"),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `SELECT __unnested_0 AS v, .. FROM (SELECT -v AS __unnested_0, ..) AS __unnested`
fn put_below(select: &mut Select, names: Vec<Ident>) {
    let Some(mut above) = select_from_below() else { return };
    let numbered = |number: usize| Ident::with_quote('"', format!("{UNNESTED}_{number}"));
    let results = names.into_iter().enumerate();
    above.projection =
        results.map(|(number, alias)| SelectItem::ExprWithAlias { expr: Expr::Identifier(numbered(number)), alias }).collect();
    let Some(below) = below(&mut above) else { return };
    for (number, item) in select.projection.iter_mut().enumerate() {
        if let SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) = item {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: numbered(number) };
        }
    }
    mem::swap(below, select);
    mem::swap(&mut above, select);
}

fn select_from_below() -> Option<Select> {
    let text = format!("SELECT 1 FROM (SELECT 1) AS {UNNESTED}");
    let SqlStatement::Statement(statement) = DFParser::parse_sql(&text).ok()?.pop_front()? else { return None };
    let AstStatement::Query(query) = *statement else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    Some(*select)
}

fn below(above: &mut Select) -> Option<&mut Select> {
    let TableFactor::Derived { subquery, .. } = &mut above.from.first_mut()?.relation else { return None };
    match subquery.body.as_mut() {
        SetExpr::Select(select) => Some(select.as_mut()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shadows_a_column_beside_an_unnesting_is_named_apart() {
        let written = |sql: &str| {
            let statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
            apart(&statement, sql.len()).unwrap().map(|statement| statement.to_string())
        };
        for sql in [
            "SELECT -v AS v FROM g",
            "SELECT v, unnest(l) AS u FROM g",
            "SELECT g.v AS v, v + 1 AS w, unnest(l) AS u FROM g",
            "SELECT -v AS w, unnest(l) AS u FROM g",
            "SELECT -v AS v, unnest(l) FROM g",
            "SELECT max(v) AS v, unnest(l) AS u FROM g GROUP BY l",
        ] {
            assert_eq!(written(sql), None, "{sql}");
        }
        assert_eq!(
            written("SELECT k, -v AS v, unnest(l) AS u FROM g WHERE v > 1 ORDER BY v").unwrap(),
            "SELECT \"__unnested_0\" AS k, \"__unnested_1\" AS v, \"__unnested_2\" AS u FROM (SELECT k AS \"__unnested_0\", \
             -v AS \"__unnested_1\", unnest(l) AS \"__unnested_2\" FROM g WHERE v > 1) AS __unnested ORDER BY v"
        );
    }
}
