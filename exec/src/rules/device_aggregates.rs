//! Aggregates over cached tables are computed on the device where the tables' columns lie.
//!
//! The first half of an aggregate, with the filters and projections between it and the scan, becomes a [`DeviceAggregateExec`]
//! if all of it has a form there; an aggregate in one half becomes two. It comes first, while expressions are where the query put
//! them. Where something has no form, the scan says what, and the CPU computes from its copy.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

use crate::ops::device_aggregate::{DeviceAggregateExec, scan_below};
use crate::pinned::PinnedScanExec;

type Plan = Arc<dyn ExecutionPlan>;

/// See the module.
#[derive(Debug)]
pub struct DeviceAggregates;

impl PhysicalOptimizerRule for DeviceAggregates {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let options = config.extensions.get::<GradframeOptions>().cloned().unwrap_or_default();
        if options.device == DeviceChoice::Cpu {
            return Ok(plan);
        }
        let is_strict = options.device == DeviceChoice::Cuda && options.device_strict;
        plan.transform_down(|node| placed(node, is_strict)).data()
    }

    fn name(&self) -> &str {
        "device_aggregates"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn placed(node: Plan, is_strict: bool) -> Result<Transformed<Plan>> {
    let Some(aggregate) = node.downcast_ref::<AggregateExec>().filter(|aggregate| is_on_device(aggregate)) else {
        return Ok(Transformed::no(node));
    };
    match on_device(aggregate, is_strict) {
        Ok(Some(there)) => Ok(Transformed::new(there, true, TreeNodeRecursion::Jump)),
        Ok(None) => Ok(Transformed::no(node)),
        Err(error) if is_strict => Err(to_datafusion(error)),
        Err(error) => noted(node, &error),
    }
}

/// Whether the aggregate reads a table that lies on a device.
fn is_on_device(aggregate: &AggregateExec) -> bool {
    scan_below(aggregate.input()).is_some_and(|scan| scan.table().placement.device().is_some())
}

/// None of the second half of an aggregate, and where no column is read: the number of rows is known.
fn on_device(aggregate: &AggregateExec, is_strict: bool) -> gradframe_ml_core::Result<Option<Plan>> {
    use AggregateMode::{Partial, Single, SinglePartitioned};
    let is_single = matches!(aggregate.mode(), Single | SinglePartitioned);
    let reads_none = scan_below(aggregate.input()).is_some_and(|scan| scan.schema().fields().is_empty());
    if reads_none || (!is_single && *aggregate.mode() != Partial) {
        return Ok(None);
    }
    if aggregate.limit_options().is_some() || aggregate.group_expr().has_grouping_set() {
        return Err(Error::not_implemented("device", "an aggregate with a limit, or of grouping sets"));
    }
    let of_mode = |mode, groups, filters, input| {
        let (functions, schema) = (aggregate.aggr_expr().to_vec(), aggregate.input_schema());
        AggregateExec::try_new(mode, groups, functions, filters, input, schema).map_err(gradframe_plan::error::from_datafusion)
    };
    let (groups, filters) = (aggregate.group_expr().clone(), aggregate.filter_expr().to_vec());
    let none = vec![None; filters.len()];
    let first = of_mode(Partial, groups.clone(), filters, Arc::clone(aggregate.input()))?;
    let first: Plan = Arc::new(DeviceAggregateExec::try_new(first, is_strict)?);
    if !is_single {
        return Ok(Some(first));
    }
    Ok(Some(Arc::new(of_mode(AggregateMode::Final, groups.as_final(), none, first)?)))
}

/// The plan whose scan says why the CPU computes.
fn noted(node: Plan, reason: &Error) -> Result<Transformed<Plan>> {
    let noted = |node: Plan| {
        let scan: Option<Plan> = node.downcast_ref::<PinnedScanExec>().map(|scan| Arc::new(scan.read_by_cpu(reason)) as _);
        Ok(scan.map_or(Transformed::no(node), Transformed::yes))
    };
    let noted = node.transform_down(noted)?;
    Ok(Transformed::new(noted.data, noted.transformed, TreeNodeRecursion::Jump))
}
