//! What is wrong with expressions before any name is resolved.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Expr, Function, Spanned, Visitor};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::functions::{FunctionKind, kind};

use crate::errors::at;
use crate::ml_call::is_ml;
use crate::visit::visit;

/// How deep an expression may be: the parser limits parentheses, but not `1 + 1 + ...`, and to copy, plan and free a tree
/// takes stack for each level.
const DEPTH_MAX: usize = 1000;

/// Errors: `Plan` for `SELECT ML.PREDICT(...)`, a relation where a value is expected, and for an expression that is too deep.
pub(crate) fn check(statement: &SqlStatement) -> Result<()> {
    visit(statement, &mut Check { depth: 0 })
}

struct Check {
    depth: usize,
}

impl Visitor for Check {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        self.depth += 1;
        match expr {
            Expr::Function(call) if is_ml(&call.name) && function(call) != Some(FunctionKind::Row) => {
                ControlFlow::Break(misplaced(call))
            }
            _ if self.depth > DEPTH_MAX => ControlFlow::Break(too_deep()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// What the function of the schema ML that is called looks at; None if it is no function.
fn function(call: &Function) -> Option<FunctionKind> {
    let name = call.name.0.last()?.as_ident()?.value.to_lowercase();
    kind(&name)
}

fn misplaced(call: &Function) -> Error {
    if function(call) == Some(FunctionKind::Analytic) {
        let error = Error::plan("sql", format!("`{}` is fitted by a training", call.name));
        return at(error.hint("it stands in CREATE MODEL m TRANSFORM (...)"), call.name.span().start);
    }
    if call.name.to_string().eq_ignore_ascii_case("ml.distance") {
        let error = Error::not_implemented("sql", format!("`{}`", call.name));
        return at(error.hint("there are cosine_distance(a, b), l2_distance(a, b), inner_product(a, b)"), call.name.span().start);
    }
    let error = Error::plan("sql", format!("`{}` is a relation, not a value", call.name));
    at(error.hint(format!("write SELECT ... FROM {}(...)", call.name)), call.name.span().start)
}

fn too_deep() -> Error {
    Error::plan("sql", format!("an expression is more than {DEPTH_MAX} levels deep"))
        .hint("a chain of operators can often be a list: x IN (1, 2, ...)")
}
