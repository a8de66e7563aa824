//! Calls of the schema ML in syntax trees: `ML.BUCKETIZE(x, ...)` becomes a call of the one name that DataFusion knows the
//! function by, and `OVER ()` falls away.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectName, ObjectNamePart, Spanned, Visit, VisitMut, Visitor, VisitorMut, WindowType,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_ml_core::{Error, Result};

use super::OP;
use crate::functions::{FunctionKind, PREFIX, kind, names};
use crate::names::nearest;

/// How deep an expression may be: to copy, plan and free a tree takes stack for each level.
const DEPTH_MAX: usize = 1000;

/// Errors: `Plan` for an expression that is too deep to be looked at.
pub(super) fn check_depth(item: &impl Visit) -> Result<()> {
    match item.visit(&mut Depth(0)) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Depth(usize);

impl Visitor for Depth {
    type Break = Error;

    fn pre_visit_expr(&mut self, _: &ast::Expr) -> ControlFlow<Error> {
        self.0 += 1;
        match self.0 > DEPTH_MAX {
            true => ControlFlow::Break(Error::plan(OP, format!("an expression is more than {DEPTH_MAX} levels deep"))),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _: &ast::Expr) -> ControlFlow<Error> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}

/// Makes the calls in an expression of a TRANSFORM known to DataFusion; the expression is not too deep.
/// Errors: `Plan` for an unknown function, one without its OVER (), one within another, a subquery; with the place in the
/// expression's text.
pub(super) fn normalize(expr: &mut ast::Expr) -> Result<()> {
    let mut calls = Calls { depth: 0, open_analytic: vec![] };
    match expr.visit(&mut calls) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Makes calls of the functions that look at one row known to DataFusion, in any statement.
pub fn normalize_row_calls(statement: &mut impl VisitMut) {
    let _: ControlFlow<()> = statement.visit(&mut RowCalls);
}

struct RowCalls;

impl VisitorMut for RowCalls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::Function(call) = expr
            && let Some(name) = ml_name(&call.name)
            && kind(&name) == Some(FunctionKind::Row)
        {
            rename(call, &name);
        }
        ControlFlow::Continue(())
    }
}

struct Calls {
    depth: usize,
    /// The depths of the analytic calls around the expression.
    open_analytic: Vec<usize>,
}

impl VisitorMut for Calls {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<Error> {
        self.depth += 1;
        match self.enter(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, _: &mut ast::Expr) -> ControlFlow<Error> {
        self.open_analytic.pop_if(|depth| *depth == self.depth);
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

impl Calls {
    fn enter(&mut self, expr: &mut ast::Expr) -> Result<()> {
        match expr {
            ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } => {
                Err(at(subquery(), expr.span().start))
            }
            ast::Expr::Function(call) => match ml_name(&call.name) {
                Some(name) => self.call(call, &name).map_err(|error| at(error, call.name.span().start)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn call(&mut self, call: &mut ast::Function, name: &str) -> Result<()> {
        let kind = kind(name).ok_or_else(|| unknown(name))?;
        let upper = format!("ML.{}", name.to_uppercase());
        match (&call.over, kind) {
            (None, FunctionKind::Analytic) => {
                return Err(Error::plan(OP, format!("{upper} is fitted to all rows")).hint(format!("write {upper}(...) OVER ()")));
            }
            (Some(window), _) if !is_empty(window) => {
                return Err(Error::plan(OP, format!("{upper} takes nothing in its OVER ()")));
            }
            _ => {}
        }
        if kind == FunctionKind::Analytic {
            if !self.open_analytic.is_empty() {
                let error = Error::plan(OP, format!("{upper} stands within another analytic function"));
                return Err(error.hint("compute the inner one in the training query, or in a TRANSFORM of its own"));
            }
            self.open_analytic.push(self.depth);
        }
        rename(call, name);
        Ok(())
    }
}

fn rename(call: &mut ast::Function, name: &str) {
    let span = call.name.span();
    let ident = Ident { value: format!("{PREFIX}{name}"), quote_style: Some('"'), span };
    call.name = ObjectName(vec![ObjectNamePart::Identifier(ident)]);
    call.over = None;
}

fn is_empty(window: &WindowType) -> bool {
    match window {
        WindowType::WindowSpec(spec) => {
            spec.window_name.is_none() && spec.partition_by.is_empty() && spec.order_by.is_empty() && spec.window_frame.is_none()
        }
        WindowType::NamedWindow(_) => false,
    }
}

/// `bucketize` of `ML.BUCKETIZE`.
fn ml_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [schema, function] => {
            let is_ml = schema.as_ident().is_some_and(|ident| ident.value.eq_ignore_ascii_case("ml"));
            function.as_ident().filter(|_| is_ml).map(|ident| ident.value.to_lowercase())
        }
        _ => None,
    }
}

fn unknown(name: &str) -> Error {
    let upper = |name: &str| format!("ML.{}", name.to_uppercase());
    let known = names().map(upper).collect::<Vec<_>>().join(", ");
    let error = Error::plan(OP, format!("unknown function `{}`", upper(name)));
    match nearest(name, names()) {
        Some(near) => error.hint(format!("did you mean `{}`?", upper(near))),
        None => error.hint(format!("there are {known}")),
    }
}

fn subquery() -> Error {
    Error::plan(OP, "a subquery cannot stand in a TRANSFORM, which looks at one row").hint("join in the training query")
}

fn at(error: Error, place: Location) -> Error {
    if place.line == 0 || error.detail().place.is_some() { error } else { error.at(place.line, place.column) }
}
