//! Decimals with fewer digits are compared as they are, and so is what TRY_CAST gives; numbers as truth values.
//!
//! DataFusion 55 reads `CAST(price AS INT) = 2` as `price = 2.00`, though 2.20 becomes 2 as well, and `TRY_CAST(n AS TINYINT) <> 1` as `n <> 1`, though
//! it is null for 300. Where something is compared with such a cast, a function stands in its place, which it does not look into. And it takes
//! `CAST(n AS BOOLEAN)` for true of all numbers between two that are: files with a 0 between -1 and 1 were passed over.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{rounded_cast, rounded_try_cast};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct DecimalCasts;

impl AnalyzerRule for DecimalCasts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(is_concerned(part, &schema)))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(compared(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "decimal_casts"
    }
}

/// The comparison with functions in the place of such casts.
fn compared(part: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let hidden = |operand: Box<Expr>| Box::new(hidden(*operand, schema));
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: hidden(left), op, right: hidden(right) }))
        }
        Expr::InList(InList { expr, list, negated }) => {
            Transformed::yes(Expr::InList(InList { expr: hidden(expr), list, negated }))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            Transformed::yes(Expr::Between(Between { expr: hidden(expr), negated, low, high }))
        }
        Expr::Cast(_) | Expr::TryCast(_) if is_truth(&part, schema) => Transformed::yes(hide(part)),
        other => Transformed::no(other),
    }
}

fn is_concerned(part: &Expr, schema: &DFSchema) -> bool {
    matches!(part, Expr::TryCast(_)) || loses_digits(part, schema) || is_truth(part, schema)
}

/// Whether it is a cast of a column that is none to a truth value.
fn is_truth(part: &Expr, schema: &DFSchema) -> bool {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = part else { return false };
    let is_other = || expr.get_type(schema).is_ok_and(|from| from.is_numeric());
    field.data_type() == &DataType::Boolean && is_other() && !matches!(expr.as_ref(), Expr::Literal(..))
}

fn hide(cast: Expr) -> Expr {
    match cast {
        Expr::Cast(cast) => rounded_cast(cast.field.data_type()).call(vec![*cast.expr]),
        Expr::TryCast(TryCast { expr, field }) => rounded_try_cast(field.data_type()).call(vec![*expr]),
        other => other,
    }
}

/// Casts around it, as types were coerced, stay.
fn hidden(operand: Expr, schema: &DFSchema) -> Expr {
    let loses = loses_digits(&operand, schema);
    match operand {
        Expr::Cast(_) if loses => hide(operand),
        Expr::TryCast(_) => hide(operand),
        Expr::Cast(Cast { expr, field }) => Expr::Cast(Cast { expr: Box::new(hidden(*expr, schema)), field }),
        other => other,
    }
}

/// Whether it is a cast of a decimal to a type with fewer digits behind the point.
fn loses_digits(part: &Expr, schema: &DFSchema) -> bool {
    let Expr::Cast(cast) = part else { return false };
    let scale = |of: &DataType| match of {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => Some(*scale),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        of if of.is_integer() => Some(0),
        _ => None,
    };
    let from = cast.expr.get_type(schema).ok().and_then(|from| scale(&from));
    from.zip(scale(cast.field.data_type())).is_some_and(|(from, to)| to < from)
}
