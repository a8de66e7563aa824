//! A session with everything in memory, and short ways to train and predict in it.

mod services;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Analyzer;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use gradframe_exec::ops::train::run_to_end;
use gradframe_exec::rules::physical_optimizer_rules;
use gradframe_exec::{query_planner, with_repartition_files};
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{checked_sum, float_aggregates};
use gradframe_plan::ops::train::{TrainRequest, train};
use gradframe_plan::rules::{analyzer_rules, optimizer_rules};
use gradframe_plan::{NamedModel, OnExisting, Services};

pub use self::services::{MemoryModels, MemoryRuns};

/// How a session differs from the usual one.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub partitions: usize,
    pub batch_size: usize,
    pub memory_bytes: Option<usize>,
    pub optimizer: bool,
    /// A rule over physical plans that is left out.
    pub without: Option<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { partitions: 2, batch_size: 8192, memory_bytes: None, optimizer: true, without: None }
    }
}

/// A session with its services at hand.
pub struct Testing {
    pub context: SessionContext,
    pub runs: Arc<MemoryRuns>,
    pub services: Services,
}

impl Testing {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let (models, runs) = (Arc::new(MemoryModels::default()), Arc::new(MemoryRuns::default()));
        let (sources, pretrained) = (Arc::new(services::NoSources), Arc::new(services::NoSources));
        let services = Services { models, runs: runs.clone(), sources, pretrained, seed: 7 };
        let mut config = with_repartition_files(SessionConfig::new())
            .unwrap()
            .with_target_partitions(settings.partitions)
            .with_batch_size(settings.batch_size)
            .with_sort_spill_reservation_bytes(1 << 20)
            .with_extension(Arc::new(services.clone()));
        config.options_mut().execution.parquet.pushdown_filters = true;
        let mut physical_rules =
            physical_optimizer_rules(PhysicalOptimizer::new().rules, settings.memory_bytes.unwrap_or(1 << 30));
        physical_rules.retain(|rule| Some(rule.name()) != settings.without);
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = settings.memory_bytes {
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
        }
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime.build_arc().unwrap())
            .with_default_features()
            .with_analyzer_rules(analyzer_rules(Analyzer::new().rules))
            .with_physical_optimizer_rules(physical_rules)
            .with_query_planner(query_planner())
            .build();
        let rules = if settings.optimizer { optimizer_rules(state.optimizer().rules.clone()) } else { vec![] };
        state = SessionStateBuilder::new_from_existing(state).with_optimizer_rules(rules).build();
        let context = SessionContext::new_with_state(state);
        for aggregate in float_aggregates().into_iter().chain([checked_sum()]) {
            context.register_udaf(aggregate.as_ref().clone());
        }
        Testing { context, runs, services }
    }

    /// Registers a table of these columns, cut into `partitions` of several batches.
    pub fn table(&self, name: &str, columns: &[(&str, ArrayRef)], partitions: usize) {
        let whole = RecordBatch::try_from_iter(columns.iter().map(|(n, c)| (*n, c.clone()))).unwrap();
        let rows = whole.num_rows().div_ceil(partitions).max(1);
        let part = |p: usize| whole.slice((p * rows).min(whole.num_rows()), rows.min(whole.num_rows().saturating_sub(p * rows)));
        let halves =
            |b: RecordBatch| vec![b.slice(0, b.num_rows() / 2), b.slice(b.num_rows() / 2, b.num_rows() - b.num_rows() / 2)];
        let table = MemTable::try_new(whole.schema(), (0..partitions).map(|p| halves(part(p))).collect()).unwrap();
        self.context.register_table(name, Arc::new(table)).unwrap();
    }

    pub async fn query(&self, sql: &str) -> LogicalPlan {
        self.context.state().create_logical_plan(sql).await.unwrap()
    }

    /// The plan that trains on a query.
    pub async fn plan(&self, sql: &str, request: TrainRequest) -> Result<LogicalPlan> {
        train(self.query(sql).await, request, &self.services)
    }

    /// Trains on a query to the end.
    pub async fn train(&self, sql: &str, request: TrainRequest) -> Result<Vec<RecordBatch>> {
        run_to_end(&self.plan(sql, request).await?, &self.context.state()).await
    }

    pub fn model(&self, name: &str) -> Arc<NamedModel> {
        self.services.models.get(name).unwrap().unwrap()
    }

    pub async fn collect(&self, plan: LogicalPlan) -> Result<RecordBatch> {
        let frame = self.context.execute_logical_plan(plan).await.map_err(from_datafusion)?;
        let schema = Arc::clone(frame.schema().inner());
        let batches = frame.collect().await.map_err(from_datafusion)?;
        Ok(arrow::compute::concat_batches(&schema, &batches).unwrap())
    }

    /// The optimised physical plan, as text.
    pub async fn physical(&self, plan: &LogicalPlan) -> String {
        let physical = self.context.state().create_physical_plan(plan).await.unwrap();
        datafusion::physical_plan::displayable(physical.as_ref()).indent(false).to_string()
    }

    /// EXPLAIN ANALYZE's text.
    pub async fn analyze(&self, plan: LogicalPlan) -> String {
        let frame = self.context.execute_logical_plan(plan).await.unwrap().explain(false, true).unwrap();
        pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string()
    }
}

/// A request to learn `y` under this name.
pub fn request(name: &str, model_type: &str) -> TrainRequest {
    TrainRequest {
        module: None,
        name: Some(name.into()),
        on_existing: OnExisting::Error,
        model_type: model_type.into(),
        label: Some("y".into()),
        options: vec![],
        transform: None,
        seed: None,
        query: None,
        resume: None,
        statement: None,
    }
}

/// Columns id, a, b, kind and y = 3a - 2b + 1 (+ 5 where kind is 'v'), in a scrambled order.
pub fn line_table(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    let id = || (0..rows).map(move |i| (i * 7919) % rows);
    let (a, b) = (|i: i64| (i % 17) as f64, |i: i64| ((i * i) % 23) as f64 / 4.0);
    let kind = |i: i64| ["u", "v", "w"][(i % 3) as usize];
    let y = move |i: i64| 3.0 * a(i) - 2.0 * b(i) + 1.0 + if kind(i) == "v" { 5.0 } else { 0.0 };
    vec![
        ("id", Arc::new(Int64Array::from_iter_values(id()))),
        ("a", Arc::new(Float64Array::from_iter_values(id().map(a)))),
        ("b", Arc::new(Float64Array::from_iter_values(id().map(b)))),
        ("kind", Arc::new(StringArray::from_iter_values(id().map(kind)))),
        ("y", Arc::new(Float64Array::from_iter_values(id().map(y)))),
    ]
}

/// A column's floats.
pub fn floats(batch: &RecordBatch, column: &str) -> Vec<f64> {
    batch.column_by_name(column).unwrap().as_primitive::<Float64Type>().values().to_vec()
}
