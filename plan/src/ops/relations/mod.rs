//! Small relations that are computed when scanned: `ML.TRAINING_INFO`, `ML.FEATURE_INFO`, `ML.WEIGHTS`, `DESCRIBE MODEL`, `SHOW MODELS`.

mod describe;
mod feature_info;
mod training_info;
mod weights;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::physical_plan::ExecutionPlan;
use gradframe_ml_core::{Error, Result};

pub use self::describe::describe_model;
pub use self::feature_info::feature_info;
pub use self::training_info::training_info;
pub use self::weights::{weights_batch, weights_schema};
use super::run_log::{LogQuery, LogTable};
use crate::error::{from_datafusion, to_datafusion};
use crate::services::{NamedModel, Services};

/// The weights of a model, one row each: `ML.WEIGHTS(MODEL m)`.
pub fn weights(model: Arc<NamedModel>) -> Result<LogicalPlan> {
    scan("weights", weights_schema(), move || weights_batch(&model.model))
}

/// What MLflow's clients keep among models and is none: texts for language models.
const PROMPT: &str = "prompt";

/// The newest versions of all models: `SHOW MODELS`. Columns as `gradframe.models`.
pub fn show_models(services: &Services) -> Result<LogicalPlan> {
    let runs = Arc::clone(&services.runs);
    let schema = LogTable::Models.schema();
    scan("models", Arc::clone(&schema), move || {
        let batches = runs.scan(LogTable::Models, &LogQuery::default())?;
        let all = arrow::compute::concat_batches(&schema, &batches).map_err(arrow_error)?;
        newest(&all)
    })
}

/// The rows whose version is the highest of their model, in the order of names.
fn newest(models: &RecordBatch) -> Result<RecordBatch> {
    use arrow::array::{AsArray, UInt64Array};
    use arrow::datatypes::Int64Type;
    let names = models.column(0).as_string::<i32>();
    let versions = models.column(1).as_primitive::<Int64Type>();
    let mut rows = std::collections::BTreeMap::new();
    let types = models.column(2).as_string::<i32>();
    for row in (0..models.num_rows()).filter(|row| types.value(*row) != PROMPT) {
        let kept = rows.entry(names.value(row)).or_insert(row);
        if versions.value(row) > versions.value(*kept) {
            *kept = row;
        }
    }
    let rows: UInt64Array = rows.into_values().map(|row| row as u64).collect();
    arrow::compute::take_record_batch(models, &rows).map_err(arrow_error)
}

/// A scan of a relation that `compute` gives.
pub(crate) fn scan(
    name: &'static str,
    schema: SchemaRef,
    compute: impl Fn() -> Result<RecordBatch> + Send + Sync + 'static,
) -> Result<LogicalPlan> {
    let table = ComputedTable { name, schema, compute: Box::new(compute) };
    let source = provider_as_source(Arc::new(table));
    LogicalPlanBuilder::scan(name, source, None).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

/// A table whose rows are computed each time it is planned.
struct ComputedTable {
    name: &'static str,
    schema: SchemaRef,
    compute: Box<dyn Fn() -> Result<RecordBatch> + Send + Sync>,
}

impl fmt::Debug for ComputedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputedTable").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for ComputedTable {
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
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let rows = (self.compute)().map_err(to_datafusion)?;
        MemTable::try_new(self.schema(), vec![vec![rows]])?.scan(state, projection, filters, limit).await
    }
}

fn arrow_error(error: arrow::error::ArrowError) -> Error {
    from_datafusion(error.into())
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}
