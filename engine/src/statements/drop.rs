//! DROP TABLE and DROP VIEW.

use datafusion::common::TableReference;
use datafusion::logical_expr::{DropTable, DropView};
use gradframe_connectors::store::Entry;
use gradframe_plan::names::suggest;

use super::public_name;
use crate::catalog::{DoomedRows, Kind};
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

/// Forgets the table, and deletes its rows if they are the store's own.
/// Errors: `Plan` for an unknown name, unless IF EXISTS, or one that is no table.
pub(super) async fn table(session: &Session, command: DropTable) -> Result<DataFrame> {
    let Some(name) = existing(session, "drop table", &command.name, command.if_exists, Kind::Table)? else {
        return session.nothing();
    };
    let public = session.public();
    let doom = |entry: &Entry| Ok((entry.sql.clone(), DoomedRows::of(public.home(), &public.store().owner(), &entry.sql)?));
    match public.store().remove_entry_after(&name, doom)? {
        Some((sql, rows)) => {
            public.uncache(&name);
            public.close(&sql);
            rows.delete()?;
        }
        None => drop(session.deregister(&name)?),
    }
    session.nothing()
}

/// Forgets the view. Errors: `Plan` for an unknown name, unless IF EXISTS, or one that is no view.
pub(super) async fn view(session: &Session, command: DropView) -> Result<DataFrame> {
    if let Some(name) = existing(session, "drop view", &command.name, command.if_exists, Kind::View)? {
        session.public().store().remove_entry(&name)?;
        session.public().uncache(&name);
    }
    session.nothing()
}

/// The bare name if it exists and is of this kind; None if it may be missing and is.
fn existing(session: &Session, op: &str, name: &TableReference, if_exists: bool, kind: Kind) -> Result<Option<String>> {
    let name = public_name(op, name)?;
    let found = session.public().kind(&name)?;
    if found.is_none() {
        session.public().uncache(&name); // rows of a table that another process has dropped
    }
    match found {
        Some(found) if found == kind => Ok(Some(name)),
        Some(found) => Err(Error::plan(op, format!("`{name}` is a {}", found.name()))
            .hint(format!("DROP {} {name} removes it", found.name().to_uppercase()))),
        None if if_exists => Ok(None),
        None => {
            let names = session.public().names()?;
            let hint = suggest(&name, names.iter().map(String::as_str));
            Err(Error::plan(op, format!("unknown {} `{name}`", kind.name())).hint(hint))
        }
    }
}
