//! Running a statement: queries stay lazy, everything with effects happens here, once.

mod cache;
mod copy;
mod create_external;
mod create_table;
mod create_view;
mod drop;
mod drop_model;
mod insert;
mod load_model;
mod resume;
mod show_columns;
mod unsupported;

use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame as Execution;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, SetVariable, Statement};
use gradframe_exec::device::limit_device_memory;
use gradframe_plan::error::from_datafusion;
use gradframe_sql::{Parsed, Planned};

use crate::catalog::{CATALOG, Kind, PUBLIC};
use crate::frame::{DataFrame, with_types_of_rows};
use crate::state::{self, device_memory_limit, sync_seed};
use crate::{Error, Result, Session};

pub(crate) use resume::{interrupted, resume};

/// Plans the statement and does what it says.
pub(crate) async fn run(session: &Session, statement: &Parsed) -> Result<DataFrame> {
    if let Some(columns) = show_columns::of_frame(session, statement) {
        return columns;
    }
    let planned = gradframe_sql::plan(&session.state(), statement).await;
    match planned.map_err(|error| session.explain_unknown(error))? {
        Planned::Query(plan) => Ok(query(session, copy::prepare(plan)?)),
        Planned::Train(plan) | Planned::Write(plan) => run_now(session, plan).await,
        Planned::LoadModel(request) => load_model::run(session, &request),
        Planned::Ddl(plan) => define(session, plan, &statement.text).await,
        Planned::View { view, sql } => create_view::run(session, view, &sql).await,
        Planned::DropModel { name, if_exists } => drop_model::run(session, &name, if_exists),
        Planned::CacheTable { name, on_cuda } => cache::run(session, &name, on_cuda).await,
        Planned::UncacheTable { name, if_exists } => cache::undo(session, &name, if_exists),
    }
}

/// The frame of a query.
fn query(session: &Session, plan: LogicalPlan) -> DataFrame {
    DataFrame::new(session.clone(), with_types_of_rows(&session.state(), plan))
}

/// Runs a plan to its end; the frame holds its rows.
pub(crate) async fn run_now(session: &Session, plan: LogicalPlan) -> Result<DataFrame> {
    let execution = Execution::new(session.state(), insert::prepare(copy::prepare(plan)?)?);
    let schema = std::sync::Arc::clone(execution.schema().inner());
    let batches = execution.collect().await.map_err(from_datafusion)?;
    session.from_batches(schema, batches)
}

/// Statements that change the catalog or the session.
async fn define(session: &Session, plan: LogicalPlan, text: &str) -> Result<DataFrame> {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(command)) => create_table::run(session, command).await,
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(command)) => create_external::run(session, *command, text).await,
        LogicalPlan::Ddl(DdlStatement::DropTable(command)) => drop::table(session, command).await,
        LogicalPlan::Ddl(DdlStatement::DropView(command)) => drop::view(session, command).await,
        LogicalPlan::Ddl(command) => Err(unsupported::unsupported(&command)),
        LogicalPlan::Statement(Statement::Execute(_)) => execute_prepared(session, plan).await,
        plan => {
            set(session, plan).await?;
            session.nothing()
        }
    }
}

/// The setting that counts for all sessions of the process.
const DEVICE_MEMORY_LIMIT: &str = "gradframe.device_memory_limit";

/// The settings of which RESET would put DataFusion's default in the place of ours, with ours.
const OURS: [(&str, &str); 2] = [
    ("datafusion.execution.time_zone", state::TIME_ZONE),
    ("datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown", "false"),
];

/// SET and its like, with what follows of it outside of the session's own settings.
async fn set(session: &Session, plan: LogicalPlan) -> Result<()> {
    // Another session may have set the limit since: the statement counts, not whether this session's own setting is another now.
    let is_limit = match &plan {
        LogicalPlan::Statement(Statement::SetVariable(set)) => set.variable.eq_ignore_ascii_case(DEVICE_MEMORY_LIMIT),
        LogicalPlan::Statement(Statement::ResetVariable(reset)) => reset.variable.eq_ignore_ascii_case(DEVICE_MEMORY_LIMIT),
        _ => false,
    };
    session.context().execute_logical_plan(with_our_defaults(plan)).await.map_err(from_datafusion)?;
    sync_seed(session.context())?;
    if is_limit {
        limit_device_memory(device_memory_limit(session.context()));
    }
    Ok(())
}

fn with_our_defaults(plan: LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::Statement(Statement::ResetVariable(reset)) => match OURS.iter().find(|(name, _)| reset.variable == *name) {
            Some((_, value)) => {
                let value = (*value).to_owned();
                LogicalPlan::Statement(Statement::SetVariable(SetVariable { variable: reset.variable, value }))
            }
            None => LogicalPlan::Statement(Statement::ResetVariable(reset)),
        },
        other => other,
    }
}

/// The plan of a prepared statement with its parameters filled in.
async fn execute_prepared(session: &Session, plan: LogicalPlan) -> Result<DataFrame> {
    let execution = session.context().execute_logical_plan(plan).await.map_err(from_datafusion)?;
    match execution.into_unoptimized_plan() {
        plan @ (LogicalPlan::Dml(_) | LogicalPlan::Copy(_)) => run_now(session, plan).await,
        plan => Ok(query(session, plan)),
    }
}

/// The bare name of a table or view in schema `public`. Errors: `Plan` for another schema.
fn public_name(op: &str, name: &TableReference) -> Result<String> {
    let resolved = name.clone().resolve(CATALOG, PUBLIC);
    if *resolved.catalog == *CATALOG && *resolved.schema == *PUBLIC {
        return Ok(resolved.table.to_string());
    }
    let what = format!("`{name}` is in schema `{}`, expected `{PUBLIC}`", resolved.schema);
    Err(Error::plan(op, what).hint("leave the schema out"))
}

/// What to do about a name in a CREATE statement.
enum Creation {
    /// Go on.
    Create,
    /// IF NOT EXISTS, and it does.
    Keep,
}

/// Whether a table or view may be made under a name. Errors: `Plan` if it is taken and may not be replaced, or is
/// something of another kind.
fn check_name(session: &Session, op: &str, name: &str, kind: Kind, if_not_exists: bool, or_replace: bool) -> Result<Creation> {
    match session.public().kind(name)? {
        None => Ok(Creation::Create),
        Some(existing) if existing != kind => {
            let hint = format!("give the {} another name, or DROP {} {name} first", kind.name(), existing.name().to_uppercase());
            Err(Error::plan(op, format!("`{name}` is a {}", existing.name())).hint(hint))
        }
        Some(_) if if_not_exists => Ok(Creation::Keep),
        Some(_) if or_replace => Ok(Creation::Create),
        Some(_) => {
            let hint = format!("CREATE OR REPLACE {} takes its place", kind.name().to_uppercase());
            Err(Error::plan(op, format!("{} `{name}` already exists", kind.name())).hint(hint))
        }
    }
}
