//! What no filter passes: columns of one name, and limits; and no wish for an order, limits.
//!
//! DataFusion's `FilterPushdown` finds the columns of a filter in an operator's input by their names. Where a join has brought two columns of one
//! name together, the first is taken for both: rows would be dropped by another table's column. A join says by number which side a column is of,
//! so a projection may ask it. And a filter that gets below a limit, as that of the first rows so far in a sort does by way of a `FilterExec` that
//! counts its rows, makes the limit take other rows. Here is a fence above each input where either would happen.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};

use super::fence::{Fence, Plan};

/// The operator with fences above the inputs that no filter may pass.
pub fn fences(node: Plan) -> Result<Transformed<Plan>> {
    let by_number = node.is::<ProjectionExec>();
    fenced(node, |input| is_limited(input) || !(by_number && input.is::<HashJoinExec>()) && has_name_twice(input))
}

/// The operator with fences above its inputs that give some of their rows. A scan that is asked for an order takes its row groups in another, and
/// the first rows are others then.
pub fn limit_fences(node: Plan) -> Result<Transformed<Plan>> {
    fenced(node, is_limited)
}

fn fenced(node: Plan, needs_fence: impl Fn(&Plan) -> bool) -> Result<Transformed<Plan>> {
    if !node.children().into_iter().any(&needs_fence) {
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

/// Whether it gives some of its rows by their number.
fn is_limited(plan: &Plan) -> bool {
    plan.fetch().is_some() || plan.is::<GlobalLimitExec>()
}
