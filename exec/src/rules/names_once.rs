//! No filter passes columns of one name.
//!
//! DataFusion's `FilterPushdown` finds the columns of a filter in an operator's input by their names. Where a join has brought two columns of one
//! name together, the first is taken for both: rows would be dropped by another table's column. This rule is that one, with a fence above
//! each input in which a name is not one column's. A join says by number which side a column is of, so a projection may ask it.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};

use super::fence::{Fence, Plan};

/// See the module.
#[derive(Debug)]
pub struct NamesOnce {
    /// `FilterPushdown`, before or after the other rules.
    pub rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl PhysicalOptimizerRule for NamesOnce {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let fenced = plan.transform_up(fenced)?;
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

/// The operator with fences above the inputs that need them.
fn fenced(node: Plan) -> Result<Transformed<Plan>> {
    let needs_fence = |input: &Plan| {
        let is_asked_by_number = node.is::<ProjectionExec>() && input.is::<HashJoinExec>();
        !is_asked_by_number && has_name_twice(input)
    };
    if !node.children().into_iter().any(needs_fence) {
        return Ok(Transformed::no(node));
    }
    let inputs = node.children().into_iter().cloned();
    let inputs = inputs.map(|input| if needs_fence(&input) { Arc::new(Fence(input)) } else { input }).collect();
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Ok(Transformed::yes(node.replace_children(inputs, options)?))
}

fn has_name_twice(plan: &Plan) -> bool {
    let schema = plan.schema();
    let mut seen = HashSet::with_capacity(schema.fields().len());
    !schema.fields().iter().all(|field| seen.insert(field.name()))
}
