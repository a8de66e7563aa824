//! `gradframe serve`: the store over HTTP, for MLflow's client.

use gradframe::{Error, Session};
use gradframe_server::{Options, Server};

use crate::args::ServeArgs;
use crate::exit::Result;
use crate::output::print_line;

/// The variable that holds the token.
const TOKEN: &str = "GRADFRAME_TOKEN";

/// Answers until Ctrl-C, which ends it well.
pub async fn run(session: &Session, args: &ServeArgs) -> Result<()> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let options = Options { host: args.host.clone(), port: args.port, token, ..Options::default() };
    let server = Server::start(session.clone(), options)?;
    print_line(&format!("MLFLOW_TRACKING_URI is http://{}", server.address()))?;
    tokio::signal::ctrl_c().await.map_err(|error| Error::external("serve", error.to_string()))?;
    Ok(())
}
