//! CACHE TABLE and UNCACHE TABLE: rows that stay in memory, for this session, and on a device.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::common::TableReference;
use gradframe_exec::pinned::PinnedTable;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::suggest;

use super::public_name;
use crate::catalog::is_frame;
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "cache table";

/// Reads the table once and keeps its rows: from then on this session's queries see those, until UNCACHE TABLE. A table that
/// is cached already is read anew. One row says what lies where.
///
/// Errors: `Plan` for an unknown name; `Resources` if there is no memory for its rows; `NoDevice`, and `Resources` for the
/// device's memory, in a session that is strict about its device.
pub(super) async fn run(session: &Session, name: &TableReference, on_cuda: bool) -> Result<DataFrame> {
    let public = session.public();
    let bare = public_name(OP, name)?;
    if public.kind(&bare)?.is_none() {
        let hint = suggest(&bare, public.names()?.iter().map(String::as_str));
        return Err(Error::plan(OP, format!("unknown table `{bare}`")).hint(hint));
    }
    if is_frame(&bare) {
        let error = Error::plan(OP, format!("`{bare}` is a frame in this statement, expected a table or view"));
        return Err(error.hint("save it as a table first, or give the frame another name"));
    }
    public.uncache(&bare);
    let rows = session.context().table(TableReference::bare(bare.as_str())).await.map_err(from_datafusion)?;
    let (schema, context) = (Arc::clone(rows.schema().inner()), session.context().task_ctx());
    let partitions = rows.collect_partitioned().await.map_err(from_datafusion)?;
    let mut options = context.session_config().options().as_ref().clone();
    if !on_cuda {
        gradframe_exec::pinned::stay_on_cpu(&mut options);
    }
    let table = Arc::new(PinnedTable::try_new(&bare, schema, partitions, &options, &context)?);
    public.cache(bare.clone(), Arc::clone(&table));
    described(session, &bare, &table)
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
