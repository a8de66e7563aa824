//! A time without a zone, compared with a moment, is one of the session's clock.
//!
//! DataFusion 55 reads it by the clock of the moment's own type: with `b = z`, two columns of the same moments whose types say Berlin and UTC, `p = z` held
//! where `p = b` did not. A date beside a moment it compares with the moment's number.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

/// The zone where a session has none.
const UTC: &str = "UTC";

/// See the module. Comes before types are coerced.
#[derive(Debug)]
pub struct TimesBesideMoments;

impl AnalyzerRule for TimesBesideMoments {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = config.execution.time_zone.as_deref().unwrap_or(UTC);
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(compared(part).is_some_and(|sides| differ(&sides, &schema, zone))))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(in_zone(part, &schema, zone)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "times_beside_moments"
    }
}

/// What is compared with one another, or subtracted; None for anything else.
fn compared(part: &Expr) -> Option<Vec<&Expr>> {
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() || *op == Operator::Minus => {
            Some(vec![left, right])
        }
        Expr::Between(Between { expr, low, high, .. }) => Some(vec![expr, low, high]),
        Expr::InList(InList { expr, list, .. }) => Some(std::iter::once(expr.as_ref()).chain(list).collect()),
        _ => None,
    }
}

/// Whether a time without a zone stands beside a moment whose type has another zone than the session.
fn differ(sides: &[&Expr], schema: &DFSchema, zone: &str) -> bool {
    let types: Vec<_> = sides.iter().filter_map(|side| side.get_type(schema).ok()).collect();
    let is_of_another = |own: &DataType| matches!(own, DataType::Timestamp(_, Some(own)) if own.as_ref() != zone);
    types.iter().any(is_of_another) && types.iter().any(is_time)
}

fn is_time(own: &DataType) -> bool {
    matches!(own, DataType::Timestamp(_, None))
}

fn in_zone(part: Expr, schema: &DFSchema, zone: &str) -> Transformed<Expr> {
    if !compared(&part).is_some_and(|sides| differ(&sides, schema, zone)) {
        return Transformed::no(part);
    }
    let read = |side: Expr| match side.get_type(schema) {
        Ok(DataType::Timestamp(unit, None)) => {
            Expr::Cast(Cast::new(Box::new(side), DataType::Timestamp(unit, Some(zone.into()))))
        }
        _ => side,
    };
    let boxed = |side: Box<Expr>| Box::new(read(*side));
    Transformed::yes(match part {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            Expr::BinaryExpr(BinaryExpr { left: boxed(left), op, right: boxed(right) })
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            Expr::Between(Between { expr: boxed(expr), negated, low: boxed(low), high: boxed(high) })
        }
        Expr::InList(InList { expr, list, negated }) => {
            Expr::InList(InList { expr: boxed(expr), list: list.into_iter().map(read).collect(), negated })
        }
        other => other,
    })
}
