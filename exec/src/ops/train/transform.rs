//! The TRANSFORM of a training: fitted by an aggregate over the training query, before the rows are read; from then on its
//! expressions, constants in place, are what is read of a row.

use std::sync::Arc;

use arrow::compute::concat_batches;
use datafusion::common::DFSchemaRef;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::{ExecutionPlan, collect};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::TransformSpec;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::train::TrainNode;
use gradframe_plan::ops::transform::{Fit, Fitted, bind};

use super::{Inputs, OP};
use crate::columns::arrow_error;

/// A TRANSFORM that is not fitted yet.
#[derive(Debug, Clone)]
pub(super) struct Transform {
    fit: Fit,
    plan: Arc<dyn ExecutionPlan>,
    /// The columns of the training as expressions over `schema`, analytic functions among them.
    columns: Vec<Expr>,
    schema: DFSchemaRef,
}

impl Transform {
    /// The TRANSFORM of a node, if it has one; `plan` is the fit's.
    pub fn new(node: &TrainNode, plan: Arc<dyn ExecutionPlan>) -> Option<Self> {
        let schema = Arc::clone(node.input().schema());
        node.fit().map(|fit| Transform { fit: fit.clone(), plan, columns: node.columns().to_vec(), schema })
    }

    /// The plan of the fit: one row.
    pub fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    /// The same TRANSFORM, fitted by another plan.
    pub fn with_plan(self, plan: Arc<dyn ExecutionPlan>) -> Self {
        Transform { plan, ..self }
    }

    /// Runs the fit: the inputs with its constants in place, and the record of the TRANSFORM for the model.
    /// Errors: the query's; `Execution` for columns that a function cannot be fitted to; `Resources`.
    pub async fn fit(self, inputs: &Inputs, context: &Arc<TaskContext>) -> Result<(Inputs, TransformSpec)> {
        let schema = self.plan.schema();
        let rows = collect(Arc::clone(&self.plan), Arc::clone(context)).await.map_err(from_datafusion)?;
        let row = concat_batches(&schema, &rows).map_err(arrow_error)?;
        if row.num_rows() != 1 {
            return Err(Error::internal(OP, format!("the fit has {} rows, expected one", row.num_rows())));
        }
        let fitted = self.fit.read(&row)?;
        Ok((self.inputs_with(inputs, &fitted)?, self.fit.spec(&fitted)))
    }

    fn inputs_with(&self, inputs: &Inputs, fitted: &Fitted) -> Result<Inputs> {
        let (props, planning) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let physical = |expr: &Expr| {
            let bound = bind(expr.clone(), &fitted.functions)?;
            create_physical_expr(&bound, &self.schema, &props, &planning).map_err(from_datafusion)
        };
        let columns = self.columns.iter().map(physical).collect::<Result<Vec<_>>>()?;
        Ok(Inputs { columns, ..inputs.clone() })
    }
}
