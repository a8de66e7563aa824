//! Optimizer rules, one a file, and their places among DataFusion's.

mod prune_model;

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;

pub use self::prune_model::PruneModelRule;

/// The name of the rule before which predictions are pruned, so that their features fall in the same pass.
const BEFORE: &str = "optimize_projections";

/// DataFusion's rules with ours in their places.
pub fn optimizer_rules(mut defaults: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let at = defaults.iter().position(|rule| rule.name() == BEFORE).unwrap_or(defaults.len());
    defaults.insert(at, Arc::new(PruneModelRule));
    defaults
}
