//! CTEs that may draw numbers and are read more than once: their rows get a name, by which the planner knows that they are the same.

use std::mem;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::sql::parser::{DFParser, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    Cte, Expr, Query, SetExpr, Statement as AstStatement, TableFactor, Visit, Visitor, VisitorMut,
};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::drawn::DRAWN_ONCE;

use crate::names::fold;
use crate::visit::visit_mut;

/// Numbers of such CTEs: that of a view is another one each time that the view is read.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Names the rows of such CTEs; `draws` says of which functions calls may differ.
pub(crate) fn name(statement: &mut SqlStatement, draws: impl Fn(&str) -> bool) -> Result<()> {
    visit_mut(statement, &mut Naming { draws })
}

struct Naming<F> {
    draws: F,
}

impl<F: Fn(&str) -> bool> VisitorMut for Naming<F> {
    type Break = Error;

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let Some(with) = query.with.as_ref().filter(|with| !with.recursive) else { return ControlFlow::Continue(()) };
        let mut seen = Seen { draws: &self.draws, drawn: false, tables: vec![] };
        let _: ControlFlow<()> = with.visit(&mut seen);
        if !seen.drawn {
            return ControlFlow::Continue(());
        }
        seen.tables.clear();
        let _: ControlFlow<()> = query.visit(&mut seen);
        let is_read_again = |cte: &Cte| seen.tables.iter().filter(|table| **table == fold(&cte.alias.name)).count() > 1;
        let again: Vec<bool> = with.cte_tables.iter().map(is_read_again).collect();
        let ctes = query.with.iter_mut().flat_map(|with| &mut with.cte_tables);
        ctes.zip(again).filter(|(_, again)| *again).for_each(|(cte, _)| name_rows(&mut cte.query));
        ControlFlow::Continue(())
    }
}

/// Tables by the names that stand in FROM, and whether a function is called that draws.
struct Seen<'a, F> {
    draws: &'a F,
    drawn: bool,
    tables: Vec<String>,
}

impl<F: Fn(&str) -> bool> Visitor for Seen<'_, F> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, .. } = factor
            && let [table] = name.0.as_slice()
        {
            self.tables.extend(table.as_ident().map(fold));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.drawn |= (self.draws)(&function.name.to_string().to_lowercase());
        }
        ControlFlow::Continue(())
    }
}

/// `SELECT * FROM (rows) AS __drawn_once_1`
fn name_rows(rows: &mut Box<Query>) {
    let Some(mut named) = named_query() else { return };
    if let Some(inner) = inner_query(&mut named) {
        mem::swap(inner, rows);
        *rows = named;
    }
}

fn named_query() -> Option<Box<Query>> {
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let text = format!("SELECT * FROM (SELECT 1) AS {DRAWN_ONCE}{number}");
    let SqlStatement::Statement(statement) = DFParser::parse_sql(&text).ok()?.pop_front()? else { return None };
    match *statement {
        AstStatement::Query(query) => Some(query),
        _ => None,
    }
}

fn inner_query(named: &mut Query) -> Option<&mut Box<Query>> {
    let SetExpr::Select(select) = named.body.as_mut() else { return None };
    match &mut select.from.first_mut()?.relation {
        TableFactor::Derived { subquery, .. } => Some(subquery),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_named(sql: &str) -> usize {
        let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        name(&mut statement, |function| function == "random").unwrap();
        statement.to_string().matches(DRAWN_ONCE).count()
    }

    #[test]
    fn what_draws_and_is_read_again_is_named() {
        for (sql, named) in [
            ("WITH c AS (SELECT random() AS r) SELECT r FROM c", 0),
            ("WITH c AS (SELECT k FROM t) SELECT * FROM c a JOIN c b ON a.k = b.k", 0),
            ("WITH c AS (SELECT random() AS r) SELECT * FROM c a JOIN C b ON a.r = b.r", 1),
            ("WITH c AS (SELECT random() AS r), d AS (SELECT * FROM c) SELECT * FROM d UNION ALL SELECT * FROM d", 1),
            ("WITH c AS (SELECT Random() AS r) SELECT r - (SELECT avg(r) FROM c) FROM c", 1),
            ("SELECT * FROM (WITH c AS (SELECT random() AS r) SELECT * FROM c a, c b) AS x", 1),
        ] {
            assert_eq!(has_named(sql), named, "{sql}");
        }
    }
}
