//! A field of a null struct is null.
//!
//! DataFusion 55's `get_field` gives the field's own values, also where the struct is null: below it may lie anything, such as the
//! zeros that pyarrow puts there. This rule comes at the end, so that scans were told before which fields they may read alone.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::expressions::with_expressions;
use crate::field::FieldOfStruct;

/// See the module.
#[derive(Debug)]
pub struct FieldsOfStructs;

impl PhysicalOptimizerRule for FieldsOfStructs {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        with_expressions(plan, &|expr, _| with_nulls_of_structs(expr))
    }

    fn name(&self) -> &str {
        "fields_of_structs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The expression with the fields in it null where their structs are.
pub(super) fn with_nulls_of_structs(expr: Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    expr.transform_up(|node| match FieldOfStruct::of(&node) {
        Some(field) => Ok(Transformed::yes(Arc::new(field) as _)),
        None => Ok(Transformed::no(node)),
    })
}
