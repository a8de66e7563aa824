//! Times of a zone's clock are no moments of the same number.
//!
//! DataFusion 55 reads `CAST(ts AS Timestamp(ns, "Europe/Berlin")) = moment` as `ts = moment`, as if the zone were UTC, and such a cast fails where the
//! clock skips a reading or shows it twice. A function stands in its place, which it does not look into. UTC's clock is the count itself: those
//! casts stay, and filters on them reach the statistics of files.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{is_utc, read_in_zone};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct ZonedCasts;

impl AnalyzerRule for ZonedCasts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| {
            let (schema, names) = (merge_schema(&node.inputs()), NamePreserver::new(&node));
            node.map_expressions(|expr| {
                if !expr.exists(|part| Ok(reads_a_clock(part, &schema)))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(expr.transform_up(|part| Ok(read(part, &schema)))?.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "zoned_casts"
    }
}

fn read(part: Expr, schema: &DFSchema) -> Transformed<Expr> {
    if !reads_a_clock(&part, schema) {
        return Transformed::no(part);
    }
    match part {
        Expr::Cast(Cast { expr, field }) => Transformed::yes(read_in_zone(field.data_type(), false).call(vec![*expr])),
        Expr::TryCast(TryCast { expr, field }) => Transformed::yes(read_in_zone(field.data_type(), true).call(vec![*expr])),
        other => Transformed::no(other),
    }
}

/// Whether it is a cast of a date, a time without a zone or a text to a moment of a zone that is not UTC.
fn reads_a_clock(part: &Expr, schema: &DFSchema) -> bool {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = part else { return false };
    let DataType::Timestamp(_, Some(zone)) = field.data_type() else { return false };
    let is_reading =
        |own: DataType| own.is_string() || matches!(own, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None));
    !is_utc(zone) && expr.get_type(schema).is_ok_and(is_reading)
}
