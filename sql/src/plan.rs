//! From a parsed statement to what the engine does with it.

mod explain;

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{CreateView, DdlStatement, LogicalPlan, Volatility};
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{ObjectName, Spanned};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ModelTable;
use gradframe_plan::ops::relations::{describe_model, show_models};
use gradframe_plan::ops::text::Pretrained;
use gradframe_plan::ops::train::train;
use gradframe_plan::services::Services;

use crate::clauses;
use crate::column_lists;
use crate::constraints;
use crate::copy_to;
use crate::create_model::{self, at_option, load_request, train_request};
use crate::dates_beside_intervals::DatesBesideIntervals;
use crate::deep_copy::deep_copy;
use crate::drawn_ctes;
use crate::dropped_words;
use crate::errors::{at, ours};
use crate::everyday;
use crate::expressions;
use crate::names::{model_name, unknown_model};
use crate::parser::parse;
use crate::relations::MlRelationPlanner;
use crate::rows_in;
use crate::show_tables;
use crate::signed_counts::SignedCounts;
use crate::sources::{OpenedFiles, with_query_for_file};
use crate::spellings;
use crate::statement::{CreateModel, LoadModel, Parsed, Statement};
use crate::summarize;
use crate::titles::name_columns;
use crate::unnested;
use crate::using;
use crate::visit::normalize;
use crate::windows;
use crate::words;

/// A statement planned: what to execute and when.
#[derive(Debug)]
pub enum Planned {
    /// Rows, made when someone asks for them, as often as they ask.
    Query(LogicalPlan),
    /// A training, perhaps under EXPLAIN ANALYZE: to be run once, at once and to its end. Its rows are the training's log;
    /// with IF NOT EXISTS and a model that exists, there are none.
    Train(LogicalPlan),
    /// CREATE MODEL of a pretrained model: an entry to be made in the registry.
    LoadModel(Pretrained),
    /// INSERT, UPDATE, DELETE and COPY, perhaps under EXPLAIN ANALYZE: to be run once, at once. Its rows count what was written.
    Write(LogicalPlan),
    /// CREATE, DROP, SET, PREPARE, EXECUTE and the like: for `SessionContext::execute_logical_plan`.
    Ddl(LogicalPlan),
    /// CREATE VIEW. `sql` is the statement as written: stored and given to [`plan_view`], it makes the view anew with the
    /// models and files of that time.
    View { view: CreateView, sql: String },
    /// DROP MODEL of a model that existed when this was planned, or not if `if_exists`.
    DropModel { name: String, if_exists: bool },
    /// CACHE TABLE: its rows as they are now stay in memory, `on_cuda` those of its columns that a device computes with there too.
    CacheTable { name: TableReference, on_cuda: bool },
    /// UNCACHE TABLE.
    UncacheTable { name: TableReference, if_exists: bool },
}

/// Plans a statement. Files that it names are opened, models and tables resolved; nothing is executed.
///
/// `state` must hold [`Services`] as an extension of its configuration.
///
/// Errors: `Plan` for unknown names, options and types, with their place where one is known, and what `Services` report.
pub async fn plan(state: &SessionState, parsed: &Parsed) -> Result<Planned> {
    let planner = StatementPlanner { state, services: Services::of(state.config())?, text: &parsed.text, rerun: None };
    match &parsed.statement {
        Statement::Sql(sql) => planner.sql_effect(deep_copy(sql.as_ref(), parsed.text.len())?, &parsed.text).await,
        Statement::CreateModel(create) => planner.training(create).await.map(Planned::Train),
        Statement::LoadModel(load) => planner.loading(load).await.map(Planned::LoadModel),
        Statement::DropModel { name, if_exists } => planner.drop_model(name, *if_exists),
        Statement::ShowModels => show_models(&planner.services).map(Planned::Query),
        Statement::DescribeModel { name } => planner.describe_model(name).map(Planned::Query),
        Statement::Summarize { query } => planner.summary(query).await.map(Planned::Query),
        Statement::CacheTable { name, on_cuda } => planner.cache(name, *on_cuda),
        Statement::UncacheTable { name, if_exists } => {
            Ok(Planned::UncacheTable { name: table_reference(name), if_exists: *if_exists })
        }
        Statement::Explain { options, statement } => planner.explain(options, statement, &parsed.text).await,
    }
}

/// How the statement of a run is run once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// The run to go on with, from its last checkpoint. None trains from the start, and keeps no model.
    pub run: Option<String>,
    /// The seed that the run was started with.
    pub seed: u64,
}

/// [`plan`] for the statement that started a run.
///
/// Errors: as [`plan`]; `Internal` if the statement trains nothing.
pub async fn plan_rerun(state: &SessionState, parsed: &Parsed, rerun: &Rerun) -> Result<LogicalPlan> {
    let statement = match &parsed.statement {
        Statement::Explain { statement, .. } => statement,
        statement => statement,
    };
    let Statement::CreateModel(create) = statement else {
        return Err(Error::internal("run", "its statement trains nothing"));
    };
    let services = Services::of(state.config())?;
    StatementPlanner { state, services, text: &parsed.text, rerun: Some(rerun) }.training(create).await
}

/// The rows of a view, from its CREATE VIEW statement.
///
/// Errors: those of [`crate::parse`] and [`plan`]; `Internal` if `sql` is another statement.
pub async fn plan_view(state: &SessionState, sql: &str) -> Result<LogicalPlan> {
    let statements = parse(sql)?;
    let [statement] = statements.as_slice() else {
        return Err(Error::internal("create view", "the stored text is not one statement"));
    };
    let Statement::Sql(statement) = &statement.statement else {
        return Err(Error::internal("create view", "the stored text is another statement"));
    };
    let planner = StatementPlanner { state, services: Services::of(state.config())?, text: sql, rerun: None };
    match planner.sql(deep_copy(statement.as_ref(), sql.len())?).await? {
        LogicalPlan::Ddl(DdlStatement::CreateView(view)) => Ok(Arc::unwrap_or_clone(view.input)),
        _ => Err(Error::internal("create view", "the stored text is another statement")),
    }
}

struct StatementPlanner<'a> {
    state: &'a SessionState,
    services: Arc<Services>,
    /// The whole statement.
    text: &'a str,
    /// How a training is run once more, if it is.
    rerun: Option<&'a Rerun>,
}

impl StatementPlanner<'_> {
    /// Plans a statement of DataFusion's with our relations. They and the opened files are given to a copy of the state, so
    /// that statements planned at the same time do not see each other's files.
    async fn sql(&self, mut statement: SqlStatement) -> Result<LogicalPlan> {
        expressions::check(&statement)?;
        copy_to::check(&statement, self.state)?;
        clauses::check(&statement)?;
        dropped_words::check(&statement, self.state)?;
        constraints::check(&statement)?;
        clauses::complete(&mut statement)?;
        column_lists::apply(&mut statement)?;
        using::write_out(&mut statement)?;
        rows_in::write_out(&mut statement)?;
        name_columns(&mut statement);
        windows::write_out(&mut statement)?;
        everyday::written_out(&mut statement, self.state)?;
        normalize(&mut statement);
        drawn_ctes::name(&mut statement, |function| draws(self.state, function))?;
        let statement = show_tables::as_query(with_query_for_file(statement)?)?;
        let files = OpenedFiles::open(self.state, &self.services, &statement).await?;
        let mut state = self.state.clone();
        let relations = MlRelationPlanner::with_files(Arc::clone(&self.services), files);
        ours(state.register_relation_planner(Arc::new(relations)))?;
        ours(state.register_expr_planner(Arc::new(DatesBesideIntervals)))?;
        ours(state.register_expr_planner(Arc::new(SignedCounts)))?;
        words::introduce(&statement, &mut state)?;
        let planned = spellings::planned(&state, &statement, self.text.len()).await;
        match unnested::apart(&statement, self.text.len())? {
            // What was wrong with the statement is said of it as it was written.
            Some(apart) if planned.is_err() => spellings::planned(&state, &apart, self.text.len()).await.or(planned),
            _ => planned,
        }
    }

    async fn sql_effect(&self, statement: SqlStatement, text: &str) -> Result<Planned> {
        let plan = self.sql(statement).await?;
        match plan {
            LogicalPlan::Ddl(statement) => self.ddl(statement, text),
            LogicalPlan::Statement(_) => Ok(Planned::Ddl(plan)),
            plan if writes(&plan) => Ok(Planned::Write(plan)),
            plan => Ok(Planned::Query(plan)),
        }
    }

    fn ddl(&self, statement: DdlStatement, text: &str) -> Result<Planned> {
        if let Some((op, name)) = table_named(&statement) {
            self.refuse_model(op, name, || format!("DROP MODEL {name} removes it"))?;
        }
        match statement {
            DdlStatement::CreateView(view) => Ok(Planned::View { view, sql: text.to_owned() }),
            statement => Ok(Planned::Ddl(LogicalPlan::Ddl(statement))),
        }
    }

    /// Models and tables share one namespace.
    fn refuse_model(&self, op: &str, name: &TableReference, hint: impl Fn() -> String) -> Result<()> {
        let catalog = &self.state.config_options().catalog;
        let resolved = name.clone().resolve(&catalog.default_catalog, &catalog.default_schema);
        let in_model_schema = *resolved.catalog == *catalog.default_catalog && *resolved.schema == *catalog.default_schema;
        if !in_model_schema || !self.services.models.exists(&resolved.table)? {
            return Ok(());
        }
        Err(Error::plan(op, format!("`{name}` is a model")).hint(hint()))
    }

    /// Errors: `Plan` if a table has the model's name.
    async fn refuse_table(&self, written: &ObjectName) -> Result<()> {
        let name = model_name(create_model::OP, written, self.state.config_options())?;
        let schema = ours(self.state.schema_for_ref(TableReference::bare(name.as_str())))?;
        match ours(schema.table(&name).await)? {
            Some(table) if !table.is::<ModelTable>() => {
                let error = Error::plan(create_model::OP, format!("`{name}` is a table"));
                Err(at(error.hint("give the model another name"), written.span().start))
            }
            _ => Ok(()),
        }
    }

    /// The query is planned as a statement, not as a relation, so that its ORDER BY stays and orders the training.
    async fn training(&self, create: &CreateModel) -> Result<LogicalPlan> {
        self.refuse_table(&create.name).await?;
        let mut request = train_request(create, self.state.config_options())?;
        request.statement = Some(self.text.to_owned());
        if let Some(Rerun { run, seed }) = self.rerun {
            (request.resume, request.seed) = (run.clone(), Some(*seed));
            request.name = request.name.filter(|_| run.is_some());
        }
        let query = datafusion::sql::sqlparser::ast::Statement::Query(deep_copy(&create.query, create.query_text.len())?);
        let input = self.sql(SqlStatement::Statement(Box::new(query))).await?;
        train(input, request, &self.services).map_err(|error| at_option(error, create))
    }

    async fn loading(&self, load: &LoadModel) -> Result<Pretrained> {
        self.refuse_table(&load.name).await?;
        load_request(load, self.state.config_options())
    }

    fn cache(&self, name: &ObjectName, on_cuda: bool) -> Result<Planned> {
        let name = table_reference(name);
        let hint = || format!("CREATE VIEW ... AS SELECT * FROM {name} has its weights, and can be cached");
        self.refuse_model("cache table", &name, hint)?;
        Ok(Planned::CacheTable { name, on_cuda })
    }

    fn drop_model(&self, written: &ObjectName, if_exists: bool) -> Result<Planned> {
        let name = model_name("drop model", written, self.state.config_options())?;
        if !if_exists && !self.services.models.exists(&name)? {
            return Err(unknown_model("drop model", written, &name, self.services.models.as_ref()));
        }
        Ok(Planned::DropModel { name, if_exists })
    }

    fn describe_model(&self, written: &ObjectName) -> Result<LogicalPlan> {
        let name = model_name("describe model", written, self.state.config_options())?;
        match self.services.models.get(&name)? {
            Some(model) => describe_model(model),
            None => Err(unknown_model("describe model", written, &name, self.services.models.as_ref())),
        }
    }

    async fn summary(&self, query: &SqlStatement) -> Result<LogicalPlan> {
        summarize::summary(self.sql(deep_copy(query, self.text.len())?).await?)
    }
}

/// Whether calls of the function may give other values each time.
fn draws(state: &SessionState, function: &str) -> bool {
    state.scalar_functions().get(function).is_some_and(|function| function.signature().volatility == Volatility::Volatile)
}

/// A table's name as written; unquoted parts in lower case.
fn table_reference(name: &ObjectName) -> TableReference {
    TableReference::parse_str(&name.to_string())
}

fn writes(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Dml(_) | LogicalPlan::Copy(_) => true,
        LogicalPlan::Analyze(analyze) => writes(&analyze.input),
        _ => false,
    }
}

/// The statement and the table or view that it makes or drops.
fn table_named(statement: &DdlStatement) -> Option<(&'static str, &TableReference)> {
    match statement {
        DdlStatement::CreateMemoryTable(create) => Some(("create table", &create.name)),
        DdlStatement::CreateExternalTable(create) => Some(("create external table", &create.name)),
        DdlStatement::CreateView(create) => Some(("create view", &create.name)),
        DdlStatement::DropTable(drop) => Some(("drop table", &drop.name)),
        DdlStatement::DropView(drop) => Some(("drop view", &drop.name)),
        _ => None,
    }
}
