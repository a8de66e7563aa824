//! The threads on which the engine works: one pool a process.

use std::sync::OnceLock;

use gradframe::Error;
use pyo3::prelude::*;
use tokio::runtime::Runtime;

use crate::errors::OrRaise;

/// A thread's stack: plans of many joins recurse deep.
const STACK_BYTES: usize = 8 << 20;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The pool, started at first use. Errors: `External` if the system gives no threads.
pub fn runtime() -> PyResult<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let started = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .thread_name("gradframe")
        .enable_all()
        .build()
        .map_err(|error| Error::external("gradframe", format!("cannot start threads: {error}")))
        .or_raise()?;
    Ok(RUNTIME.get_or_init(|| started))
}
