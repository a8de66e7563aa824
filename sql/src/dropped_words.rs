//! Words of aggregates and windows behind functions that are neither: `abs(x) FILTER (WHERE ..)`, `upper(s) OVER ()`, `lag(DISTINCT x) OVER ()`.
//!
//! DataFusion 55 passes over them, and answers as if they were not there. PostgreSQL and DuckDB refuse them, and so is done here.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments, Spanned, Visitor,
};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::functions::words;

use crate::errors::at;
use crate::ml_call::is_ml;
use crate::names::fold;
use crate::visit::visit;

/// Errors: `Plan` for such a word.
pub(crate) fn check(statement: &SqlStatement, state: &SessionState) -> Result<()> {
    visit(statement, &mut Check { state })
}

struct Check<'a> {
    state: &'a SessionState,
}

impl Visitor for Check<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let dropped = match self.kind(call) {
            Kind::Scalar => dropped_by_scalar(call),
            Kind::Window => is_distinct(call).then_some(DISTINCT_OF_WINDOW),
            Kind::Other => None,
        };
        match dropped {
            Some((word, hint)) => ControlFlow::Break(refused(call, word, hint)),
            None => ControlFlow::Continue(()),
        }
    }
}

enum Kind {
    /// Of one row at a time.
    Scalar,
    /// A window function that is no aggregate.
    Window,
    /// An aggregate, or what is not known here.
    Other,
}

impl Check<'_> {
    fn kind(&self, call: &Function) -> Kind {
        let [name] = call.name.0.as_slice() else { return Kind::Other };
        let Some(name) = name.as_ident().map(fold).filter(|_| !is_ml(&call.name)) else { return Kind::Other };
        let state = self.state;
        if state.aggregate_functions().contains_key(&name) || words::aggregate(&name).is_some() {
            Kind::Other
        } else if state.window_functions().contains_key(&name) || words::window(&name).is_some() {
            Kind::Window
        } else if name == "unnest" || state.scalar_functions().contains_key(&name) || words::scalar(&name).is_some() {
            Kind::Scalar
        } else {
            Kind::Other
        }
    }
}

/// A word and what to write instead.
type Dropped = (&'static str, &'static str);

const DISTINCT_OF_WINDOW: Dropped = ("DISTINCT", "make the rows distinct below: FROM (SELECT DISTINCT ... FROM ...)");

fn dropped_by_scalar(call: &Function) -> Option<Dropped> {
    let of_one_row = "leave it out: the function computes row by row";
    if is_distinct(call) {
        return Some(("DISTINCT", "distinct results are those of SELECT DISTINCT"));
    }
    if call.filter.is_some() {
        return Some(("FILTER", "rows are left out by WHERE, values by CASE WHEN ... THEN ... END"));
    }
    if call.over.is_some() {
        return Some(("OVER", of_one_row));
    }
    if call.null_treatment.is_some() {
        return Some(("IGNORE NULLS", of_one_row));
    }
    if !call.within_group.is_empty() {
        return Some(("WITHIN GROUP", of_one_row));
    }
    let FunctionArguments::List(arguments) = &call.args else { return None };
    let word = match arguments.clauses.first()? {
        FunctionArgumentClause::OrderBy(_) => "ORDER BY",
        FunctionArgumentClause::IgnoreOrRespectNulls(_) => "IGNORE NULLS",
        FunctionArgumentClause::Limit(_) => "LIMIT",
        FunctionArgumentClause::Having(_) => "HAVING",
        _ => "a clause of aggregates",
    };
    Some((word, of_one_row))
}

fn is_distinct(call: &Function) -> bool {
    matches!(&call.args, FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

fn refused(call: &Function, word: &str, hint: &str) -> Error {
    let error = Error::plan("sql", format!("`{}` does not take {word}", call.name));
    at(error.hint(hint), call.name.span().start)
}
