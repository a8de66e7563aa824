//! From our logical nodes to physical operators.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use gradframe_plan::ops::drawn::DrawnNode;
use gradframe_plan::ops::evaluate::EvaluateNode;
use gradframe_plan::ops::map_batches::MapBatchesNode;
use gradframe_plan::ops::predict::PredictNode;
use gradframe_plan::ops::row_order::RowOrderNode;
use gradframe_plan::ops::text::TextNode;
use gradframe_plan::ops::train::TrainNode;
use gradframe_plan::ops::unique::UniqueNode;

use crate::counted::session_in_order;
use crate::ops::drawn::{DrawnExec, shared};
use crate::ops::evaluate::EvaluateExec;
use crate::ops::map_batches::MapBatchesExec;
use crate::ops::predict::PredictExec;
use crate::ops::row_order::RowOrderExec;
use crate::ops::text::TextExec;
use crate::ops::train::TrainExec;
use crate::ops::unique::UniqueExec;
use crate::rounded_casts::hidden;
use crate::streaming::annotated;

/// The query planner of a session: DataFusion's, which also knows our nodes.
pub fn query_planner() -> Arc<dyn QueryPlanner + Send + Sync> {
    Arc::new(GradframeQueryPlanner)
}

#[derive(Debug)]
struct GradframeQueryPlanner;

#[async_trait]
impl QueryPlanner for GradframeQueryPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(GradframePlanner)]);
        let plan = &hidden(plan.clone())?;
        let in_order = session_in_order(session, plan);
        let session = in_order.as_ref().map_or(session, |state| state as &dyn Session);
        let planned = shared(planner.create_physical_plan(plan, session).await?)?;
        match plan {
            LogicalPlan::Explain(explain) if explain.logical_optimization_succeeded => {
                // What cannot be planned, EXPLAIN has said.
                let explained = planner.create_physical_plan(&explain.plan, session).await;
                Ok(explained.map_or(Arc::clone(&planned), |explained| annotated(planned, explained.as_ref())))
            }
            _ => Ok(planned),
        }
    }
}

/// Plans Train, Predict, Evaluate, Drawn, MapBatches, RowOrder, Unique, and the operators over texts.
#[derive(Debug)]
pub struct GradframePlanner;

/// What physical expressions are made with.
struct Expressions<'a> {
    planner: &'a dyn PhysicalPlanner,
    input: &'a DFSchema,
    session: &'a dyn Session,
    context: &'a PhysicalPlanningContext,
}

impl Expressions<'_> {
    fn plan(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>> {
        self.planner.create_physical_expr(expr, self.input, self.session, self.context)
    }

    fn plan_all(&self, exprs: &[Expr]) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        exprs.iter().map(|e| self.plan(e)).collect()
    }
}

#[async_trait]
impl ExtensionPlanner for GradframePlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        // Train alone may have a second input, the fit of its TRANSFORM.
        let ([logical, ..], [input, second @ ..]) = (logical_inputs, physical_inputs) else { return Ok(None) };
        let expressions = Expressions { planner, input: logical.schema(), session, context };
        let input = Arc::clone(input);
        if let Some(node) = node.as_any().downcast_ref::<TrainNode>() {
            return train(node, input, second.first().cloned(), &expressions).map(Some);
        }
        if let Some(node) = node.as_any().downcast_ref::<PredictNode>() {
            let features = expressions.plan_all(node.features())?;
            return Ok(Some(Arc::new(PredictExec::try_new(node, features, input, session.config_options())?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<TextNode>() {
            let texts = expressions.plan_all(node.texts())?;
            return Ok(Some(Arc::new(TextExec::try_new(node, texts, input)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<EvaluateNode>() {
            let columns = expressions.plan_all(node.columns())?;
            return Ok(Some(Arc::new(EvaluateExec::try_new(node, columns, input)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<DrawnNode>() {
            return Ok(Some(Arc::new(DrawnExec::new(node, input))));
        }
        if let Some(node) = node.as_any().downcast_ref::<MapBatchesNode>() {
            return Ok(Some(Arc::new(MapBatchesExec::new(node, input))));
        }
        if let Some(node) = node.as_any().downcast_ref::<RowOrderNode>() {
            return Ok(Some(Arc::new(RowOrderExec::try_new(node, input)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<UniqueNode>() {
            let keys = expressions.plan_all(node.keys())?;
            return UniqueExec::planned(node, keys, input).map(Some);
        }
        Ok(None)
    }
}

fn train(
    node: &TrainNode,
    input: Arc<dyn ExecutionPlan>,
    fit: Option<Arc<dyn ExecutionPlan>>,
    expressions: &Expressions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let columns = expressions.plan_all(node.columns())?;
    let keys =
        node.order().iter().map(|key| Ok((expressions.plan(&key.expr)?, sort_options(key)))).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(TrainExec::try_new(node, columns, keys, input, fit)?))
}

fn sort_options(key: &datafusion::logical_expr::SortExpr) -> arrow::compute::SortOptions {
    arrow::compute::SortOptions { descending: !key.asc, nulls_first: key.nulls_first }
}
