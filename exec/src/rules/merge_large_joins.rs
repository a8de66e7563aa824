//! A hash join whose build side is too large for memory becomes a sort-merge join, which spills where a hash join fails.
//!
//! A hash join holds its build side. Those of one plan may be held at the same time: together they get half of the
//! session's memory, in equal parts, and one that is estimated to need more is replaced. Without an estimate a hash join
//! stays: it is the faster one, and the plan may well be small.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinSide, JoinType, internal_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::memory_pool::human_readable_size;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use gradframe_plan::functions::has_floats;

use super::build_bytes;

/// Build sides get this part of the memory together: one in so many.
const BUILD_PART: usize = 2;

/// See the module.
#[derive(Debug)]
pub struct MergeLargeJoins {
    /// The session's memory.
    pub limit_bytes: usize,
}

impl PhysicalOptimizerRule for MergeLargeJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let joins = hash_joins(&plan)?;
        if joins == 0 {
            return Ok(plan);
        }
        let budget_bytes = self.limit_bytes / BUILD_PART / joins;
        plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>() {
            Some(join) if is_over(join, budget_bytes) => merged(join).map(Transformed::yes),
            _ => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "merge_large_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn hash_joins(plan: &Arc<dyn ExecutionPlan>) -> Result<usize> {
    let mut count = 0;
    plan.apply(|node| {
        count += usize::from(node.is::<HashJoinExec>());
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(count)
}

/// Whether a join can be merged and had better be.
fn is_over(join: &HashJoinExec, budget_bytes: usize) -> bool {
    // Only the hash join knows `NOT IN` with nulls.
    let over = !join.null_aware && compares_keys(join) && build_bytes(&join.left).is_some_and(|bytes| bytes > budget_bytes);
    if over {
        tracing::debug!(on = ?join.on, budget = human_readable_size(budget_bytes), "a build side is too large to hash");
    }
    over
}

/// Whether a merge can compare the keys. Where it looks for rows of one side alone it knows fewer types, and takes no NaN for equal to itself
/// (apache/datafusion#25133).
fn compares_keys(join: &HashJoinExec) -> bool {
    let is_known = |key: &Arc<dyn PhysicalExpr>| match key.data_type(&join.left.schema()) {
        Ok(DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Decimal128(..)) => true,
        Ok(DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)) => true,
        Ok(DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64) => true,
        Ok(other) => other.is_integer(),
        Err(_) => false,
    };
    let has_both_sides = matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full);
    let floats = join.on.iter().filter(|(left, _)| is_float(left, join)).count();
    floats < 2 && (has_both_sides || join.on.iter().all(|(left, _)| is_known(left)))
}

/// Whether a key has two zeros, which a sort tells apart and a merge does not: what is sorted behind it is out of order to the merge.
fn is_float(key: &Arc<dyn PhysicalExpr>, join: &HashJoinExec) -> bool {
    key.data_type(&join.left.schema()).is_ok_and(|own| has_floats(&own))
}

/// The same join by sorting and merging. The sorts come with the rule that enforces what operators require.
fn merged(join: &HashJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let sort_options = vec![SortOptions::default(); join.on.len()];
    let (left, right) = (Arc::clone(&join.left), Arc::clone(&join.right));
    let (mut on, filter) = (join.on.clone(), join.filter.as_ref().map(left_first).transpose()?);
    on.sort_by_key(|(left, _)| is_float(left, join));
    let merge = SortMergeJoinExec::try_new(left, right, on, filter, join.join_type, sort_options, join.null_equality)?;
    let Some(projection) = &join.projection else { return Ok(Arc::new(merge)) };
    let schema = merge.schema();
    let column = |&index: &usize| {
        let name = schema.field(index).name();
        ProjectionExpr { expr: Arc::new(Column::new(name, index)), alias: name.clone() }
    };
    let columns: Vec<ProjectionExpr> = projection.iter().map(column).collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, Arc::new(merge))?))
}

/// The same condition with the columns of the left side first. A merge takes them so, whatever the condition says (a hash join whose sides were
/// exchanged has them the other way round), and asks it of rows without a match too, so any may be null.
fn left_first(filter: &JoinFilter) -> Result<JoinFilter> {
    let columns = filter.column_indices();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&column| columns[column].side != JoinSide::Left);
    let fields = order.iter().map(|&column| filter.schema().field(column).clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let moved = |expr: Arc<dyn PhysicalExpr>| {
        let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
        let place = order.iter().position(|&old| old == column.index());
        let place = place.ok_or_else(|| internal_datafusion_err!("`{column}` is no column of its join's condition"))?;
        Ok(Transformed::yes(Arc::new(Column::new(column.name(), place)) as Arc<dyn PhysicalExpr>))
    };
    let expression = Arc::clone(filter.expression()).transform_up(moved)?.data;
    Ok(JoinFilter::new(expression, order.iter().map(|&column| columns[column].clone()).collect(), schema))
}
