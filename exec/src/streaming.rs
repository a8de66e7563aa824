//! Which operators of a plan give no row before they have read them all.

use std::sync::Arc;

use datafusion::common::display::{PlanType, StringifiedPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::explain::ExplainExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::WindowAggExec;

use crate::ops::map_batches::MapBatchesExec;
use crate::ops::numeric_sort::NumericSortExec;
use crate::ops::over::OverExec;

/// A line for each operator that holds all of its input, from the result down.
pub(crate) fn notes(plan: &dyn ExecutionPlan) -> Vec<String> {
    let mut notes = vec![];
    collect(plan, &mut notes);
    notes
}

fn collect(plan: &dyn ExecutionPlan, notes: &mut Vec<String>) {
    if let Some(why) = why(plan) {
        let note = format!("{} does not stream: {why}", plan.name());
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    plan.children().into_iter().for_each(|child| collect(child.as_ref(), notes));
}

fn why(plan: &dyn ExecutionPlan) -> Option<&'static str> {
    if plan.is::<NumericSortExec>() || plan.downcast_ref::<SortExec>().is_some_and(|sort| sort.fetch().is_none()) {
        return Some("it reads all rows first, and writes to the disk what does not fit in memory");
    }
    if plan.is::<WindowAggExec>() {
        return Some("it reads all rows of a partition of its window first, in memory");
    }
    if plan.downcast_ref::<OverExec>().is_some_and(|over| !over.streams()) {
        return Some("its windows are of whole groups, whose rows it reads first, in memory or on the disk");
    }
    if plan.downcast_ref::<MapBatchesExec>().is_some_and(|map| !map.streams()) {
        return Some("its function is called once, with all rows in memory");
    }
    None
}

/// EXPLAIN's answer, with a line below the physical plan for each operator that does not stream.
pub(crate) fn annotated(explained: Arc<dyn ExecutionPlan>, plan: &dyn ExecutionPlan) -> Arc<dyn ExecutionPlan> {
    let notes = notes(plan);
    let Some(explain) = explained.downcast_ref::<ExplainExec>().filter(|_| !notes.is_empty()) else { return explained };
    let noted = |text: &StringifiedPlan| match text.plan_type {
        PlanType::FinalPhysicalPlan => {
            StringifiedPlan::new(PlanType::FinalPhysicalPlan, format!("{}\n{}\n", text.plan.trim_end(), notes.join("\n")))
        }
        _ => text.clone(),
    };
    let texts = explain.stringified_plans().iter().map(noted).collect();
    Arc::new(ExplainExec::new(explain.schema(), texts, explain.verbose()))
}
