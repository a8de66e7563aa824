//! How many steps a plan may have: to rewrite a tree, and to free it, takes stack for each of its levels.

use datafusion::logical_expr::LogicalPlan;

use crate::{Error, Result};

/// Steps, one above the other.
const STEPS_MAX: usize = 3000;

/// Errors: `Plan` for a plan of more steps.
pub(super) fn check_steps(plan: &LogicalPlan) -> Result<()> {
    let mut at = plan;
    for _ in 0..STEPS_MAX {
        // Along the first inputs alone, what a loop of verbs builds; two sides of a join would be counted again and again.
        match at.inputs().first() {
            Some(below) => at = below,
            None => return Ok(()),
        }
    }
    let error = Error::plan("frame", format!("the plan has more than {STEPS_MAX} steps one above the other"));
    Err(error.hint("collect() in between, or say several filters and columns in one call"))
}
