//! Keys of GROUP BY of which one casts another, `GROUP BY CAST(ts AS DATE), ts`, and calls of which one casts what another takes, `avg(v), avg(v::DOUBLE)`.
//!
//! DataFusion 55 gives both one name, and two keys or aggregates of one name are an error. Here such a cast becomes `coalesce(CAST(ts AS DATE))`, which is the
//! same value under a name of its own.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query, Select, SelectItem, SetExpr, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Renames such casts wherever they stand in their query.
pub(crate) fn renamed(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Queries);
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut casts = vec![];
        each_select(&query.body, &mut |select| {
            casts.extend(clashing(select));
            casts.extend(clashing_calls(select));
        });
        if casts.is_empty() { ControlFlow::Continue(()) } else { query.visit(&mut Renaming { casts }) }
    }
}

fn each_select(set: &SetExpr, seen: &mut impl FnMut(&Select)) {
    match set {
        SetExpr::Select(select) => seen(select),
        SetExpr::SetOperation { left, right, .. } => {
            each_select(left, seen);
            each_select(right, seen);
        }
        _ => {}
    }
}

/// Casts among the keys and results of which another one is the argument, or another cast of it.
fn clashing(select: &Select) -> Vec<Expr> {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return vec![] };
    if keys.is_empty() {
        return vec![];
    }
    let mut found: Vec<&Expr> = vec![];
    keys.iter().for_each(|key| add_keys(key, &mut found));
    found.extend(select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(unwrapped(expr)),
        _ => None,
    }));
    let clashes = |cast: &&&Expr| found.iter().any(|other| *other != **cast && bare(other) == bare(cast));
    found.iter().filter(|expr| matches!(expr, Expr::Cast { .. })).filter(clashes).map(|cast| (*cast).clone()).collect()
}

/// Casts within calls of the results that differ by their casts alone.
fn clashing_calls(select: &Select) -> Vec<Expr> {
    let mut calls = Calls::default();
    let _: ControlFlow<()> = Visit::visit(&select.projection, &mut calls);
    let clashes = |(own, plain): &&(Expr, String)| calls.found.iter().any(|(other, text)| text == plain && other != own);
    let mut casts = Casts::default();
    for (call, _) in calls.found.iter().filter(clashes) {
        let _: ControlFlow<()> = Visit::visit(call, &mut casts);
    }
    casts.found
}

/// The calls with what they are without casts.
#[derive(Default)]
struct Calls {
    found: Vec<(Expr, String)>,
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Function(_)) {
            let mut plain = expr.clone();
            let _: ControlFlow<()> = VisitMut::visit(&mut plain, &mut Stripping);
            self.found.push((expr.clone(), plain.to_string()));
        }
        ControlFlow::Continue(())
    }
}

struct Stripping;

impl VisitorMut for Stripping {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { .. } | Expr::Nested(_) = expr {
            *expr = bare(expr).clone();
        }
        ControlFlow::Continue(())
    }
}

#[derive(Default)]
struct Casts {
    found: Vec<Expr>,
}

impl Visitor for Casts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Cast { .. } = expr {
            self.found.push(expr.clone());
        }
        ControlFlow::Continue(())
    }
}

fn add_keys<'a>(key: &'a Expr, found: &mut Vec<&'a Expr>) {
    match unwrapped(key) {
        Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
            sets.iter().flatten().for_each(|key| add_keys(key, found));
        }
        key => found.push(key),
    }
}

/// Without parentheses.
fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unwrapped(inner),
        other => other,
    }
}

/// Without casts too.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(expr) | Expr::Cast { expr, .. } => bare(expr),
        other => other,
    }
}

struct Renaming {
    casts: Vec<Expr>,
}

impl VisitorMut for Renaming {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.casts.contains(expr)
            && let Some(mut call) = coalesce()
            && let Some(argument) = argument(&mut call)
        {
            mem::swap(argument, expr);
            *expr = call;
        }
        ControlFlow::Continue(())
    }
}

fn coalesce() -> Option<Expr> {
    Parser::new(&GenericDialect {}).try_with_sql("coalesce(NULL)").ok()?.parse_expr().ok()
}

fn argument(call: &mut Expr) -> Option<&mut Expr> {
    let Expr::Function(function) = call else { return None };
    let FunctionArguments::List(list) = &mut function.args else { return None };
    match list.args.first_mut()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
            let is_null = matches!(&*expr, Expr::Value(value) if value.value == Value::Null);
            is_null.then_some(expr)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::{DFParser, Statement as SqlStatement};

    use super::*;

    fn written(sql: &str) -> String {
        let Some(SqlStatement::Statement(mut statement)) = DFParser::parse_sql(sql).unwrap().pop_front() else { panic!("{sql}") };
        renamed(statement.as_mut());
        statement.to_string()
    }

    #[test]
    fn casts_are_renamed_beside_what_they_cast() {
        for (sql, expected) in [
            ("SELECT CAST(j AS INT) FROM t GROUP BY CAST(j AS INT)", "SELECT CAST(j AS INT) FROM t GROUP BY CAST(j AS INT)"),
            ("SELECT CAST(j AS INT), j FROM t", "SELECT CAST(j AS INT), j FROM t"),
            (
                "SELECT CAST(j AS INT) + 1 AS a, j FROM t GROUP BY CAST(j AS INT), j ORDER BY CAST(j AS INT)",
                "SELECT coalesce(CAST(j AS INT)) + 1 AS a, j FROM t GROUP BY coalesce(CAST(j AS INT)), j ORDER BY coalesce(CAST(j AS INT))",
            ),
            ("SELECT j::INT AS a, j FROM t GROUP BY 1, 2", "SELECT coalesce(j::INT) AS a, j FROM t GROUP BY 1, 2"),
            ("SELECT avg(v), avg(v::DOUBLE) FROM t", "SELECT avg(v), avg(coalesce(v::DOUBLE)) FROM t"),
            ("SELECT avg(v::INT), sum(v::DOUBLE) FROM t", "SELECT avg(v::INT), sum(v::DOUBLE) FROM t"),
            (
                "SELECT count(*) FROM t GROUP BY ROLLUP (j::INT, j::DATE)",
                "SELECT count(*) FROM t GROUP BY ROLLUP (coalesce(j::INT), coalesce(j::DATE))",
            ),
        ] {
            assert_eq!(written(sql), expected);
        }
    }
}
