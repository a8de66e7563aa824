//! Expressions that are run outside of any plan, as an optimizer would have left them: some functions only run as what they become there,
//! `coalesce` as a case above all.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// A simplifier of expressions over these columns.
pub(crate) fn simplifier(schema: &DFSchema) -> ExprSimplifier {
    ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build())
}

/// The expression with the casts that it needs, simplified; of an aggregate its arguments.
pub fn simplified(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let simplifier = simplifier(schema);
    match simplifier.coerce(expr, schema)? {
        expr @ Expr::AggregateFunction(_) => expr.map_children(|child| Ok(Transformed::yes(simplifier.simplify(child)?))).data(),
        expr => simplifier.simplify(expr),
    }
}
