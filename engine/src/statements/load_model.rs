//! CREATE MODEL of a pretrained model: an entry in the store that names its directory.

use gradframe_plan::ops::text::{Pretrained, pretrained};
use gradframe_plan::services::{ModelRegistry, OnExisting, model_exists};

use crate::frame::DataFrame;
use crate::{Result, Session};

/// Looks at the model's files, and makes the entry. Errors: `Plan` if the name is taken; those of files that are not whole.
pub(super) fn run(session: &Session, request: &Pretrained) -> Result<DataFrame> {
    let store = session.public().store();
    match (request.on_existing, store.exists(&request.name)?) {
        (OnExisting::Keep, true) => return session.nothing(),
        (OnExisting::Error, true) => return Err(model_exists(&request.name)),
        _ => {}
    }
    let model = pretrained(request, session.services()?.as_ref())?;
    store.commit(&request.name, model, request.on_existing == OnExisting::Replace)?;
    session.nothing()
}
