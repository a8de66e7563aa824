//! From SQL text to expressions, by one planner whose settings never change: what a session sets must not change what a
//! stored text means.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::prelude::SessionConfig;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use gradframe_ml_core::{Error, Result};

use super::OP;
use crate::error::from_datafusion;
use crate::functions::{analytic_functions, scalar_functions, words};
use crate::simplified::simplifier;

static PLANNER: LazyLock<Result<SessionState>> = LazyLock::new(|| {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.collect_spans = true;
    let mut state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    for function in scalar_functions().into_iter().chain(analytic_functions()) {
        state.register_udf(function).map_err(from_datafusion)?;
    }
    Ok(state)
});

/// What plans texts: it has the functions that a TRANSFORM may call by their names in SQL.
pub fn planner() -> Result<&'static SessionState> {
    PLANNER.as_ref().map_err(crate::error::copy)
}

/// The expression of a text over these columns, not coerced. Functions of frames are known by their words.
pub(super) fn plan(expr: ast::Expr, schema: &DFSchema) -> Result<Expr> {
    let state = planner()?;
    let mut words = called(&expr);
    words.retain(|name| !state.scalar_functions().contains_key(name));
    let expr = ast::ExprWithAlias { expr, alias: None };
    let functions: Vec<_> = words.iter().filter_map(|name| words::scalar(name)).collect();
    if functions.is_empty() {
        return state.create_logical_expr_from_sql_expr(expr, schema).map_err(from_datafusion);
    }
    let mut with_words = state.clone();
    for function in functions {
        with_words.register_udf(function).map_err(from_datafusion)?;
    }
    with_words.create_logical_expr_from_sql_expr(expr, schema).map_err(from_datafusion)
}

/// The names of the functions that an expression calls, as they are looked up.
fn called(expr: &ast::Expr) -> HashSet<String> {
    let mut called = Called(HashSet::new());
    let _: ControlFlow<Infallible> = expr.visit(&mut called);
    called.0
}

struct Called(HashSet<String>);

impl Visitor for Called {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<Infallible> {
        if let ast::Expr::Function(call) = expr {
            self.0.insert(match call.name.0.as_slice() {
                [only] => only.as_ident().map_or_else(String::new, |ident| ident.value.clone()),
                _ => call.name.to_string(),
            });
        }
        ControlFlow::Continue(())
    }
}

/// The expression with the casts that its functions and operators need.
pub(super) fn coerce(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    simplifier(schema).coerce(expr, schema).map_err(from_datafusion)
}

/// The value of an expression without columns; None if it has none yet.
pub(super) fn constant(expr: &Expr, schema: &DFSchema) -> Result<Option<ScalarValue>> {
    let expr = coerce(expr.clone(), schema)?;
    match simplifier(schema).simplify(expr).map_err(from_datafusion)? {
        Expr::Literal(value, _) => Ok(Some(value)),
        _ => Ok(None),
    }
}

/// The columns of a query without qualifiers, all of them nullable.
pub(super) fn plain_schema(schema: &DFSchema) -> Result<DFSchema> {
    schema_of(schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())))
}

/// These columns as a schema.
pub(super) fn schema_of<'a>(columns: impl Iterator<Item = (&'a str, &'a DataType)>) -> Result<DFSchema> {
    let fields = columns.map(|(name, data_type)| (None, Arc::new(Field::new(name, data_type.clone(), true))));
    DFSchema::new_with_metadata(fields.collect(), HashMap::new())
        .map_err(|e| Error::plan(OP, from_datafusion(e).detail().what.clone()))
}
