//! The store over HTTP: MLflow's REST interface, so that its client logs into `.gradframe/`.
//!
//! - [`http`]: requests and answers, over the `oxhttp` library: a thread a connection, with limits on everything;
//! - [`mlflow`]: what MLflow's client asks, answered from the store.
//!
//! It listens on the loopback interface unless told otherwise, and never names a file by what a request says.

mod http;
mod mlflow;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use gradframe::{Error, Result, Session};

pub use http::Limits;

/// What to serve, and to whom.
#[derive(Debug, Clone)]
pub struct Options {
    pub host: String,
    /// 0 takes a free one.
    pub port: u16,
    /// What clients must send as `Authorization: Bearer TOKEN`, or as the password of a basic one; None lets all in.
    pub token: Option<String>,
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options { host: "127.0.0.1".into(), port: 5000, token: None, limits: Limits::default() }
    }
}

/// A server that answers, until its process ends.
pub struct Server {
    address: SocketAddr,
    listening: oxhttp::ListeningServer,
}

impl Server {
    /// Listens, and answers from then on. Errors: `Plan` for a host that is none, and for one that others reach without a
    /// token; `External` if the port is taken.
    pub fn start(session: Session, options: Options) -> Result<Self> {
        let address = free_address(&options)?;
        let Options { token, limits, .. } = options;
        let handler = Arc::new(mlflow::Handler::new(session, token, limits.body_bytes_max));
        let (timeout, connections_max) = (limits.timeout, limits.connections_max);
        let server = oxhttp::Server::new(move |request| http::answer(handler.as_ref(), &limits, request));
        let server = server.with_global_timeout(timeout).with_max_concurrent_connections(connections_max).bind(address);
        let listening = server.spawn().map_err(|error| cannot_listen(&address.to_string(), error))?;
        Ok(Server { address, listening })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for as long as it answers. Errors: `Internal` if it ends by itself.
    pub fn wait(self) -> Result<()> {
        self.listening.join().map_err(|error| Error::internal("serve", error.to_string()).because(error))
    }
}

/// The first of the host's addresses that can be had, its port chosen.
fn free_address(options: &Options) -> Result<SocketAddr> {
    let addresses = (options.host.as_str(), options.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = addresses.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        return Err(Error::plan("serve", format!("`{}` is no host", options.host)));
    }
    if options.token.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        let what = format!("others reach `{}`, and no token keeps them out", options.host);
        return Err(Error::plan("serve", what).hint("set GRADFRAME_TOKEN, or listen on 127.0.0.1"));
    }
    let free = TcpListener::bind(&addresses[..]).and_then(|listener| listener.local_addr());
    free.map_err(|error| cannot_listen(&format!("{}:{}", options.host, options.port), error))
}

fn cannot_listen(at: &str, error: std::io::Error) -> Error {
    Error::external("serve", format!("cannot listen on {at}: {error}")).because(error)
}
