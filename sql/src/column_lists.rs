//! Columns of one name below a list of names: `WITH g(a, b) AS (SELECT 1, 1 ...)`, `FROM (SELECT x, x FROM t) AS d(a, b)`.
//!
//! DataFusion 55 refuses the inner SELECT before it gives the names. Here the columns have them in the first place.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, VisitorMut};
use gradframe_ml_core::{Error, Result};

use crate::cast_keys::bare;
use crate::visit::visit_mut;

/// Gives columns of one name those of the list above them.
pub(crate) fn apply(statement: &mut SqlStatement) -> Result<()> {
    visit_mut(statement, &mut Apply)
}

struct Apply;

impl VisitorMut for Apply {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        for table in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            name(&mut table.query, &table.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Derived { subquery, alias: Some(alias), .. } = factor {
            name(subquery, alias);
        }
        ControlFlow::Continue(())
    }
}

/// An ORDER BY would see the new names, and find others behind them.
fn name(query: &mut Query, list: &TableAlias) {
    if query.order_by.is_some() {
        return;
    }
    if let Some(select) = first_select(&mut query.body)
        && select.projection.len() == list.columns.len()
    {
        name_equal(select, list);
    }
}

/// The one that names the columns of a UNION.
fn first_select(set: &mut SetExpr) -> Option<&mut Select> {
    match set {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

fn name_equal(select: &mut Select, list: &TableAlias) {
    // A cast has the name of what it casts.
    let texts = select.projection.iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) => bare(expr).to_string(),
        other => other.to_string(),
    });
    let texts: Vec<String> = texts.collect();
    for (at, item) in select.projection.iter_mut().enumerate() {
        let is_repeated = texts.iter().filter(|text| **text == texts[at]).count() > 1;
        if let SelectItem::UnnamedExpr(expr) = item
            && is_repeated
        {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: list.columns[at].name.clone() };
        }
    }
}
