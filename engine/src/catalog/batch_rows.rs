//! `gradframe.batch_rows('RUN', STEP)`: the rows that a step of a training learned from, as a relation.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::{RunStart, Store};
use gradframe_exec::ops::train::batch_rows::{BatchRowsExec, TrainingStep};
use gradframe_plan::error::{from_datafusion, to_datafusion};
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{BATCH_LOSS, RunLog, Services, SourceCall};
use gradframe_sql::Rerun;

use super::frames;
use super::loader_rows::{self, LOADER};
use crate::frame::statement::{FRAME, needs_frame};
use crate::kept_rows::{over_kept_rows, with_former_files};
use crate::{Error, Result};

/// The function's name in SQL.
pub(crate) const BATCH_ROWS: &str = "gradframe.batch_rows";

/// The metric that has a value a step, where the steps are mini-batches; and where they are epochs.
const METRICS: [&str; 2] = [BATCH_LOSS, "loss"];

/// The rows of a step. Reading them reads the training's input once more.
#[derive(Debug)]
struct BatchRows {
    /// The training, which is not run.
    training: LogicalPlan,
    step: TrainingStep,
    schema: SchemaRef,
}

/// The relation of a call. Errors: `Plan` for an unknown run, with the nearest, one that no statement has started, and a step
/// that it has not reached.
pub(crate) async fn open(store: &Store, session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
    let run = store.full_run_name(call.paths.first().map(String::as_str).unwrap_or_default())?;
    let step = step_of(call)?;
    let datasets = store.datasets(&run)?;
    let state = session.as_any().downcast_ref::<SessionState>();
    let state = state.ok_or_else(|| Error::internal(BATCH_ROWS, "the session is none of ours"))?;
    if let Some(loader) = datasets.iter().find(|dataset| dataset.kind == LOADER) {
        return loader_rows::open(store, state, &run, step, loader).await;
    }
    let batches = store.batches(&run)?;
    check_reached(store, &run, step, METRICS[usize::from(batches.is_none())])?;
    let RunStart { seed, statement, .. } = store.run_start(&run)?;
    let statement = statement.filter(|statement| !needs_frame(statement) || frames::named(FRAME).is_some()).ok_or_else(|| {
        let what = format!("run `{run}` was started by no statement that is kept, so its rows cannot be read again");
        Error::plan(BATCH_ROWS, what).hint("runs of CREATE MODEL, and of fit on tables, keep theirs; of others session.batch_rows(run, step, frame=frame) takes the frame")
    })?;
    let digest = datasets.into_iter().find(|dataset| dataset.role == "training").map(|dataset| dataset.digest);
    let planning = with_former_files(store, &run, state.clone())?;
    let training = training(&planning, &over_kept_rows(store, &run, statement)?, seed).await?;
    let step = TrainingStep { run, step, batches, digest };
    let physical = state.create_physical_plan(&training).await.map_err(from_datafusion)?;
    let schema = BatchRowsExec::try_new(&physical, step.clone())?.schema();
    Ok(Arc::new(BatchRows { training, step, schema }))
}

async fn training(state: &SessionState, statement: &str, seed: Option<u64>) -> Result<LogicalPlan> {
    let statements = gradframe_sql::parse(statement)?;
    let [parsed] = statements.as_slice() else {
        return Err(Error::internal(BATCH_ROWS, "the text kept with the run is not one statement"));
    };
    let seed = seed.map_or_else(|| Services::of(state.config()).map(|services| services.seed), Ok)?;
    // Boxed: planning a statement may plan another one, this function among its relations.
    Box::pin(gradframe_sql::plan_rerun(state, parsed, &Rerun { run: None, seed })).await
}

fn step_of(call: &SourceCall) -> Result<u64> {
    let [(name, value)] = call.options.as_slice() else {
        return Err(Error::plan(BATCH_ROWS, "expected a run and a step").hint(format!("write {BATCH_ROWS}('run', 3)")));
    };
    let step = match value {
        ScalarValue::Int64(Some(step)) => u64::try_from(*step).ok(),
        ScalarValue::UInt64(Some(step)) => Some(*step),
        _ => None,
    };
    match step {
        Some(step) if name == "step" => Ok(step),
        _ => Err(Error::plan(BATCH_ROWS, format!("`{name}` is {value}, expected a step, which is 0 or more"))),
    }
}

fn check_reached(store: &Store, run: &str, step: u64, metric: &str) -> Result<()> {
    let is = |column: &str, value: &str| LogFilter::Eq(column.into(), ScalarValue::from(value));
    let query = LogQuery { filters: vec![is("run", run), is("name", metric)], projection: Some(vec![2]), limit: None };
    let rows = store.scan(LogTable::Latest, &query)?;
    let last = rows.iter().filter(|batch| batch.num_rows() > 0).find_map(|batch| {
        use arrow::array::AsArray;
        batch.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>().map(|steps| steps.value(0))
    });
    match last {
        Some(_) if step == 0 => Err(Error::plan(BATCH_ROWS, format!("run `{run}` has no step 0, its first is 1"))),
        Some(last) if step <= last as u64 => Ok(()),
        Some(last) => Err(Error::plan(BATCH_ROWS, format!("run `{run}` has no step {step}, its last is {last}"))),
        None => Err(Error::plan(BATCH_ROWS, format!("run `{run}` has logged no steps"))),
    }
}

/// The rows below what computes the training's scalar subqueries: it stands above the training, at the top of its plan.
fn below_subqueries(plan: &Arc<dyn ExecutionPlan>, rows: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let Some(above) = plan.downcast_ref::<ScalarSubqueryExec>() else { return rows };
    let rows = below_subqueries(above.input(), rows);
    Arc::new(ScalarSubqueryExec::new(rows, above.subqueries().to_vec(), above.results().clone()))
}

#[async_trait]
impl TableProvider for BatchRows {
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
        // Planned each time: a plan runs once.
        let physical = state.create_physical_plan(&self.training).await?;
        let rows = Arc::new(BatchRowsExec::try_new(&physical, self.step.clone()).map_err(to_datafusion)?);
        let rows = below_subqueries(&physical, rows);
        let Some(projection) = projection else { return Ok(rows) };
        let column = |&place: &usize| {
            let name = self.schema.field(place).name();
            (Arc::new(Column::new(name, place)) as Arc<dyn PhysicalExpr>, name.clone())
        };
        Ok(Arc::new(ProjectionExec::try_new(projection.iter().map(column).collect::<Vec<_>>(), rows)?))
    }
}
