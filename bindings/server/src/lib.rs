//! The store over HTTP: MLflow's REST interface, so that its client logs into `.gradframe/`.
//!
//! - [`http`]: requests and responses over plain sockets, a thread a connection, with limits on everything;
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

/// A server that listens and has not begun to answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    handler: Arc<mlflow::Handler>,
    limits: Limits,
}

impl Server {
    /// Takes the address. Errors: `Plan` for a host that is none, and for one that others reach without a token; `External`
    /// if the port is taken.
    pub fn bind(session: Session, options: Options) -> Result<Self> {
        let addresses = (options.host.as_str(), options.port).to_socket_addrs();
        let addresses: Vec<SocketAddr> = addresses.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() {
            return Err(Error::plan("serve", format!("`{}` is no host", options.host)));
        }
        if options.token.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
            let what = format!("others reach `{}`, and no token keeps them out", options.host);
            return Err(Error::plan("serve", what).hint("set GRADFRAME_TOKEN, or listen on 127.0.0.1"));
        }
        let listener = TcpListener::bind(&addresses[..]).map_err(|error| {
            Error::external("serve", format!("cannot listen on {}:{}: {error}", options.host, options.port)).because(error)
        })?;
        let handler = Arc::new(mlflow::Handler::new(session, options.token, options.limits.body_bytes_max));
        Ok(Server { listener, handler, limits: options.limits })
    }

    /// Where it listens. Errors: `External` if the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::external("serve", error.to_string()).because(error))
    }

    /// Answers until the process ends.
    pub fn run(self) -> Result<()> {
        http::serve(&self.listener, &self.handler, &self.limits)
    }
}
