//! A CTE that draws numbers is computed once, however often it is read: `WITH c AS (SELECT k, random() AS r ..) SELECT .. FROM c a JOIN c b ..`.
//!
//! DataFusion 55 puts its plan in the place of each name, and each copy draws for itself. SQL names the rows of such a CTE ([`DRAWN_ONCE`]); those
//! that do draw become an operator that computes them once.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::logical_plan::SubqueryAlias;
use datafusion::optimizer::AnalyzerRule;

use super::drawn_subqueries::draws;
use crate::ops::drawn::{DRAWN_ONCE, DrawnNode};

/// See the module. Comes first: copies of a CTE are as SQL made them.
#[derive(Debug)]
pub struct DrawnCtes;

impl AnalyzerRule for DrawnCtes {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::SubqueryAlias(alias) if is_read_again(&alias) && draws(&alias.input)? => {
                let rows = DrawnNode::plan(alias.alias.table(), Arc::unwrap_or_clone(alias.input));
                SubqueryAlias::try_new(Arc::new(rows), alias.alias).map(LogicalPlan::SubqueryAlias).map(Transformed::yes)
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "drawn_ctes"
    }
}

/// Whether they are rows of such a CTE, not yet computed once.
fn is_read_again(alias: &SubqueryAlias) -> bool {
    let is_once = matches!(alias.input.as_ref(), LogicalPlan::Extension(below) if below.node.as_any().is::<DrawnNode>());
    alias.alias.table().starts_with(DRAWN_ONCE) && !is_once
}
