//! Nothing is computed of rows that a filter drops.
//!
//! DataFusion's `ProjectionPushdown` puts a projection that narrows its input below a filter, expressions and all: `SELECT a
//! / n, n FROM t WHERE n <> 0` would divide by the zeros that the query excludes, and each expression would be computed for all
//! rows. This rule is that one, with a fence above each filter: columns pass, expressions stay above.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;

use super::fence::{Fence, Plan};

/// See the module.
#[derive(Debug)]
pub struct FiltersFirst {
    /// `ProjectionPushdown`.
    pub rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl PhysicalOptimizerRule for FiltersFirst {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let fenced = plan.transform_up(|node| {
            Ok(if node.is::<FilterExec>() { Transformed::yes(Arc::new(Fence(node)) as Plan) } else { Transformed::no(node) })
        });
        Fence::opened(self.rule.optimize(fenced.data()?, config)?)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
