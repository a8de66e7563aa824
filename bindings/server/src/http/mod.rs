//! HTTP/1.1 over plain sockets: a thread a connection, requests one after another, limits on sizes and on waiting.

mod body;
mod connection;
mod request;
mod response;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gradframe::Result;

pub use body::Body;
pub use request::Request;
pub use response::Response;

/// What a client may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The request line and headers together.
    pub head_bytes_max: usize,
    /// A body that is read into memory.
    pub body_bytes_max: u64,
    /// A body that is streamed into an artifact.
    pub upload_bytes_max: u64,
    /// Connections at once; more are refused.
    pub connections_max: usize,
    /// How long to wait for a client to say more, or to take what it asked for.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes_max: 64 << 10,
            body_bytes_max: 64 << 20,
            upload_bytes_max: 1 << 40,
            connections_max: 512,
            timeout: Duration::from_secs(60),
        }
    }
}

/// Who answers requests.
pub trait Handle: Send + Sync + 'static {
    /// The answer. What is left of the body is read away after it.
    fn handle(&self, request: &Request, body: &mut Body<'_>) -> Response;
}

/// Answers all connections. A thread that cannot be had, or a client that misbehaves, ends its own connection alone.
pub fn serve<H: Handle>(listener: &TcpListener, handler: &Arc<H>, limits: &Limits) -> Result<()> {
    let open = Arc::new(AtomicUsize::new(0));
    for connection in listener.incoming() {
        let Ok(connection) = connection else { continue };
        let (handler, limits, open) = (Arc::clone(handler), limits.clone(), Arc::clone(&open));
        if open.fetch_add(1, Ordering::AcqRel) >= limits.connections_max {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let serving = std::thread::Builder::new().name("gradframe-http".into()).spawn({
            let open = Arc::clone(&open);
            move || {
                let _counted = Counted(open);
                connection::serve(&connection, handler.as_ref(), &limits);
            }
        });
        if let Err(error) = serving {
            tracing::warn!(%error, "no thread for a connection");
        }
    }
    Ok(())
}

/// Counts a connection as closed when it is dropped, however its thread ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
