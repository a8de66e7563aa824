//! DataFusion's session state, with everything of ours in its place.

use std::sync::Arc;

use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use gradframe_connectors::pretrained::HubModels;
use gradframe_connectors::sinks::named_formats;
use gradframe_exec::rules::physical_optimizer_rules;
use gradframe_exec::{ProgressSink, SpillSpace, with_repartition_files};
use gradframe_ml_core::MemorySize;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::words;
use gradframe_plan::functions::{
    TIMESTAMP_READERS, checked_sum, end_aggregates, extreme_aggregates, float_aggregates, scalar_functions, timestamp_reader,
};
use gradframe_plan::options::GradframeOptions;
use gradframe_plan::rules::{analyzer_rules, optimizer_rules};
use gradframe_plan::services::Services;

use crate::Result;
use crate::around::SessionRuns;
use crate::catalog::{CATALOG, PUBLIC, PublicSchema, catalog};
use crate::config::SessionBuilder;
use crate::cooperative::CooperativeJoins;
use crate::hub::hub_settings;
use crate::limits;
use crate::sources::StoreSources;
use crate::weights_table::{self, WeightsFunction};

/// The time zone of a session that was given no other: what TIMESTAMPTZ, `now()` and `to_timestamp` are in.
pub(crate) const TIME_ZONE: &str = "UTC";

/// How many of the largest memory users an out-of-memory error names.
const CONSUMERS_NAMED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(5).unwrap();

/// The state of a new session.
pub(crate) fn build(builder: &SessionBuilder, public: &Arc<PublicSchema>, runs: &SessionRuns) -> Result<SessionState> {
    words::add_words(crate::expr::word_over_elements);
    let physical_rules = physical_optimizer_rules(PhysicalOptimizer::new().rules, builder.memory_limit_or_default());
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), catalog(Arc::clone(public))?);
    let mut state = SessionStateBuilder::new()
        .with_config(config(builder, public, runs)?)
        .with_runtime_env(runtime_env(builder)?)
        .with_default_features()
        .with_catalog_list(Arc::new(catalogs))
        .with_analyzer_rules(analyzer_rules(Analyzer::new().rules))
        .with_optimizer_rules(optimizer_rules(Optimizer::new().rules))
        .with_physical_optimizer_rules(physical_rules)
        .with_physical_optimizer_rule(Arc::new(CooperativeJoins))
        .with_query_planner(gradframe_exec::query_planner())
        .build();
    for format in named_formats() {
        state.register_file_format(format, true).map_err(from_datafusion)?;
    }
    for function in scalar_functions() {
        state.register_udf(function).map_err(from_datafusion)?;
    }
    for name in TIMESTAMP_READERS {
        let own = state.udf(name).map_err(from_datafusion)?;
        state.register_udf(Arc::new(timestamp_reader(own))).map_err(from_datafusion)?;
    }
    state.register_udtf(weights_table::NAME, Arc::new(WeightsFunction));
    for aggregate in float_aggregates().into_iter().chain(extreme_aggregates()).chain(end_aggregates()).chain([checked_sum()]) {
        state.register_udaf(aggregate).map_err(from_datafusion)?;
    }
    Ok(state)
}

/// Puts the seed that SET has changed where trainings look for it.
pub(crate) fn sync_seed(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    let seed = state.config().options().extensions.get::<GradframeOptions>().map_or(0, |options| options.seed);
    let services = Services::of(state.config())?;
    if services.seed != seed {
        state.config_mut().set_extension(Arc::new(Services { seed, ..Services::clone(&services) }));
    }
    Ok(())
}

/// What a session's settings say about the device's memory.
pub(crate) fn device_memory_limit(context: &SessionContext) -> Option<MemorySize> {
    let state = context.state_ref();
    let state = state.read();
    state.config().options().extensions.get::<GradframeOptions>().and_then(|options| options.device_memory_limit.clone())
}

fn config(builder: &SessionBuilder, public: &Arc<PublicSchema>, runs: &SessionRuns) -> Result<SessionConfig> {
    let store = public.store();
    let services = Services {
        models: Arc::clone(store) as _,
        runs: Arc::new(runs.clone()),
        sources: Arc::new(StoreSources::new(Arc::clone(store))),
        pretrained: Arc::new(HubModels::new(hub_settings())),
        seed: builder.seed,
    };
    let mut config = with_repartition_files(limits::applied(SessionConfig::new(), builder))?
        .with_target_partitions(builder.threads_or_default())
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, PUBLIC)
        .with_create_default_catalog_and_schema(false)
        .with_option_extension(GradframeOptions { seed: builder.seed, ..GradframeOptions::default() })
        .with_extension(Arc::new(services));
    if let Some(progress) = &builder.progress {
        config = config.with_extension(Arc::new(ProgressSink(Arc::clone(progress))));
    }
    // Messages say where in the SQL text the fault lies.
    config.options_mut().sql_parser.collect_spans = true;
    // It takes the sort below a limit away too, where another sort stands right above that: the first rows would be any.
    config.options_mut().sql_parser.enable_subquery_sort_elimination = false;
    // Of some aggregates over outer joins only the physical plan knows that a key may be null, which does no harm.
    config.options_mut().execution.skip_physical_aggregate_schema_check = true;
    // Without one, a TIMESTAMPTZ has no zone, and is read beside a column that has one as a time in that column's.
    config.options_mut().execution.time_zone = Some(TIME_ZONE.to_owned());
    // The bound that aggregates of one plan put into a scan leaves out those that have seen no value yet, and their rows with it.
    config.options_mut().optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    // Spark writes years that nanoseconds cannot hold; they would wrap around without a word.
    config.options_mut().execution.parquet.coerce_int96 = Some("us".to_owned());
    Ok(config)
}

/// Memory shared fairly among operators that can spill; spilled data limited too.
fn runtime_env(builder: &SessionBuilder) -> Result<Arc<RuntimeEnv>> {
    let space = SpillSpace::new(builder.temp_directory_or_default(), builder.disk_limit_bytes);
    let pool = TrackConsumersPool::new(FairSpillPool::new(builder.memory_limit_or_default()), CONSUMERS_NAMED);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(Arc::new(space)))
        // Files come and go under a session, by its own INSERTs and by other processes: a directory is listed at each use.
        .with_object_list_cache_limit(0)
        .build_arc()
        .map_err(from_datafusion)
}
