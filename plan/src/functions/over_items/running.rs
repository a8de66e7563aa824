//! How the expression that a function carries is run: as in a plan, whose rules do not look into functions, and are above this crate.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

/// What makes an expression that stands alone the same as in a plan: its arithmetic checked, its NaNs without signs.
pub type AsInPlans = fn(Arc<dyn PhysicalExpr>, &Schema) -> Result<Arc<dyn PhysicalExpr>>;

/// Equal to any other: it says nothing that the expression does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running(pub(super) AsInPlans);

impl Running {
    /// The expression ready to run.
    pub(super) fn physical(self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        self.rewritten(create_physical_expr(expr, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?, schema)
    }

    /// A part that was made ready as it stands.
    pub(super) fn rewritten(self, expr: Arc<dyn PhysicalExpr>, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        (self.0)(expr, schema.as_arrow())
    }
}

impl PartialEq for Running {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Running {}

impl Hash for Running {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
