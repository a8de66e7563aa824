//! Columns whose names have capitals, written without quotes: `SELECT VendorID FROM 'trips.csv'`.
//!
//! DataFusion reads a name without quotes in lower case, and finds no `vendorid`. Where it finds none, and one column differs in its letters' case alone, that
//! one is meant, as in DuckDB, BigQuery and Spark.

use std::ops::ControlFlow;

use datafusion::common::{Column, DataFusionError, Location, SchemaError};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Visitor, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Location as TokenLocation;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;

use crate::deep_copy::deep_copy;
use crate::errors::ours;
use crate::visit::{visit, visit_mut};

/// So many names of a statement may be written in another case than their columns.
const CORRECTIONS_MAX: usize = 500;

/// The plan of a statement of a text of so many bytes. Errors: those of DataFusion's planner.
pub(crate) async fn planned(state: &SessionState, statement: &SqlStatement, text_bytes: usize) -> Result<LogicalPlan> {
    let planned = state.statement_to_plan(deep_copy(statement, text_bytes)?).await;
    let Err(mut error) = planned else { return ours(planned) };
    let mut written = deep_copy(statement, text_bytes)?;
    for _ in 0..CORRECTIONS_MAX {
        if !corrected(&mut written, &error)? {
            break;
        }
        match state.statement_to_plan(deep_copy(&written, text_bytes)?).await {
            Ok(plan) => return Ok(plan),
            Err(other) => error = other,
        }
    }
    Err(from_datafusion(error))
}

/// Writes the name that was not found as that of the one column that it fits; false if there is none such.
fn corrected(statement: &mut SqlStatement, error: &DataFusionError) -> Result<bool> {
    let Some((place, name)) = meant(error) else { return Ok(false) };
    let mut naming = Naming { place, name, found: false };
    if naming.place.is_none() && naming.names_result(statement)? {
        return Ok(false);
    }
    visit_mut(statement, &mut naming)?;
    Ok(naming.found)
}

/// Where a name stands that no column has, if that is known, and the one column that differs in case alone.
fn meant(error: &DataFusionError) -> Option<(Option<Location>, String)> {
    let DataFusionError::SchemaError(schema, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref() else { return None };
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| span.start);
    let is_of_table = |own: &Column| field.relation.is_none() || own.relation == field.relation;
    let mut alike: Vec<&str> = valid_fields
        .iter()
        .filter(|own| is_of_table(own) && own.name != field.name && own.name.to_lowercase() == field.name)
        .map(|own| own.name.as_str())
        .collect();
    alike.dedup();
    match alike.as_slice() {
        [one] => Some((place, (*one).to_owned())),
        _ => None,
    }
}

struct Naming {
    /// None where it may be any of the name: GROUP BY does not say where.
    place: Option<Location>,
    name: String,
    found: bool,
}

impl Naming {
    fn is_named(&self, name: &Ident) -> bool {
        name.quote_style.is_none() && name.value.to_lowercase() == self.name.to_lowercase()
    }

    fn is_at(&self, starts: [TokenLocation; 2]) -> bool {
        self.place.is_none_or(|place| starts.iter().any(|start| (start.line, start.column) == (place.line, place.column)))
    }

    /// Whether a result has the name too, which another part of the statement may mean.
    fn names_result(&self, statement: &SqlStatement) -> Result<bool> {
        let mut results = Results { naming: self, found: false };
        visit(statement, &mut results)?;
        Ok(results.found)
    }
}

struct Results<'a> {
    naming: &'a Naming,
    found: bool,
}

impl Visitor for Results<'_> {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        let has_name = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if self.naming.is_named(alias));
        self.found |= select.projection.iter().any(has_name);
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Naming {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let (first, last) = match expr {
            Expr::Identifier(name) => (name.span.start, Some(name)),
            Expr::CompoundIdentifier(names) => match names.as_mut_slice() {
                [first, .., last] => (first.span.start, Some(last)),
                _ => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        if let Some(name) = last.filter(|name| self.is_named(name))
            && self.is_at([first, name.span.start])
        {
            *name = Ident::with_quote_and_span('"', name.span, &self.name);
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}
