//! CREATE VIEW: the statement's text is kept and planned anew at each use.

use datafusion::logical_expr::CreateView;
use gradframe_connectors::store::EntryKind;

use super::{Creation, check_name, public_name};
use crate::catalog::Kind;
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

const OP: &str = "create view";

/// Keeps the view. Errors: `Plan` if the name is taken, or the view reads itself; `NotImplemented` for TEMPORARY.
pub(super) async fn run(session: &Session, view: CreateView, sql: &str) -> Result<DataFrame> {
    if view.temporary {
        return Err(Error::not_implemented(OP, "TEMPORARY views").hint("CREATE VIEW, and DROP VIEW when done"));
    }
    let name = public_name(OP, &view.name)?;
    if let Creation::Create = check_name(session, OP, &name, Kind::View, false, view.or_replace)? {
        session.public().plan_view(&name, sql).await?;
        session.public().store().save_entry(EntryKind::View, &name, sql)?;
        session.public().uncache(&name);
    }
    session.nothing()
}
