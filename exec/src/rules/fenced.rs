//! A rule of DataFusion's with fences where it would go wrong.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

use super::fence::{Fence, Plan};

/// The rule itself, between the setting of fences and their opening.
pub struct Fenced {
    /// The rule that must not pass.
    pub rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
    /// The operator with the fences that it needs, above itself or above its inputs; it is asked from the scans upwards.
    pub fences: fn(Plan) -> Result<Transformed<Plan>>,
}

impl fmt::Debug for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fenced").field(&self.rule).finish()
    }
}

impl PhysicalOptimizerRule for Fenced {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let fenced = plan.transform_up(self.fences)?;
        let pushed = self.rule.optimize(fenced.data, config)?;
        if fenced.transformed { Fence::opened(pushed) } else { Ok(pushed) }
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
