//! Threads for callers that are not asynchronous.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, Result};

/// A thread's stack: plans of many steps recurse deep. Only what is used is taken.
const STACK_BYTES: usize = 64 << 20;

/// A runtime that starts when it is first needed, and never where the caller brings one.
pub(crate) struct BlockingRuntime {
    threads: usize,
    runtime: OnceLock<std::io::Result<Runtime>>,
}

impl BlockingRuntime {
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, runtime: OnceLock::new() }
    }

    /// Runs the work to its end on these threads.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_ok() {
            return Err(Error::plan("block_on", "called inside an asynchronous runtime").hint("use `.await` there"));
        }
        match self.runtime.get_or_init(|| start(self.threads)) {
            Ok(runtime) => runtime.block_on(work),
            Err(error) => Err(Error::external("block_on", format!("can't start threads: {error}"))),
        }
    }
}

impl Drop for BlockingRuntime {
    /// Without waiting: a session may end inside a runtime, where waiting would panic.
    fn drop(&mut self) {
        if let Some(Ok(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn start(threads: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(STACK_BYTES)
        .thread_name("gradframe")
        .enable_all()
        .build()
}
