//! Names of result columns that have none: the expression as it was written.
//!
//! DataFusion names a column after its own form of the expression, with types and tables: `Int64(1)`, `sum(trips.fare)`,
//! `Utf8("nan")`. Here `SELECT 1, sum(fare)` gives `1` and `sum(fare)`; of two equal ones the second is `1_1`.

use std::collections::HashSet;

use datafusion::sql::parser::{CopyToSource, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, Statement as AstStatement};

/// Names the columns of the statement's result, or of the table or view that it makes. Those of subqueries are DataFusion's.
pub(crate) fn name_columns(statement: &mut SqlStatement) {
    match statement {
        SqlStatement::Statement(statement) => name_in_statement(statement),
        SqlStatement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                name_in_query(query);
            }
        }
        SqlStatement::Explain(explain) => name_columns(&mut explain.statement),
        SqlStatement::CreateExternalTable(_) | SqlStatement::Reset(_) => {}
    }
}

fn name_in_statement(statement: &mut AstStatement) {
    match statement {
        AstStatement::Query(query) => name_in_query(query),
        AstStatement::CreateTable(create) => create.query.iter_mut().for_each(|query| name_in_query(query)),
        AstStatement::CreateView(create) => name_in_query(&mut create.query),
        AstStatement::Prepare { statement, .. } => name_in_statement(statement),
        _ => {}
    }
}

fn name_in_query(query: &mut Query) {
    name_in_set(&mut query.body);
}

/// The first SELECT of a UNION names the columns.
fn name_in_set(set: &mut SetExpr) {
    match set {
        SetExpr::Select(select) => name_in_select(select),
        SetExpr::Query(query) => name_in_query(query),
        SetExpr::SetOperation { left, .. } => name_in_set(left),
        _ => {}
    }
}

fn name_in_select(select: &mut Select) {
    let mut taken: HashSet<String> = select.projection.iter().filter_map(own_name).collect();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let Some(title) = title(expr) else { continue };
        let alias = Ident::with_quote('"', free(title, &mut taken));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// The name that an item brings along.
fn own_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(|name| name.value.clone()),
        _ => None,
    }
}

/// The expression as written; None where DataFusion's name is the same, or the value is a table's column.
fn title(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => None,
        Expr::Nested(inner) => title(inner),
        expr => Some(expr.to_string()).filter(|text| !text.eq_ignore_ascii_case("count(*)")),
    }
}

/// The name, or the first of `name_1`, `name_2`, ... that is not taken.
fn free(name: String, taken: &mut HashSet<String>) -> String {
    let later = (1..).map(|n| format!("{name}_{n}"));
    let chosen = std::iter::once(name.clone()).chain(later).find(|name| !taken.contains(name)).unwrap_or(name);
    taken.insert(chosen.clone());
    chosen
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn named(sql: &str) -> String {
        let mut statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        name_columns(&mut statement);
        statement.to_string()
    }

    #[test]
    fn columns_are_named_as_they_are_written() {
        for (sql, expected) in [
            ("SELECT 1, 1, t.a, a + 1 FROM t", r#"SELECT 1 AS "1", 1 AS "1_1", t.a, a + 1 AS "a + 1" FROM t"#),
            ("SELECT sum(a), count(*), b AS x FROM t", r#"SELECT sum(a) AS "sum(a)", count(*), b AS x FROM t"#),
            ("SELECT 'x' UNION SELECT 'y'", r#"SELECT 'x' AS "'x'" UNION SELECT 'y'"#),
            ("CREATE TABLE u AS SELECT a * 2 FROM t", r#"CREATE TABLE u AS SELECT a * 2 AS "a * 2" FROM t"#),
            ("SELECT * FROM (SELECT max(a) FROM t)", "SELECT * FROM (SELECT max(a) FROM t)"),
            ("SELECT (a), \"a + 1\", a + 1 FROM t", r#"SELECT (a), "a + 1", a + 1 AS "a + 1_1" FROM t"#),
        ] {
            assert_eq!(named(sql), expected);
        }
    }
}
