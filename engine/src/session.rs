//! The session: a catalog, limits, and the ways to make frames.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::Store;
use gradframe_exec::ProgressSink;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;
use gradframe_plan::ops::evaluate::stored_evaluation;
use gradframe_plan::ops::relations;
use gradframe_plan::services::{ModelRegistry, NamedModel, Services, SourceCall};
use gradframe_sql::{BoundValues, Parsed};
use tempfile::TempDir;

use crate::around::SessionRuns;
use crate::catalog::PublicSchema;
use crate::config::{Home, SessionBuilder, default_home};
use crate::frame::{Copied, DataFrame, InMemory, own_rows};
use crate::panics::guard;
use crate::registry::model_name;
use crate::runtime::BlockingRuntime;
use crate::scan_options::CsvOptions;
use crate::unknown::{suggest_function, suggest_table, tables_of};
use crate::{Error, Result, clock, state, statements};

/// Name of scans that no table of the catalog stands behind.
pub(crate) const UNNAMED: &str = "?table?";

/// A plan or an expression in words, without the name that is none.
pub(crate) fn in_words(text: &str) -> String {
    text.replace(&format!("{UNNAMED}."), "").replace(UNNAMED, "rows")
}

/// A place to run queries: tables, views, models and logs by name, limits on memory and disk, and a seed.
///
/// Cheap to clone, and safe to use from many threads at once; clones are the same session. Sessions of any number of
/// processes may share a home.
///
/// ```
/// use gradframe::Session;
///
/// let session = Session::builder().in_memory().memory_limit_bytes(1 << 30).threads(2).build()?;
/// let answer = session.block_on(async { session.sql("SELECT 6 * 7 AS answer").await?.collect().await })?;
/// assert_eq!(answer[0].num_rows(), 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
    /// The run in which trainings begin: see [`Session::in_run`].
    around: Option<Arc<str>>,
}

struct Inner {
    context: SessionContext,
    public: Arc<PublicSchema>,
    runtime: BlockingRuntime,
    runs: SessionRuns,
    /// Where an in-memory session keeps its tables; deleted with it.
    _scratch: Option<TempDir>,
}

impl Session {
    /// A session with the defaults; see [`Session::builder`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Settings for a session.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::new()
    }

    pub(crate) fn from_builder(builder: SessionBuilder) -> Result<Self> {
        clock::check("session")?;
        crate::limit_arrays_to_memory();
        let (store, home, scratch) = open_store(&builder)?;
        let runs = SessionRuns::new(Arc::clone(&store), builder.code.clone());
        let public = Arc::new(PublicSchema::new(store, home));
        let context = SessionContext::new_with_state(state::build(&builder, &public, &runs)?);
        public.attach(context.state_weak_ref());
        let runtime = BlockingRuntime::new(builder.threads_or_default());
        Ok(Self { inner: Arc::new(Inner { context, public, runtime, runs, _scratch: scratch }), around: None })
    }

    /// Runs SQL. A query is planned and waits, lazy, in the frame; a statement with effects (CREATE MODEL, INSERT,
    /// CREATE TABLE AS ...) runs now, once and to its end, and its frame holds what it has to say: the training log, the
    /// number of rows, or nothing. Of several statements, separated by `;`, all effects happen in order and the last
    /// one's frame is given.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql(
    ///     "CREATE TABLE trips AS SELECT * FROM (VALUES ('EU', 12.0), ('US', 40.0)) AS t(region, fare);
    ///      SELECT region FROM trips WHERE fare > 20",
    /// ))?;
    /// assert_eq!(session.block_on(frame.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: any kind; the statement that fails leaves nothing half-done, those before it stay done, and the session
    /// goes on. Dropping the future cancels the statement.
    pub async fn sql(&self, text: &str) -> Result<DataFrame> {
        self.sql_bound(text, &BoundValues::NONE).await
    }

    /// [`Session::sql`] with values in the places of `?`, `$1` or `$name`: literals of their own types, whatever their texts hold.
    ///
    /// ```
    /// # use gradframe::{BoundValues, Session};
    /// # let session = Session::builder().in_memory().build()?;
    /// let values = BoundValues::Listed(vec![7_i64.into()]);
    /// let frame = session.block_on(session.sql_bound("SELECT value FROM generate_series(1, 10) WHERE value > $1", &values))?;
    /// assert_eq!(session.block_on(frame.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: as [`Session::sql`]; `Plan` for a placeholder without a value, and for a value without a placeholder.
    pub async fn sql_bound(&self, text: &str, values: &BoundValues) -> Result<DataFrame> {
        let mut last = None;
        for statement in gradframe_sql::parse_bound(text, values)? {
            last = Some(self.execute(&statement).await?);
        }
        last.ok_or_else(|| Error::plan("sql", "the text holds no statement"))
    }

    /// The same session within a run, which the runs of its trainings name as their parent, as MLflow's clients do. Its frames are within
    /// that run too, until [`DataFrame::out_of_run`].
    pub fn in_run(&self, run: &str) -> Session {
        Session { inner: Arc::clone(&self.inner), around: Some(run.into()) }
    }

    /// The same session within no run.
    pub(crate) fn out_of_run(&self) -> Session {
        Session { inner: Arc::clone(&self.inner), around: None }
    }

    /// The statements of a text, for [`Session::execute`]. Errors: `Plan` with line and column for bad syntax.
    pub fn parse(&self, text: &str) -> Result<Vec<Parsed>> {
        gradframe_sql::parse(text)
    }

    /// Runs one statement, as [`Session::sql`] does.
    pub async fn execute(&self, statement: &Parsed) -> Result<DataFrame> {
        // Boxed: the futures of planning are large, and callers nest them.
        guard("sql", Box::pin(statements::run(self, statement))).await
    }

    /// Goes on with an interrupted training from its last checkpoint, to the bits that it would have reached without the
    /// break, and gives its log. `run` is an identifier from `gradframe.runs`, or the beginning of one.
    ///
    /// Errors: `Plan` for an unknown run (with the nearest), one that runs or has finished, one without a checkpoint, and a
    /// training on a frame, whose statement is not kept; `Execution` if rows or options have changed since.
    pub async fn resume_run(&self, run: &str) -> Result<DataFrame> {
        guard("resume", Box::pin(statements::resume(self, run))).await
    }

    /// A table, view or model of the catalog by its exact name, `gradframe.runs` and the like included.
    /// Errors: `Plan` for an unknown name, with the nearest one.
    pub async fn table(&self, name: &str) -> Result<DataFrame> {
        let reference = TableReference::parse_str_normalized(name, true);
        if !self.inner.context.table_exist(reference.clone()).map_err(from_datafusion)? {
            return Err(self.explain_unknown(Error::plan("table", format!("unknown table `{name}`"))));
        }
        let provider = self.inner.context.table_provider(reference.clone()).await.map_err(from_datafusion)?;
        self.scan_as(reference, provider)
    }

    /// Parquet files: a file, a directory, or a glob; `year=2024/` in a path becomes a column.
    /// Errors: `Plan` for a missing file, `Execution` for a corrupt one.
    pub async fn scan_parquet(&self, path: impl Into<String>) -> Result<DataFrame> {
        self.scan_files("read_parquet", vec![path.into()], vec![]).await
    }

    /// CSV files: a file, a directory, or a glob. Errors: as [`Session::scan_parquet`].
    pub async fn scan_csv(&self, path: impl Into<String>, options: CsvOptions) -> Result<DataFrame> {
        self.scan_files("read_csv", vec![path.into()], options.into_arguments()).await
    }

    /// NDJSON files, one object a line or an array of objects: a file, a directory, or a glob.
    /// Errors: as [`Session::scan_parquet`].
    pub async fn scan_ndjson(&self, path: impl Into<String>) -> Result<DataFrame> {
        self.scan_files("read_ndjson", vec![path.into()], vec![]).await
    }

    /// Arrow IPC files and streams, Feather of version 2 included: a file, a directory, or a glob.
    /// Errors: as [`Session::scan_parquet`].
    pub async fn scan_ipc(&self, path: impl Into<String>) -> Result<DataFrame> {
        self.scan_files("read_ipc", vec![path.into()], vec![]).await
    }

    /// Files read by a reading function of SQL with its options, as `read_csv('a.csv', header => false)` reads them.
    /// [`ScanOptions`] writes those that all formats have. `describe_files` gives the columns of each file.
    pub async fn scan_files(&self, function: &str, paths: Vec<String>, options: Vec<(String, ScalarValue)>) -> Result<DataFrame> {
        let call = SourceCall { function: Some(function.to_owned()), paths, options };
        let state = self.state();
        let services = Services::of(state.config())?;
        let provider = guard("scan", async { services.sources.open(&state, &call).await }).await?;
        self.scan_as(TableReference::bare(UNNAMED), provider)
    }

    /// Rows in memory. Columns come in their own types ([`own_rows`]); those that have theirs are not copied.
    /// Errors: `Plan` for a batch with another schema, `Execution` as those of [`own_rows`].
    pub fn from_batches(&self, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<DataFrame> {
        self.from_copied_batches(schema, batches, vec![])
    }

    /// The same for rows of which some columns had to be copied before: [`DataFrame::profile`] says so.
    pub fn from_copied_batches(&self, schema: SchemaRef, batches: Vec<RecordBatch>, copies: Vec<Copied>) -> Result<DataFrame> {
        let (schema, batches, own) = own_rows(schema, batches)?;
        let copies = [copies, own].concat();
        let table = InMemory::new(schema, batches, copies)?;
        self.scan_as(TableReference::bare(UNNAMED), Arc::new(table))
    }

    /// Rows of any DataFusion table provider.
    pub fn from_provider(&self, provider: Arc<dyn TableProvider>) -> Result<DataFrame> {
        self.scan_as(TableReference::bare(UNNAMED), provider)
    }

    /// Gives a frame a name in SQL, for this session alone. Errors: `Plan` if the name is taken.
    pub fn register(&self, name: &str, frame: &DataFrame) -> Result<()> {
        let view = datafusion::catalog::view::ViewTable::new(frame.logical_plan().clone(), None);
        let registered = self.inner.context.register_table(TableReference::bare(name), Arc::new(view));
        registered.map(|_| ()).map_err(from_datafusion)
    }

    /// The same, in place of a frame that has the name already. Errors: `Plan` for the name of a table, view or model.
    pub fn replace(&self, name: &str, frame: &DataFrame) -> Result<()> {
        self.deregister(name)?;
        self.register(name, frame)
    }

    /// Takes a registered frame's name away; false if there was none.
    pub fn deregister(&self, name: &str) -> Result<bool> {
        let removed = self.inner.context.deregister_table(TableReference::bare(name)).map_err(from_datafusion)?;
        Ok(removed.is_some())
    }

    /// The newest version of a model; with `fare@champion` the one that the alias names, with `fare@3` the third. Also as
    /// MLflow writes it: `models:/fare@champion`, `models:/fare/3`. Errors: `Plan` for an unknown name, with the nearest one.
    pub fn model(&self, name: &str) -> Result<Arc<NamedModel>> {
        let (store, name) = (self.inner.public.store(), model_name(name));
        match store.get(&name)? {
            Some(model) => Ok(model),
            None => {
                let names = [store.names()?, store.alias_names()?].concat();
                let hint = suggest(&name, names.iter().map(String::as_str));
                Err(Error::plan("model", format!("unknown model `{name}`")).hint(hint))
            }
        }
    }

    /// The names of all models, sorted.
    pub fn models(&self) -> Result<Vec<String>> {
        self.inner.public.store().names()
    }

    /// A model's weights: feature, category, class, weight (per unit of the raw column), standardized_weight.
    pub fn weights(&self, model: &Arc<NamedModel>) -> Result<DataFrame> {
        Ok(DataFrame::new(self.clone(), relations::weights(Arc::clone(model))?))
    }

    /// A model's training log: run, epoch, step, rows, loss, gradient_norm, seconds, eval_loss, learning_rate.
    pub fn training_info(&self, model: &Arc<NamedModel>) -> Result<DataFrame> {
        let plan = relations::training_info(Arc::clone(model), self.services()?.as_ref())?;
        Ok(DataFrame::new(self.clone(), plan))
    }

    /// What training saw in the model's input columns: input, min, max, mean, median, stddev, category_count, null_count.
    pub fn feature_info(&self, model: &Arc<NamedModel>) -> Result<DataFrame> {
        let plan = relations::feature_info(Arc::clone(model))?;
        Ok(DataFrame::new(self.clone(), plan))
    }

    /// What training found on the rows that it kept back for evaluation: one row, columns as in ML.EVALUATE.
    /// Errors: `Plan` if the model was trained on all of its rows.
    pub fn evaluation(&self, model: &Arc<NamedModel>) -> Result<DataFrame> {
        Ok(DataFrame::new(self.clone(), stored_evaluation(Arc::clone(model))?))
    }

    /// Where tables, models and runs are kept; None in memory.
    pub fn home(&self) -> Option<PathBuf> {
        self.inner.public.store().home().map(Path::to_path_buf)
    }

    /// Whether someone is told of the progress of trainings, and may want to watch scans too.
    pub fn shows_progress(&self) -> bool {
        self.state().config().get_extension::<ProgressSink>().is_some()
    }

    /// DataFusion's own context, for what has no method here.
    pub fn context(&self) -> &SessionContext {
        &self.inner.context
    }

    /// Waits for asynchronous work from code that is not asynchronous, on the session's own threads.
    /// Errors: those of the work; `Plan` if called inside an asynchronous runtime, where one waits with `.await`.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.inner.runtime.block_on(work)
    }

    /// Whether the other one is a clone of this one.
    pub fn is_same(&self, other: &Session) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn state(&self) -> SessionState {
        // DataFusion's own way asks the clock, which panics for one before 1970; what plans and runs refuses it (see `clock`).
        let mut state = self.inner.context.state_ref().read().clone();
        if clock::check("session").is_ok() {
            state.mark_start_execution();
        }
        if let Some(run) = &self.around
            && let Ok(services) = Services::of(state.config())
        {
            state.config_mut().set_extension(Arc::new(self.services_in(&services, run)));
        }
        state
    }

    /// The services for what begins in a run.
    pub(crate) fn services_in(&self, services: &Services, run: &str) -> Services {
        Services { runs: Arc::new(self.inner.runs.clone().within(run)), ..services.clone() }
    }

    pub(crate) fn public(&self) -> &Arc<PublicSchema> {
        &self.inner.public
    }

    pub(crate) fn services(&self) -> Result<Arc<Services>> {
        Services::of(self.state().config())
    }

    /// A frame without rows or columns: what a statement gives that has nothing to say.
    pub(crate) fn nothing(&self) -> Result<DataFrame> {
        let plan = LogicalPlanBuilder::empty(false).build().map_err(from_datafusion)?;
        Ok(DataFrame::new(self.clone(), plan))
    }

    /// Adds the nearest name to the error of an unknown table or function.
    pub(crate) fn explain_unknown(&self, error: Error) -> Error {
        let known = |schema: Option<&str>| match schema {
            None => self.inner.public.names(),
            Some(schema) => Ok(tables_of(&self.state(), schema)),
        };
        suggest_function(suggest_table(error, known), &self.state())
    }

    fn scan_as(&self, name: TableReference, provider: Arc<dyn TableProvider>) -> Result<DataFrame> {
        let scan = LogicalPlanBuilder::scan(name, provider_as_source(provider), None).and_then(LogicalPlanBuilder::build);
        Ok(DataFrame::new(self.clone(), scan.map_err(from_datafusion)?))
    }
}

/// The store, where its tables lie, and the directory to delete with the session.
fn open_store(builder: &SessionBuilder) -> Result<(Arc<Store>, PathBuf, Option<TempDir>)> {
    let path = match &builder.home {
        Home::InMemory => {
            let scratch = tempfile::Builder::new().prefix("gradframe-").tempdir();
            let scratch =
                scratch.map_err(|error| Error::external("session", format!("can't make a temporary directory: {error}")))?;
            return Ok((Store::in_memory()?, scratch.path().to_path_buf(), Some(scratch)));
        }
        Home::At(path) => path.clone(),
        Home::Default => default_home(),
    };
    let path =
        std::path::absolute(&path).map_err(|error| Error::external("session", format!("home `{}`: {error}", path.display())))?;
    if path.exists() && !path.is_dir() {
        let error = Error::external("session", format!("home `{}` is a file, expected a directory", path.display()));
        return Err(error.hint("give --home the directory of models, runs and tables; it is made if there is none"));
    }
    let store = match builder.store_or_default() {
        Some(address) => Store::open_shared(&address, path.clone())?,
        None => Store::open(path.clone())?,
    };
    Ok((store, path, None))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("home", &self.home()).finish_non_exhaustive()
    }
}
