//! What may fail in a filter is asked of the rows alone that the rest of the filter leaves open.
//!
//! `WHERE y <> 0 AND 10 / y < 5`, `WHERE y = 0 OR 10 / y < 5`, and a filter over a cast above one that keeps what can be cast: SQL and frames write a guard
//! beside, or below, what it guards. DataFusion 55 makes one condition of both and asks all of it of every row (apache/datafusion#8927).

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, case, lit};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

type Expr = Arc<dyn PhysicalExpr>;

/// What the names of functions begin with that refuse some values.
const READERS: [&str; 6] = ["read_in_zone", "require_mapped", "strict_cast", "to_date", "to_timestamp", "to_unixtime"];

/// See the module. Comes when filters are where they stay.
#[derive(Debug)]
pub struct GuardedFilters;

impl PhysicalOptimizerRule for GuardedFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(filter) = node.downcast_ref::<FilterExec>() else { return Ok(Transformed::no(node)) };
            let Some(predicate) = guarded(filter.predicate(), &filter.input().schema())? else {
                return Ok(Transformed::no(node));
            };
            Ok(Transformed::yes(Arc::new(FilterExecBuilder::from(filter).with_predicate(predicate).build()?)))
        })
        .data()
    }

    fn name(&self) -> &str {
        "guarded_filters"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The condition with each part that may fail behind the others; None if it is right as it stands. It is true of the same rows: of others a filter does
/// not ask whether it is false or null.
fn guarded(condition: &Expr, input: &Schema) -> Result<Option<Expr>> {
    if !may_fail(condition, input)? {
        return Ok(None);
    }
    match condition.downcast_ref::<BinaryExpr>().map(BinaryExpr::op) {
        Some(Operator::And) => in_turn(split_conjunction(condition), Operator::And, input),
        Some(Operator::Or) => in_turn(parts_of_or(condition), Operator::Or, input),
        _ => Ok(None),
    }
}

/// The parts as one condition again: those that cannot fail first, each of the others of the rows that those before it leave open.
fn in_turn(parts: Vec<&Expr>, op: Operator, input: &Schema) -> Result<Option<Expr>> {
    let (mut sure, mut unsure) = (vec![], vec![]);
    for part in parts {
        let own = if may_fail(part, input)? { &mut unsure } else { &mut sure };
        own.push(guarded(part, input)?.unwrap_or_else(|| Arc::clone(part)));
    }
    let sure = sure.into_iter().reduce(|left, right| Arc::new(BinaryExpr::new(left, op, right)));
    // Null leaves rows as open as false does, and drops them as well.
    let behind = |before: Expr, part: Expr| match op {
        Operator::And => case(None, vec![(before, part)], Some(lit(ScalarValue::from(false)))),
        _ => case(None, vec![(before, lit(ScalarValue::from(true)))], Some(part)),
    };
    sure.into_iter().chain(unsure).map(Ok).reduce(|before, part| behind(before?, part?)).transpose()
}

fn parts_of_or(condition: &Expr) -> Vec<&Expr> {
    match condition.downcast_ref::<BinaryExpr>() {
        Some(either) if *either.op() == Operator::Or => {
            let mut parts = parts_of_or(either.left());
            parts.append(&mut parts_of_or(either.right()));
            parts
        }
        _ => vec![condition],
    }
}

/// Whether one value of a column can make an error of a query: a division of whole numbers or decimals, a cast of a text, a function that reads texts.
fn may_fail(expr: &Expr, input: &Schema) -> Result<bool> {
    let mut found = false;
    expr.apply(|part| {
        found = is_division(part, input) || is_cast_of_text(part, input) || is_reader(part);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn is_reader(expr: &Expr) -> bool {
    let function = expr.downcast_ref::<ScalarFunctionExpr>();
    function.is_some_and(|function| READERS.iter().any(|reader| function.name().starts_with(reader)))
}

fn is_division(expr: &Expr, input: &Schema) -> bool {
    let division = expr.downcast_ref::<BinaryExpr>().filter(|binary| matches!(binary.op(), Operator::Divide | Operator::Modulo));
    division.is_some_and(|division| !division.right().data_type(input).is_ok_and(|own| own.is_floating()))
}

fn is_cast_of_text(expr: &Expr, input: &Schema) -> bool {
    let cast = expr.downcast_ref::<CastExpr>().filter(|cast| !cast.cast_options().safe && !cast.cast_type().is_string());
    let is_text = |own: DataType| matches!(own, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    cast.is_some_and(|cast| cast.expr().data_type(input).is_ok_and(is_text))
}
