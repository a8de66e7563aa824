//! Keys of GROUP BY of which one casts another, and calls that differ by a cast: `GROUP BY CAST(ts AS DATE), ts`, `avg(v), avg(v::DOUBLE)`.
//!
//! DataFusion 55 gives a cast the name of what it casts, and two keys or aggregates of one name are an error. Here such a cast becomes
//! `coalesce(CAST(ts AS DATE))`, which is the same value under a name of its own; the next one of the same column, `coalesce(coalesce(..))`.

use std::collections::BTreeMap;
use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query, Select, SelectItem, SetExpr, Value, VisitMut,
    VisitorMut, visit_expressions, visit_expressions_mut,
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
        each_select(&query.body, &mut |select| casts.extend(clashing(select)));
        casts.extend(in_calls(query));
        if casts.is_empty() { ControlFlow::Continue(()) } else { query.visit(&mut Renaming::of(casts)) }
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

/// The outermost casts within calls that are the same but for casts.
fn in_calls(query: &Query) -> Vec<Expr> {
    let mut calls: BTreeMap<String, Vec<Expr>> = BTreeMap::new();
    let _: ControlFlow<()> = visit_expressions(query, |expr| {
        if matches!(expr, Expr::Function(_)) {
            let alike = calls.entry(without_casts(expr).to_string()).or_default();
            if !alike.contains(expr) {
                alike.push(expr.clone());
            }
        }
        ControlFlow::Continue(())
    });
    let mut casts = vec![];
    for mut call in calls.into_values().filter(|alike| alike.len() > 1).flatten() {
        let _: ControlFlow<()> = call.visit(&mut Outermost { depth: 0, casts: &mut casts });
    }
    casts
}

struct Outermost<'a> {
    depth: usize,
    casts: &'a mut Vec<Expr>,
}

impl VisitorMut for Outermost<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Cast { .. }) {
            if self.depth == 0 {
                self.casts.push(expr.clone());
            }
            self.depth += 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.depth -= usize::from(matches!(expr, Expr::Cast { .. }));
        ControlFlow::Continue(())
    }
}

/// What DataFusion makes a name of.
pub(crate) fn without_casts(expr: &Expr) -> Expr {
    let mut named = expr.clone();
    let _: ControlFlow<()> = visit_expressions_mut(&mut named, |part| {
        *part = bare(part).clone();
        ControlFlow::Continue(())
    });
    named
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
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(expr) | Expr::Cast { expr, .. } => bare(expr),
        other => other,
    }
}

/// Each cast with the calls that it is put in; `within` says how many for those that the visit is in.
struct Renaming {
    casts: Vec<(Expr, usize)>,
    within: Vec<usize>,
}

impl Renaming {
    fn of(casts: Vec<Expr>) -> Renaming {
        let mut counted: Vec<(Expr, usize)> = vec![];
        for cast in casts {
            if counted.iter().all(|(known, _)| *known != cast) {
                let others = counted.iter().filter(|(known, _)| bare(known) == bare(&cast)).count();
                counted.push((cast, others + 1));
            }
        }
        Renaming { casts: counted, within: vec![] }
    }
}

impl VisitorMut for Renaming {
    type Break = ();

    // Before what lies within has changed.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.within.push(self.casts.iter().find(|(cast, _)| cast == expr).map_or(0, |(_, calls)| *calls));
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        for _ in 0..self.within.pop().unwrap_or_default() {
            if let Some(mut call) = coalesce()
                && let Some(argument) = argument(&mut call)
            {
                mem::swap(argument, expr);
                *expr = call;
            }
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
            (
                "SELECT count(*) FROM t GROUP BY ROLLUP (j::INT, j::DATE)",
                "SELECT count(*) FROM t GROUP BY ROLLUP (coalesce(j::INT), coalesce(coalesce(j::DATE)))",
            ),
            ("SELECT avg(v), sum(v::DOUBLE) FROM t", "SELECT avg(v), sum(v::DOUBLE) FROM t"),
            (
                "SELECT avg(v), avg(v::DOUBLE), v::DOUBLE, avg(v::INT::DOUBLE) FROM t ORDER BY avg(v::DOUBLE)",
                "SELECT avg(v), avg(coalesce(v::DOUBLE)), coalesce(v::DOUBLE), avg(coalesce(coalesce(v::INT::DOUBLE))) FROM t ORDER BY avg(coalesce(v::DOUBLE))",
            ),
        ] {
            assert_eq!(written(sql), expected);
        }
    }
}
