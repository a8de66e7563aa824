//! What a rule of DataFusion's shall not pass: no filter gets below a fence, and of a projection its columns alone; of one over a hash
//! join, only into the join itself, and none over a merge.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr, all_columns, make_with_child, try_embed_projection};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream};

use super::needed::Needed;

/// A plan of operators.
pub type Plan = Arc<dyn ExecutionPlan>;

/// Its input. It is gone when the rule is done.
#[derive(Debug)]
pub struct Fence(pub Plan);

impl Fence {
    /// The plan without fences.
    pub fn opened(plan: Plan) -> Result<Plan> {
        let open = |node: Plan| match node.downcast_ref::<Fence>() {
            Some(fence) => Ok(Transformed::yes(Arc::clone(&fence.0))),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_up(open).data()
    }

    /// The projection with the fence below it as low as it goes: above what only picks columns.
    fn swapped(&self, projection: &ProjectionExec) -> Result<Option<Plan>> {
        if self.0.is::<SortMergeJoinExec>() {
            return Ok(None);
        }
        if let Some(join) = self.0.downcast_ref::<HashJoinExec>() {
            return if join.projection.is_none() { try_embed_projection(projection, join) } else { Ok(None) };
        }
        if all_columns(projection.expr()) {
            return Ok(Some(Arc::new(Fence(make_with_child(projection, &self.0)?))));
        }
        let needed = Needed::of(projection.expr().iter().map(|column| &column.expr), &self.0);
        if !needed.is_part() {
            return Ok(None);
        }
        let moved = |column: &ProjectionExpr| -> Result<ProjectionExpr> {
            Ok(ProjectionExpr { expr: needed.moved(&column.expr)?, alias: column.alias.clone() })
        };
        let columns = projection.expr().iter().map(moved).collect::<Result<Vec<_>>>()?;
        Ok(Some(Arc::new(ProjectionExec::try_new(columns, Arc::new(Fence(needed.alone(&self.0)?)))?)))
    }
}

impl DisplayAs for Fence {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Fence")
    }
}

impl ExecutionPlan for Fence {
    fn name(&self) -> &str {
        "Fence"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        vec![&self.0]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Plan>) -> Result<Plan> {
        Ok(Arc::new(Fence(children.swap_remove(0))))
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Plan>> {
        self.swapped(projection)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, context)
    }
}
