//! Panics that are caught and told as errors, without the trace that Rust prints of them.
//!
//! Readers of file formats panic on some corrupt files. The error that names the file is what the user needs to see; a trace
//! through a library above it says nothing more.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::task::{Context, Poll};

use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream, Stream};

thread_local! {
    /// Whether what this thread runs now is caught below, and told there.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Makes the calls below silent on this process's panic hook, which otherwise stays what it is.
fn install() {
    HOOK.call_once(|| {
        let printing = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                printing(panic);
            }
        }));
    });
}

/// Ends the quiet, also when the call panics.
struct Quiet {
    before: bool,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(self.before);
    }
}

/// The call; a panic in it prints nothing. Whoever calls this catches it.
pub(super) fn quietly<T>(call: impl FnOnce() -> T) -> T {
    install();
    let _quiet = Quiet { before: QUIET.replace(true) };
    call()
}

/// The same for a future, whenever it is polled.
pub(super) fn quiet_future<'a, T: 'a>(mut future: BoxFuture<'a, T>) -> impl Future<Output = T> + Send + 'a {
    future::poll_fn(move |context: &mut Context<'_>| quietly(|| future.as_mut().poll(context)))
}

/// The same for a stream.
pub(super) fn quiet_stream<T: Send + 'static>(mut inner: BoxStream<'static, T>) -> impl Stream<Item = T> + Send {
    stream::poll_fn(move |context: &mut Context<'_>| -> Poll<Option<T>> { quietly(|| inner.as_mut().poll_next(context)) })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use futures::FutureExt;

    use super::*;

    #[test]
    fn quiet_ends_with_the_call_even_if_it_panics() {
        assert!(catch_unwind(|| quietly(|| panic!("nobody hears this"))).is_err());
        assert!(!QUIET.get());
        assert_eq!(quietly(|| (QUIET.get(), quietly(|| QUIET.get()), QUIET.get())), (true, true, true));
        let future = quiet_future(async { panic!("nor this") }.boxed());
        assert!(AssertUnwindSafe(future).catch_unwind().now_or_never().is_some_and(|caught: Result<(), _>| caught.is_err()));
        assert!(!QUIET.get());
    }
}
