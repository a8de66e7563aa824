//! Arguments that decide a function's type are constants before types are settled.
//!
//! `round(d, 1)` of a decimal has the scale that its second argument says. DataFusion 55 first settles the types around it with
//! that argument under a cast, of which no value is known yet, and computes the cast later: the two sides of
//! `round(d, 1) > i` are then of two types, and the comparison fails when it runs.

use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

/// See the module. Comes after types were coerced, and coerces them again where it changed one.
#[derive(Debug)]
pub struct ConstantArguments;

impl AnalyzerRule for ConstantArguments {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let settled = plan.transform_up_with_subqueries(with_constants)?;
        if settled.transformed { TypeCoercion::new().analyze(settled.data, config) } else { Ok(settled.data) }
    }

    fn name(&self) -> &str {
        "constant_arguments"
    }
}

fn with_constants(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (names, schema) = (NamePreserver::new(&node), merge_schema(&node.inputs()));
    let changed = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(|expr| match expr {
            Expr::ScalarFunction(call) => with_constant_arguments(call, &schema),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(changed.update_data(|expr| name.restore(expr)))
    })?;
    if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
}

/// The call with its casts of constants computed, if that changes its type.
fn with_constant_arguments(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let constants: Vec<Option<Expr>> = call.args.iter().map(computed).collect();
    if constants.iter().all(Option::is_none) {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let args = call.args.iter().zip(constants).map(|(arg, constant)| constant.unwrap_or_else(|| arg.clone())).collect();
    let constant = Expr::ScalarFunction(ScalarFunction { func: call.func.clone(), args });
    let call = Expr::ScalarFunction(call);
    // What cannot be typed is somebody else's error.
    match (call.get_type(schema), constant.get_type(schema)) {
        (Ok(before), Ok(after)) if before != after => Ok(Transformed::yes(constant)),
        _ => Ok(Transformed::no(call)),
    }
}

/// The literal that a cast of a literal is; None for anything else, and for a cast that fails.
fn computed(arg: &Expr) -> Option<Expr> {
    let Expr::Cast(cast) = arg else { return None };
    let Expr::Literal(value, metadata) = cast.expr.as_ref() else { return None };
    let value = value.cast_to(cast.field.data_type()).ok()?;
    Some(Expr::Literal(value, metadata.clone()))
}
