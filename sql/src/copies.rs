//! `INTERSECT ALL` and `EXCEPT ALL`, which count copies of rows: those on the left get the alias by which the planner knows.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    Query, SetExpr, SetOperator, SetQuantifier, Statement as AstStatement, TableFactor, VisitMut, VisitorMut,
};
use gradframe_plan::rules::WITH_COPIES;

/// Names the rows on the left of each of these operations.
pub(crate) fn named(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Queries);
}

struct Queries;

impl VisitorMut for Queries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        named_in(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn named_in(set: &mut SetExpr) {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = set else { return };
    named_in(right);
    match op {
        // What is named becomes a query of its own, which is visited in its turn.
        SetOperator::Intersect | SetOperator::Except if *set_quantifier == SetQuantifier::All => name_rows(left),
        _ => named_in(left),
    }
}

/// `SELECT * FROM (rows) AS __with_copies`
fn name_rows(rows: &mut SetExpr) {
    let Some(mut named) = named_query() else { return };
    if let Some(body) = inner_body(&mut named) {
        mem::swap(body, rows);
        *rows = named;
    }
}

fn named_query() -> Option<SetExpr> {
    let text = format!("SELECT * FROM (SELECT 1) AS {WITH_COPIES}");
    let SqlStatement::Statement(statement) = DFParser::parse_sql(&text).ok()?.pop_front()? else { return None };
    match *statement {
        AstStatement::Query(query) => Some(*query.body),
        _ => None,
    }
}

fn inner_body(named: &mut SetExpr) -> Option<&mut SetExpr> {
    let SetExpr::Select(select) = named else { return None };
    match &mut select.from.first_mut()?.relation {
        TableFactor::Derived { subquery, .. } => Some(subquery.body.as_mut()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named_in(sql: &str) -> String {
        let Some(SqlStatement::Statement(mut statement)) = DFParser::parse_sql(sql).unwrap().pop_front() else { panic!("{sql}") };
        named(statement.as_mut());
        statement.to_string()
    }

    #[test]
    fn rows_whose_copies_count_are_named_and_others_are_not() {
        let t = "SELECT * FROM (SELECT x FROM t) AS __with_copies";
        for (sql, expected) in [
            ("SELECT x FROM t EXCEPT SELECT x FROM u", "SELECT x FROM t EXCEPT SELECT x FROM u".to_owned()),
            ("SELECT x FROM t UNION ALL SELECT x FROM u", "SELECT x FROM t UNION ALL SELECT x FROM u".to_owned()),
            ("SELECT x FROM t EXCEPT ALL SELECT x FROM u", format!("{t} EXCEPT ALL SELECT x FROM u")),
            (
                "SELECT x FROM t INTERSECT ALL SELECT x FROM u EXCEPT ALL SELECT 1",
                format!("SELECT * FROM ({t} INTERSECT ALL SELECT x FROM u) AS __with_copies EXCEPT ALL SELECT 1"),
            ),
            (
                "SELECT * FROM (SELECT x FROM t EXCEPT ALL SELECT 1) UNION SELECT 2",
                format!("SELECT * FROM ({t} EXCEPT ALL SELECT 1) UNION SELECT 2"),
            ),
        ] {
            assert_eq!(named_in(sql), expected);
        }
    }
}
