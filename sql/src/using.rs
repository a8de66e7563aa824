//! Columns of USING in WHERE.
//!
//! `FROM a JOIN b USING (k)` has one column k. DataFusion 55 knows that everywhere but in WHERE, where it calls k ambiguous:
//! there, k is written out as that of the side which has it in every row.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, JoinOperator, Query, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};
use gradframe_ml_core::{Error, Result};

use crate::names::fold;
use crate::visit::visit_mut;

/// Writes out the columns of USING in every WHERE of the statement.
pub(crate) fn write_out(statement: &mut SqlStatement) -> Result<()> {
    visit_mut(statement, &mut Selects)
}

/// Whose each column of USING is: names in lower case as DataFusion folds them.
type Sides = HashMap<String, Vec<Ident>>;

struct Selects;

impl VisitorMut for Selects {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let sides = sides(&select.from);
        match &mut select.selection {
            Some(selection) if !sides.is_empty() => selection.visit(&mut Columns { sides, queries: 0 }),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn sides(from: &[TableWithJoins]) -> Sides {
    let mut sides = Sides::new();
    for table in from {
        for (place, join) in table.joins.iter().enumerate() {
            add_sides(&mut sides, join, (place == 0).then_some(&table.relation));
        }
    }
    sides
}

/// `left` is what stands left of the join, where it is one table. Of further ones, a column merged before stays whose it is.
fn add_sides(sides: &mut Sides, join: &Join, left: Option<&TableFactor>) {
    let (columns, side) = match &join.join_operator {
        JoinOperator::Join(JoinConstraint::Using(columns)) | JoinOperator::Inner(JoinConstraint::Using(columns)) => {
            (columns, Some(&join.relation))
        }
        JoinOperator::Left(JoinConstraint::Using(columns)) | JoinOperator::LeftOuter(JoinConstraint::Using(columns)) => {
            (columns, left)
        }
        _ => return,
    };
    let Some(qualifier) = side.and_then(qualifier) else { return };
    for column in columns.iter().filter_map(|column| column.0.first()?.as_ident()) {
        sides.insert(fold(column), qualifier.clone());
    }
}

/// What the table's columns may be qualified with.
fn qualifier(table: &TableFactor) -> Option<Vec<Ident>> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(vec![alias.name.clone()])
        }
        TableFactor::Table { name, args: None, .. } => {
            let names = name.0.iter().map(|part| part.as_ident().cloned()).collect::<Option<Vec<_>>>()?;
            names.iter().all(|name| name.quote_style != Some('\'')).then_some(names)
        }
        _ => None,
    }
}

/// Writes out columns, but not those of queries inside, which may have columns of the name of their own.
struct Columns {
    sides: Sides,
    queries: usize,
}

impl VisitorMut for Columns {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Identifier(column) = expr
            && self.queries == 0
            && let Some(qualifier) = self.sides.get(&fold(column))
        {
            *expr = Expr::CompoundIdentifier(qualifier.iter().cloned().chain([column.clone()]).collect());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    #[test]
    fn columns_of_using_are_those_of_the_side_that_has_them() {
        for (from, expected) in [
            ("a JOIN b USING(k)", "b.k"),
            ("a LEFT JOIN b USING(k)", "a.k"),
            ("a JOIN s.b AS c USING(k)", "c.k"),
            ("s.a JOIN s.b USING(k)", "s.b.k"),
            ("a JOIN b USING(k) LEFT JOIN c USING(k)", "b.k"),
            ("a JOIN b ON a.k = b.k", "k"),
            ("a JOIN 'f.csv' USING(k)", "k"),
        ] {
            let sql = |column: &str| format!("SELECT k FROM {from} WHERE {column} = 1 AND EXISTS (SELECT 1 FROM d WHERE k = 2)");
            let mut statement = DFParser::parse_sql(&sql("k")).unwrap().pop_front().unwrap();
            write_out(&mut statement).unwrap();
            assert_eq!(statement.to_string(), sql(expected));
        }
    }
}
