//! `gradframe.batch_rows` of a run that a program has logged with a loader of its own: the batch that was in the loop at a step.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::{DatasetRecord, Store};
use gradframe_exec::ops::train::dataset_files;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{DatasetFile, RunLog};

use super::batch_rows::BATCH_ROWS;
use super::frames;
use crate::frame::statement::{FRAME, needs_frame};
use crate::frame::{LoadOptions, in_loading_order, keep_order};
use crate::{Error, Result};

/// What such a data set is called.
pub(crate) const LOADER: &str = "loader";
/// The metric that says which batch of its epoch, from 1, was in the loop.
pub(crate) const BATCH: &str = "loader/batch";

/// The rows of one batch. Reading them reads the loader's frame once more.
#[derive(Debug)]
struct LoaderRows {
    plan: LogicalPlan,
    schema: SchemaRef,
}

/// The relation of a step. Errors: `Plan` for a step at which no batch was in the loop, and for a frame that has no name in SQL and is
/// not handed over; `Execution` if the files have changed since.
pub(super) async fn open(
    store: &Store,
    state: &SessionState,
    run: &str,
    step: u64,
    loader: &DatasetRecord,
) -> Result<Arc<dyn TableProvider>> {
    let (epoch, batch) = batch_at(store, run, step)?;
    let options = options_of(&loader.profile)
        .ok_or_else(|| Error::execution(BATCH_ROWS, format!("how run `{run}` loaded its batches cannot be read")))?;
    let frame = frame_of(state, run, &loader.source).await?;
    let ordered = in_loading_order(&frame, &LoadOptions { epoch, ..options.clone() })?;
    // As batches are dealt: a round is one for each rank, and workers take rounds in turn.
    let round = (batch - 1) * options.workers as u64 + options.worker as u64;
    let before = (round * options.world_size as u64 + options.rank as u64).saturating_mul(options.batch_rows as u64);
    let limited = LogicalPlanBuilder::from(ordered).limit(before as usize, Some(options.batch_rows));
    let plan = limited.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    check_files(store, state, run, &plan).await?;
    let schema = Arc::clone(plan.schema().inner());
    Ok(Arc::new(LoaderRows { plan, schema }))
}

/// Epoch and batch that were in the loop when the step was logged; of several the last.
fn batch_at(store: &Store, run: &str, step: u64) -> Result<(u64, u64)> {
    let is = |column: &str, value: ScalarValue| LogFilter::Eq(column.into(), value);
    let filters = vec![is("run", run.into()), is("name", BATCH.into()), is("step", (step as i64).into())];
    let found = store.scan(LogTable::Metrics, &LogQuery { filters, ..LogQuery::default() })?;
    let last = found.iter().rfind(|batch| batch.num_rows() > 0).and_then(|batch: &RecordBatch| {
        let row = batch.num_rows() - 1;
        let epoch = batch.column(3).as_primitive_opt::<Int64Type>()?.value(row);
        let number = batch.column(4).as_primitive_opt::<Float64Type>()?.value(row);
        Some((u64::try_from(epoch).ok()?, number as u64)).filter(|(_, number)| *number > 0)
    });
    last.ok_or_else(|| {
        let what = format!("run `{run}` has logged nothing at step {step} while a batch was in its loop");
        Error::plan(BATCH_ROWS, what).hint(format!("SELECT step FROM gradframe.metrics WHERE name = '{BATCH}' lists the steps"))
    })
}

async fn frame_of(state: &SessionState, run: &str, source: &str) -> Result<LogicalPlan> {
    if !needs_frame(source) {
        // Boxed: planning a query may plan another one, this function among its relations.
        let view = format!("CREATE VIEW \"{LOADER}\" AS\n{source}");
        return Box::pin(gradframe_sql::plan_view(state, &view)).await;
    }
    let handed_over = frames::named(FRAME);
    let plan = handed_over.as_ref().and_then(|frame| frame.get_logical_plan()).map(Cow::into_owned);
    plan.ok_or_else(|| {
        let what = format!("run `{run}` loaded its batches from a frame of its program");
        Error::plan(BATCH_ROWS, what).hint("hand the frame over: session.batch_rows(run, step, frame=frame) in Python")
    })
}

/// Errors: `Execution` for a file that is not as it was when the loop began.
async fn check_files(store: &Store, state: &SessionState, run: &str, plan: &LogicalPlan) -> Result<()> {
    let physical = state.create_physical_plan(plan).await.map_err(from_datafusion)?;
    let now = dataset_files(&physical, &TaskContext::from(state)).await;
    let before = files(store, run)?;
    let same = |a: &DatasetFile, b: &DatasetFile| match (&a.hash, &b.hash) {
        (Some(a), Some(b)) => a == b,
        _ => a.bytes == b.bytes && a.modified_us == b.modified_us,
    };
    let changed = before.iter().find(|file| !now.iter().any(|other| other.path == file.path && same(other, file)));
    match changed {
        Some(file) => {
            let what = format!("`{}`, which run `{run}` read, has changed since", file.path);
            Err(Error::execution(BATCH_ROWS, what).hint("gradframe.dataset_files says how it was"))
        }
        None => Ok(()),
    }
}

fn files(store: &Store, run: &str) -> Result<Vec<DatasetFile>> {
    store.dataset_files(run, LOADER)
}

/// How a loader deals its batches, as it is kept.
pub(crate) fn profile_of(options: &LoadOptions) -> String {
    let LoadOptions { batch_rows, shuffle, rank, world_size, worker, workers, .. } = options;
    serde_json::json!({
        "batch_rows": batch_rows, "shuffle": shuffle, "rank": rank, "world_size": world_size, "worker": worker, "workers": workers,
    })
    .to_string()
}

/// None of what is no such text.
fn options_of(profile: &str) -> Option<LoadOptions> {
    let said: serde_json::Value = serde_json::from_str(profile).ok()?;
    let whole = |name: &str| said[name].as_u64().and_then(|number| usize::try_from(number).ok());
    Some(LoadOptions {
        shuffle: said["shuffle"].as_u64(),
        rank: whole("rank")?,
        world_size: whole("world_size")?,
        worker: whole("worker")?,
        workers: whole("workers")?,
        ..LoadOptions::new(whole("batch_rows")?)
    })
}

#[async_trait]
impl TableProvider for LoaderRows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let plan = match projection {
            Some(columns) => LogicalPlanBuilder::from(self.plan.clone()).select(columns.iter().copied())?.build()?,
            None => self.plan.clone(),
        };
        match state.as_any().downcast_ref::<SessionState>() {
            Some(state) => keep_order(state.clone(), &plan).create_physical_plan(&plan).await,
            None => state.create_physical_plan(&plan).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_batches_are_dealt_is_read_as_it_was_written() {
        let options =
            LoadOptions { shuffle: Some(u64::MAX), rank: 1, world_size: 3, worker: 2, workers: 4, ..LoadOptions::new(512) };
        assert_eq!(options_of(&profile_of(&options)), Some(options));
        let plain = LoadOptions::new(1);
        assert_eq!(options_of(&profile_of(&plain)), Some(plain));
        assert_eq!(options_of("{}"), None);
    }
}
