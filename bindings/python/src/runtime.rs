//! The threads on which the engine works: one pool a process.

use std::sync::{PoisonError, RwLock};

use gradframe::Error;
use pyo3::prelude::*;
use tokio::runtime::Runtime;

use crate::errors::OrRaise;

/// A thread's stack: plans of many steps recurse deep. Only what is used is taken.
pub const STACK_BYTES: usize = 64 << 20;

/// A pool and the process that it belongs to. A fork has the memory of its parent but none of the threads.
#[derive(Clone, Copy)]
struct Pool {
    process: u32,
    runtime: &'static Runtime,
}

static POOL: RwLock<Option<Pool>> = RwLock::new(None);

/// The pool, started at first use, and anew in a forked process. It is never given back: its process ends with it.
/// Errors: `External` if the system gives no threads.
pub fn runtime() -> PyResult<&'static Runtime> {
    let process = std::process::id();
    let pool = *POOL.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(Pool { process: owner, runtime }) = pool
        && owner == process
    {
        return Ok(runtime);
    }
    let mut place = POOL.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = place.filter(|pool| pool.process == process) {
        return Ok(pool.runtime);
    }
    let runtime = Box::leak(Box::new(start()?));
    *place = Some(Pool { process, runtime });
    Ok(runtime)
}

fn start() -> PyResult<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .thread_name("gradframe")
        .enable_all()
        .build()
        .map_err(|error| Error::external("gradframe", format!("cannot start threads: {error}")))
        .or_raise()
}
