//! `gradframe.events`: all that runs have logged in one long form, as a view over the log tables.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use datafusion::scalar::ScalarValue;
use gradframe_exec::ops::run_log::LogTableProvider;
use gradframe_plan::ops::run_log::LogTable;

/// The view's name in schema `gradframe`.
pub(super) const EVENTS: &str = "events";

/// Columns: run, time (null of what is known from the start), kind (metric, artifact, param, tag), name, step, value, text.
pub(super) fn view() -> Result<Arc<ViewTable>> {
    let metrics = part(LogTable::Metrics, [col("time"), lit("metric"), col("name"), col("step"), col("value"), no_text()])?;
    let text = |kind: &str| [no_time(), lit(kind), col("name"), no_step(), no_value(), col("value")];
    let artifacts =
        part(LogTable::Artifacts, [col("created"), lit("artifact"), col("path"), col("step"), no_value(), col("hash")])?;
    let plan = LogicalPlanBuilder::from(metrics)
        .union(artifacts)?
        .union(part(LogTable::Params, text("param"))?)?
        .union(part(LogTable::Tags, text("tag"))?)?
        .build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

fn part(table: LogTable, columns: [Expr; 6]) -> Result<LogicalPlan> {
    let names = ["time", "kind", "name", "step", "value", "text"];
    let columns = columns.into_iter().zip(names).map(|(column, name)| column.alias(name));
    let source = provider_as_source(Arc::new(LogTableProvider::new(table)));
    LogicalPlanBuilder::scan(table.name(), source, None)?.project(std::iter::once(col("run")).chain(columns))?.build()
}

fn no_time() -> Expr {
    cast(lit(ScalarValue::Null), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
}

fn no_step() -> Expr {
    cast(lit(ScalarValue::Null), DataType::Int64)
}

fn no_value() -> Expr {
    cast(lit(ScalarValue::Null), DataType::Float64)
}

fn no_text() -> Expr {
    cast(lit(ScalarValue::Null), DataType::Utf8)
}
