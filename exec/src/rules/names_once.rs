//! No filter passes columns of one name.
//!
//! DataFusion's `FilterPushdown` finds the columns of a filter in an operator's input by their names. Where a join has brought two columns of one
//! name together, the first is taken for both: rows would be dropped by another table's column. Here is a fence above each input
//! in which a name is not one column's. A join says by number which side a column is of, so a projection may ask it.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};

use super::fence::{Fence, Plan};

/// The operator with fences above the inputs that need them.
pub fn fences(node: Plan) -> Result<Transformed<Plan>> {
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
