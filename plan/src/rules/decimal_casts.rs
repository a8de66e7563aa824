//! Decimals with fewer digits, moments in other zones and casts that may fail are compared as they are.
//!
//! DataFusion 55 reads `CAST(price AS INT) = 2` as `price = 2.00`, though 2.20 becomes 2 as well; `ts AT TIME ZONE 'Europe/Berlin' = moment` as `ts = moment`, with
//! the zone left out; and `TRY_CAST(s AS INT) IS NOT DISTINCT FROM NULL` as if no text were none. Where something is compared with such a cast, a function
//! stands in its place, which it does not look into.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{rounded_cast, tried_cast};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct DecimalCasts;

impl AnalyzerRule for DecimalCasts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(is_read_otherwise(part, &schema)))? {
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
        other => Transformed::no(other),
    }
}

/// Casts around it, as types were coerced, stay.
fn hidden(operand: Expr, schema: &DFSchema) -> Expr {
    let is_hidden = is_read_otherwise(&operand, schema);
    match operand {
        Expr::Cast(cast) if is_hidden => rounded_cast(cast.field.data_type()).call(vec![*cast.expr]),
        Expr::TryCast(cast) if is_hidden => tried_cast(cast.field.data_type()).call(vec![*cast.expr]),
        Expr::Cast(Cast { expr, field }) => Expr::Cast(Cast { expr: Box::new(hidden(*expr, schema)), field }),
        other => other,
    }
}

/// Whether it is a cast that what it casts does not stand for: to fewer digits behind the point, into or out of a zone, or one that may give null.
fn is_read_otherwise(part: &Expr, schema: &DFSchema) -> bool {
    let cast = match part {
        Expr::Cast(cast) => cast,
        Expr::TryCast(_) => return true,
        _ => return false,
    };
    let to = cast.field.data_type();
    cast.expr.get_type(schema).is_ok_and(|from| loses_digits(&from, to) || is_in_zone(&from) != is_in_zone(to))
}

fn loses_digits(from: &DataType, to: &DataType) -> bool {
    let scale = |of: &DataType| match of {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => Some(*scale),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        of if of.is_integer() => Some(0),
        _ => None,
    };
    scale(from).zip(scale(to)).is_some_and(|(from, to)| to < from)
}

/// Of a zone whose clock is not that of UTC.
fn is_in_zone(own: &DataType) -> bool {
    matches!(own, DataType::Timestamp(_, Some(zone)) if !matches!(zone.as_ref(), "UTC" | "+00:00" | "Z"))
}
