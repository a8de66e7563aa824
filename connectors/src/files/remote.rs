//! The object stores that a session knows: those that a program has registered with its context.

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use gradframe_ml_core::{Error, Result};
use object_store::ObjectStore;
use url::Url;

/// The store of a URL. Errors: `NotImplemented`, naming the scheme, if there is none.
pub(crate) fn store(op: &str, runtime: &RuntimeEnv, url: impl AsRef<Url>) -> Result<Arc<dyn ObjectStore>> {
    let shown = url.as_ref().clone();
    runtime.object_store(url).map_err(|error| {
        let what = format!("`{}://` is not supported: `{shown}`", shown.scheme());
        let hint = "files are read and written at local paths; a Rust program can register a store with the session's context";
        Error::not_implemented(op, what).hint(hint).because(error)
    })
}
