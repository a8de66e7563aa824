//! Rules over physical plans, one file each, and their places among DataFusion's.

mod account_for_windows;
mod build_bytes;
mod checked_arithmetic;
mod cut_batches;
mod device_aggregates;
mod expressions;
mod fence;
mod fenced;
mod fields_of_structs;
mod filter_fences;
mod filters_first;
mod guarded_filters;
mod in_order;
mod loops_in_memory;
mod merge_large_joins;
mod needed;
mod numeric_sorts;
mod numeric_stages;
mod one_nan;
mod over_rows;
mod own_statistics;
mod projection_fences;
mod settled_limits;
mod subqueries_of_trainings;

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;

pub use account_for_windows::AccountForWindows;
use build_bytes::build_bytes;
pub use checked_arithmetic::CheckedArithmetic;
use checked_arithmetic::checked_within;
pub use cut_batches::CutBatches;
pub use device_aggregates::DeviceAggregates;
use fenced::Fenced;
pub use fields_of_structs::FieldsOfStructs;
pub use filters_first::FiltersFirst;
pub use guarded_filters::GuardedFilters;
pub use in_order::{InOrder, UnionsInOrder};
pub use loops_in_memory::LoopsInMemory;
pub use merge_large_joins::MergeLargeJoins;
pub use numeric_sorts::NumericSorts;
pub use numeric_stages::NumericStages;
pub use one_nan::OneNan;
pub use over_rows::OverRows;
use own_statistics::OwnStatistics;
use settled_limits::SettledLimits;
pub use subqueries_of_trainings::SubqueriesOfTrainings;

/// An expression by itself, outside of any plan, as plans have it: its arithmetic checked, its NaNs without signs, fields of null
/// structs null.
pub fn as_in_plans(expr: Arc<dyn PhysicalExpr>, input: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let checked = checked_within(expr, input)?.data;
    let unsigned = one_nan::without_signs(checked, input, false)?.data;
    Ok(fields_of_structs::with_nulls_of_structs(unsigned)?.data)
}

type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

/// The rule after which sides and kinds of joins are chosen, and before which no sorts are put in.
const JOIN_SELECTION: &str = "join_selection";

/// The rule that puts projections below other operators.
const PROJECTIONS: &str = "ProjectionPushdown";

/// The rule that puts sorts and partitions where operators want them.
const REQUIREMENTS: &str = "EnsureRequirements";

/// The rule that answers aggregates by statistics.
const STATISTICS: &str = "aggregate_statistics";

/// The rule that asks scans for an order.
const ORDERS: &str = "PushdownSort";

/// The rule that puts filters below other operators; it comes twice.
const FILTERS: &str = "FilterPushdown";

/// DataFusion's rules with ours among them; `limit_bytes` is the session's memory.
pub fn physical_optimizer_rules(mut rules: Rules, limit_bytes: usize) -> Rules {
    let after = rules.iter().position(|rule| rule.name() == JOIN_SELECTION).map_or(0, |at| at + 1);
    rules.insert(after, Arc::new(MergeLargeJoins { limit_bytes }));
    let pushdown = rules.iter().position(|rule| rule.name() == PROJECTIONS).unwrap_or(rules.len());
    rules.insert(pushdown, Arc::new(NumericStages { projections: true }));
    for rule in rules.iter_mut().filter(|rule| rule.name() == PROJECTIONS) {
        let first = Arc::new(FiltersFirst { rule: Arc::clone(rule) });
        *rule = Arc::new(Fenced { rule: first, fences: projection_fences::fences });
    }
    for rule in rules.iter_mut().filter(|rule| rule.name().starts_with(FILTERS)) {
        *rule = Arc::new(Fenced { rule: Arc::clone(rule), fences: filter_fences::fences });
    }
    for rule in rules.iter_mut().filter(|rule| rule.name() == ORDERS) {
        *rule = Arc::new(Fenced { rule: Arc::clone(rule), fences: filter_fences::limit_fences });
    }
    for rule in rules.iter_mut().filter(|rule| rule.name() == STATISTICS) {
        *rule = Arc::new(OwnStatistics { rule: Arc::clone(rule) });
    }
    for rule in rules.iter_mut().filter(|rule| rule.name() == REQUIREMENTS) {
        *rule = Arc::new(SettledLimits { rule: Arc::clone(rule) });
    }
    rules.push(Arc::new(AccountForWindows));
    // First, while all expressions are where the query put them.
    rules.insert(0, Arc::new(CheckedArithmetic));
    rules.insert(1, Arc::new(OneNan));
    rules.insert(2, Arc::new(DeviceAggregates));
    // Before sorts are put in, which these windows do not want.
    rules.insert(3, Arc::new(OverRows));
    rules.insert(4, Arc::new(CutBatches));
    rules.insert(5, Arc::new(UnionsInOrder));
    // All expressions are where they will be computed.
    rules.push(Arc::new(GuardedFilters));
    rules.push(Arc::new(NumericStages { projections: false }));
    rules.push(Arc::new(FieldsOfStructs));
    // What needs one partition is known, and no limit moves any more.
    rules.push(Arc::new(InOrder));
    rules.push(Arc::new(SubqueriesOfTrainings));
    // Last: rules before look for DataFusion's own.
    rules.push(Arc::new(NumericSorts));
    rules.push(Arc::new(LoopsInMemory { limit_bytes }));
    rules
}
