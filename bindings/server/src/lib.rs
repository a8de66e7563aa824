//! The store over HTTP: MLflow's REST interface, so that its client logs into `.gradframe/`.
//!
//! - [`connections`]: a thread each, and what gives way when there are too many; [`wire`]: HTTP/1.1 as bytes;
//! - [`http`]: requests and answers as the rest sees them, with limits on everything;
//! - [`mlflow`]: what MLflow's client asks, answered from the store.
//!
//! It listens on the loopback interface unless told otherwise, and never names a file by what a request says.

mod connections;
mod http;
mod mlflow;
mod wire;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;

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
    listening: JoinHandle<()>,
}

impl Server {
    /// Listens, and answers from then on. Errors: `Plan` for a host that is none, and for one that others reach without a
    /// token; `External` if the port is taken; `Execution` for a store that this build cannot read.
    pub fn start(session: Session, options: Options) -> Result<Self> {
        // What is only away may come back.
        if let Err(error @ Error::Execution(_)) = session.tracking().run_records(&[]) {
            return Err(error);
        }
        let listener = listen(&options)?;
        let address = listener.local_addr().map_err(|error| cannot_listen(&options, error))?;
        let handler = mlflow::Handler::new(session, options.token.clone(), options.limits.body_bytes_max);
        let handler: Arc<dyn http::Handle> = Arc::new(handler);
        let limits = options.limits.clone();
        let listening = std::thread::Builder::new()
            .name("gradframe listens".into())
            .spawn(move || connections::accept(&listener, &handler, &limits))
            .map_err(|error| cannot_listen(&options, error))?;
        Ok(Server { address, listening })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for as long as it answers. Errors: `Internal` if it ends by itself.
    pub fn wait(self) -> Result<()> {
        self.listening.join().map_err(|_| Error::internal("serve", "it has ended by itself"))
    }
}

/// A listener at the first of the host's addresses that can be had.
fn listen(options: &Options) -> Result<TcpListener> {
    let addresses = (options.host.as_str(), options.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = addresses.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        return Err(Error::plan("serve", format!("`{}` is no host", options.host)));
    }
    if options.token.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        let what = format!("others reach `{}`, and no token keeps them out", options.host);
        return Err(Error::plan("serve", what).hint("set GRADFRAME_TOKEN, or listen on 127.0.0.1"));
    }
    TcpListener::bind(&addresses[..]).map_err(|error| cannot_listen(options, error))
}

fn cannot_listen(options: &Options, error: std::io::Error) -> Error {
    Error::external("serve", format!("cannot listen on {}:{}: {error}", options.host, options.port)).because(error)
}
