//! Going on with an interrupted training: its statement again, from its checkpoint.

use gradframe_connectors::store::RunStart;
use gradframe_sql::Rerun;

use super::run_now;
use crate::frame::DataFrame;
use crate::frame::statement::{is_of_unnamed, needs_frame};
use crate::kept_rows::with_former_files;
use crate::{Error, Result, Session};

const OP: &str = "resume";

/// Errors: see [`Session::resume_run`].
pub(crate) async fn resume(session: &Session, start_of_run: &str) -> Result<DataFrame> {
    let (run, RunStart { seed, statement, .. }) = interrupted(session, start_of_run)?;
    let no_statement = || {
        let what = format!("run `{run}` was started by no statement that is kept");
        Error::plan(OP, what).hint("call `fit` as its program did, with `resume` and the run")
    };
    let statement =
        statement.filter(|statement| !needs_frame(statement) && !is_of_unnamed(statement)).ok_or_else(no_statement)?;
    let statements = session.parse(&statement)?;
    let [statement] = statements.as_slice() else {
        return Err(Error::internal(OP, format!("the text kept with run `{run}` is not one statement")));
    };
    let seed = seed.map_or_else(|| session.services().map(|services| services.seed), Ok)?;
    let state = with_former_files(session.public().store(), &run, session.state())?;
    let plan = gradframe_sql::plan_rerun(&state, statement, &Rerun { run: Some(run), seed }).await;
    run_now(session, plan.map_err(|error| session.explain_unknown(error))?).await
}

/// The full name of a run that may go on, and how it began. Errors: `Plan` for one that is unknown, still running or finished.
pub(crate) fn interrupted(session: &Session, start_of_run: &str) -> Result<(String, RunStart)> {
    let store = session.public().store();
    let run = store.full_run_name(start_of_run)?;
    let start = store.run_start(&run)?;
    match start.status.as_str() {
        "running" => Err(Error::plan(OP, format!("run `{run}` is still running")).hint("`gradframe runs tail` follows it")),
        "finished" => Err(Error::plan(OP, format!("run `{run}` has finished")).hint("there is nothing left to do")),
        _ => Ok((run, start)),
    }
}
