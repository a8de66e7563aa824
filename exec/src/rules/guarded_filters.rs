//! What may fail in a filter is asked of the rows alone that the rest of the filter keeps.
//!
//! `WHERE y <> 0 AND 10 / y < 5`, and a filter over a cast above one that keeps what can be cast: SQL and frames write a guard beside, or below, what it
//! guards. DataFusion 55 makes one condition of both and asks all of it of every row (apache/datafusion#8927).

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, CastExpr, case, lit};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

type Expr = Arc<dyn PhysicalExpr>;

/// What the names of functions begin with that refuse some values.
const READERS: [&str; 5] = ["require_mapped", "strict_cast", "to_date", "to_timestamp", "to_unixtime"];

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

/// The condition with each part that may fail behind the others; None if it is right as it stands.
fn guarded(predicate: &Expr, input: &Schema) -> Result<Option<Expr>> {
    let (mut sure, mut unsure) = (vec![], vec![]);
    for part in split_conjunction(predicate) {
        let parts = if may_fail(part, input)? { &mut unsure } else { &mut sure };
        parts.push(Arc::clone(part));
    }
    if unsure.is_empty() || sure.len() + unsure.len() < 2 {
        return Ok(None);
    }
    let first = if sure.is_empty() { unsure.remove(0) } else { conjunction(sure) };
    let mut condition = first;
    for part in unsure {
        // Rows whose condition is null are dropped as well.
        condition = case(None, vec![(condition, part)], Some(lit(ScalarValue::from(false))))?;
    }
    Ok(Some(condition))
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
