//! CREATE EXTERNAL TABLE: the statement's text is kept, with the files where they are.

use datafusion::logical_expr::CreateExternalTable;
use gradframe_connectors::store::EntryKind;

use super::{Creation, check_name, public_name};
use crate::catalog::{Kind, absolute_locations};
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "create external table";

/// Opens the files once, so that a wrong path is known now, and keeps the statement.
/// Errors: `Plan` if the name is taken, `External` for a missing file, `NotImplemented` for TEMPORARY and UNBOUNDED.
pub(super) async fn run(session: &Session, command: CreateExternalTable, text: &str) -> Result<DataFrame> {
    if command.temporary || command.unbounded {
        return Err(Error::not_implemented(OP, "TEMPORARY and UNBOUNDED tables"));
    }
    let name = public_name(OP, &command.name)?;
    let public = session.public();
    if let Creation::Create = check_name(session, OP, &name, Kind::Table, command.if_not_exists, command.or_replace)? {
        let sql = absolute_locations(text, &command.locations)?;
        public.close(&sql);
        public.open(&sql).await?;
        public.store().save_entry(EntryKind::Table, &name, &sql)?;
        public.uncache(&name);
    }
    session.nothing()
}
