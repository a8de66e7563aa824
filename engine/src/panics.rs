//! A panic anywhere below ends one query with an `Internal` error and leaves the session usable.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt};
use gradframe_plan::error::to_datafusion;

use crate::{Error, Result, clock};

/// Runs the work; a panic in it becomes an `Internal` error.
pub(crate) async fn guard<T>(op: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    clock::check(op)?;
    // What a panic could leave half-changed belongs to this query alone, and the query ends here.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(internal(op, panic)),
    }
}

/// The same for work that is no future.
pub(crate) fn guard_call<T>(op: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    clock::check(op)?;
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(internal(op, panic)),
    }
}

/// The same for a stream: the panic is its last item.
pub(crate) fn guard_stream(op: &'static str, stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let guarded = AssertUnwindSafe(stream).catch_unwind().map(move |item| match item {
        Ok(batch) => batch,
        Err(panic) => Err::<_, DataFusionError>(to_datafusion(internal(op, panic))),
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, guarded))
}

fn internal(op: &str, panic: Box<dyn Any + Send>) -> Error {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    if clock::explains(&said) {
        return clock::unset(op);
    }
    Error::internal(op, format!("panicked: {said}")).hint("this is a bug in gradframe; the session goes on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_internal_error() {
        let result: Result<()> = guard("collect", async { panic!("index out of bounds") }).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), "Internal");
        assert!(error.to_string().contains("index out of bounds"), "{error}");
        let result: Result<()> = guard("collect", async { panic!("system time before Unix epoch: SystemTimeError(1s)") }).await;
        assert_eq!(result.unwrap_err().kind(), "External", "the clock is not ours");
    }
}
