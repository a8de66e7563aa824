//! Functions of frames in a statement: the words that [`gradframe_plan::functions::words`] knows, given to the statement's own
//! state, so that a frame's SQL text can be run.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Expr, Visitor};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::functions::words;

use crate::errors::ours;
use crate::visit::visit;

/// Makes the functions known that the statement calls and the catalog does not have.
pub(crate) fn introduce(statement: &SqlStatement, state: &mut SessionState) -> Result<()> {
    let mut called = Called(HashSet::new());
    visit(statement, &mut called)?;
    for (name, is_window) in called.0 {
        let known = state.scalar_functions().contains_key(&name)
            || state.aggregate_functions().contains_key(&name)
            || state.window_functions().contains_key(&name);
        if known {
            continue;
        }
        if let Some(window) = words::window(&name).filter(|_| is_window) {
            ours(state.register_udwf(window))?;
        } else if let Some(aggregate) = words::aggregate(&name) {
            ours(state.register_udaf(aggregate))?;
        } else if let Some(function) = words::scalar(&name) {
            ours(state.register_udf(function))?;
        }
    }
    Ok(())
}

/// The names of the functions that a statement calls, as DataFusion looks them up, and whether it is with OVER.
struct Called(HashSet<(String, bool)>);

impl Visitor for Called {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if let Expr::Function(call) = expr {
            let name = match call.name.0.as_slice() {
                [only] => only.as_ident().map(|ident| ident.value.clone()),
                _ => Some(call.name.to_string()),
            };
            self.0.extend(name.map(|name| (name, call.over.is_some())));
        }
        ControlFlow::Continue(())
    }
}
