//! DROP TABLE and DROP VIEW.

use datafusion::common::TableReference;
use datafusion::logical_expr::{DropTable, DropView};
use gradframe_plan::names::suggest;

use super::public_name;
use crate::catalog::{Kind, delete_rows};
use crate::frame::DataFrame;
use crate::{Error, Result, Session};

/// Forgets the table, and deletes its rows if they are the store's own.
/// Errors: `Plan` for an unknown name, unless IF EXISTS, or one that is no table.
pub(super) async fn table(session: &Session, command: DropTable) -> Result<DataFrame> {
    let Some(name) = existing(session, "drop table", &command.name, command.if_exists, Kind::Table)? else {
        return session.nothing();
    };
    if let Some(entry) = session.public().entry(&name)? {
        forget(session, &name, &entry.sql)?;
        delete_rows(session.public().home(), &entry.sql).await?;
    } else {
        session.deregister(&name)?;
    }
    session.nothing()
}

/// Forgets the view. Errors: `Plan` for an unknown name, unless IF EXISTS, or one that is no view.
pub(super) async fn view(session: &Session, command: DropView) -> Result<DataFrame> {
    if let Some(name) = existing(session, "drop view", &command.name, command.if_exists, Kind::View)? {
        session.public().store().remove_entry(&name)?;
    }
    session.nothing()
}

fn forget(session: &Session, name: &str, sql: &str) -> Result<()> {
    session.public().close(sql);
    session.public().store().remove_entry(name).map(|_| ())
}

/// The bare name if it exists and is of this kind; None if it may be missing and is.
fn existing(session: &Session, op: &str, name: &TableReference, if_exists: bool, kind: Kind) -> Result<Option<String>> {
    let name = public_name(op, name)?;
    match session.public().kind(&name)? {
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
