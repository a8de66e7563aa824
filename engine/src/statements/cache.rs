//! CACHE TABLE and UNCACHE TABLE: rows that stay in memory, for this session, and on a device.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame as Execution;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use gradframe_exec::pinned::PinnedTable;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;

use super::public_name;
use crate::catalog::{Kind, Source, is_frame};
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "cache table";

/// Reads the table once and keeps its rows: from then on this session's queries see those, until UNCACHE TABLE. A table that
/// is cached already is read anew; its earlier rows are kept until the new ones are there. One row says what lies where. A table that
/// is replaced while it is read is read again.
///
/// Errors: `Plan` for an unknown name, a model, and a table that is dropped meanwhile; `Resources` if there is no memory for its rows;
/// `NoDevice`, and `Resources` for the device's memory, in a session that is strict about its device. What was cached before is cached
/// still.
pub(super) async fn run(session: &Session, name: &TableReference, on_cuda: bool) -> Result<DataFrame> {
    let bare = known_table(session, name)?;
    let public = session.public();
    while let Some(source) = public.source(&bare)? {
        match read(session, &bare, &source, on_cuda).await {
            Ok(Some(table)) => {
                let table = Arc::new(table);
                if public.cache(&bare, &source, Arc::clone(&table))? {
                    return described(session, &bare, &table);
                }
            }
            Ok(None) => {}
            Err(error) if public.is_still(&bare, &source)? => {
                return Err(beside_earlier_rows(error, &bare, public.is_cached(&bare)));
            }
            Err(_of_what_went_away) => {}
        }
    }
    Err(Error::plan(OP, format!("`{bare}` was dropped while it was to be cached")))
}

/// The rows of the table; None if it has been dropped meanwhile.
async fn read(session: &Session, name: &str, source: &Source, on_cuda: bool) -> Result<Option<PinnedTable>> {
    let Some(provider) = session.public().table_of(name, source.clone()).await? else { return Ok(None) };
    let rows = LogicalPlanBuilder::scan(TableReference::bare(name), provider_as_source(Arc::clone(&provider)), None);
    let rows = rows.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    let (state, context) = (session.state(), session.context().task_ctx());
    let mut options = context.session_config().options().as_ref().clone();
    if !on_cuda {
        gradframe_exec::pinned::stay_on_cpu(&mut options);
    }
    let plan = Execution::new(state, rows).create_physical_plan().await.map_err(from_datafusion)?;
    PinnedTable::read(name, provider.as_ref(), plan, &options, &context).await.map(Some)
}

/// The bare name of a table or view that there is.
fn known_table(session: &Session, name: &TableReference) -> Result<String> {
    let public = session.public();
    let bare = public_name(OP, name)?;
    match public.kind(&bare)? {
        Some(Kind::Table | Kind::View) => {}
        // Planning refuses models.
        Some(Kind::Model) | None => {
            let hint = suggest(&bare, public.names()?.iter().map(String::as_str));
            return Err(Error::plan(OP, format!("unknown table `{bare}`")).hint(hint));
        }
    }
    if is_frame(&bare) {
        let error = Error::plan(OP, format!("`{bare}` is a frame in this statement, expected a table or view"));
        return Err(error.hint("save it as a table first, or give the frame another name"));
    }
    Ok(bare)
}

/// The error of a table that was to be cached, where its earlier rows may be what takes the memory.
fn beside_earlier_rows(error: Error, name: &str, is_cached: bool) -> Error {
    match &error {
        Error::Resources(_) if is_cached => {
            let hint = format!("UNCACHE TABLE {name} first: its earlier rows are kept until the new ones are there");
            error.hint(hint)
        }
        _ => error,
    }
}

/// Forgets the rows. Errors: `Plan` for a table that is not cached, unless IF EXISTS.
pub(super) fn undo(session: &Session, name: &TableReference, if_exists: bool) -> Result<DataFrame> {
    let bare = public_name("uncache table", name)?;
    if !session.public().uncache(&bare) && !if_exists {
        let error = Error::plan("uncache table", format!("`{bare}` is not cached"));
        return Err(error.hint(format!("CACHE TABLE {bare} ON CUDA caches it")));
    }
    session.nothing()
}

fn described(session: &Session, name: &str, table: &PinnedTable) -> Result<DataFrame> {
    let text = |text: String| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let number = |number: usize| Arc::new(Int64Array::from(vec![number as i64])) as ArrayRef;
    let columns = [
        ("table", text(name.to_owned())),
        ("device", text(table.place())),
        ("rows", number(table.rows())),
        ("columns_on_device", text(table.on_device().join(", "))),
        ("bytes_on_device", number(table.device_bytes())),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| from_datafusion(error.into()))?;
    session.from_batches(batch.schema(), vec![batch])
}
