//! What MLflow's client asks: `/api/2.0/mlflow/...`, answered from the store.
//!
//! One file a subject; each answer is a function from a call's arguments to JSON. Times are milliseconds there and
//! microseconds here; an experiment is named by its number.

mod answer;
mod artifacts;
mod call;
mod experiments;
mod metrics;
mod runs;
mod search;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe::{Result, Session, Tracking};

use crate::http::{Body, Handle, Request, Response};
use answer::Failure;
use call::Call;

/// Version of MLflow whose interface this is, as `/version` says it.
const VERSION: &str = "2.22.0";
/// Where the interface begins; the second is what MLflow's own pages use.
const PREFIXES: [&str; 2] = ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"];

type Answer = std::result::Result<serde_json::Value, Failure>;

/// Answers requests from one session's store.
#[derive(Debug)]
pub struct Handler {
    session: Session,
    tracking: Tracking,
    token: Option<String>,
    body_bytes_max: u64,
}

impl Handler {
    /// Lets in who brings the token, or all.
    pub fn new(session: Session, token: Option<String>, body_bytes_max: u64) -> Self {
        Handler { tracking: session.tracking(), session, token, body_bytes_max }
    }

    /// The first column of a query, as texts.
    fn first_texts(&self, sql: &str) -> Result<Vec<String>> {
        let batches = self.session.block_on(async { self.session.sql(sql).await?.collect().await })?;
        let texts = |batch: &RecordBatch| match cast(batch.column(0), &DataType::Utf8) {
            Ok(column) => column.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
            Err(_) => vec![],
        };
        Ok(batches.iter().flat_map(texts).collect())
    }

    fn answer(&self, request: &Request, body: &mut Body<'_>) -> std::result::Result<Response, Failure> {
        match request.path.as_str() {
            "/health" => return Ok(Response::text(200, "OK")),
            "/version" => return Ok(Response::text(200, VERSION)),
            "/" => return Ok(Response::text(200, "gradframe serve: set MLFLOW_TRACKING_URI to this address\n")),
            _ => {}
        }
        if let Some(path) = artifacts::proxied(&request.path) {
            return artifacts::answer(self, request, path, body);
        }
        let Some(name) = PREFIXES.iter().find_map(|prefix| request.path.strip_prefix(prefix)) else {
            return Err(Failure::not_found(format!("nothing is at {}", request.path)));
        };
        let call = Call::read(request, body, self.body_bytes_max)?;
        Ok(Response::json(200, &self.dispatch(&request.method, name, &call)?))
    }

    fn dispatch(&self, method: &str, name: &str, call: &Call) -> Answer {
        match (method, name) {
            ("POST", "experiments/create") => experiments::create(self, call),
            ("GET", "experiments/get") => experiments::get(self, call),
            ("GET", "experiments/get-by-name") => experiments::get_by_name(self, call),
            ("POST" | "GET", "experiments/search" | "experiments/list") => experiments::search(self, call),
            ("POST", "experiments/update") => experiments::rename(self, call),
            ("POST", "experiments/delete") => experiments::set_deleted(self, call, true),
            ("POST", "experiments/restore") => experiments::set_deleted(self, call, false),
            ("POST", "experiments/set-experiment-tag") => experiments::set_tag(self, call),
            ("POST", "runs/create") => runs::create(self, call),
            ("GET", "runs/get") => runs::get(self, call),
            ("POST", "runs/update") => runs::update(self, call),
            ("POST", "runs/delete") => runs::set_deleted(self, call, true),
            ("POST", "runs/restore") => runs::set_deleted(self, call, false),
            ("POST", "runs/log-metric") => runs::log_metric(self, call),
            ("POST", "runs/log-parameter") => runs::log_parameter(self, call),
            ("POST" | "PATCH", "runs/set-tag") => runs::set_tag(self, call),
            ("POST", "runs/delete-tag") => runs::delete_tag(self, call),
            ("POST", "runs/log-batch") => runs::log_batch(self, call),
            ("POST", "runs/log-model" | "runs/log-inputs") => runs::note(self, call, name),
            ("POST", "runs/search") => runs::search(self, call),
            ("GET", "metrics/get-history") => metrics::history(self, call),
            ("GET", "artifacts/list") => artifacts::list(self, call),
            _ => Err(Failure::not_built(format!("{method} {name} is not answered here"))),
        }
    }

    fn is_let_in(&self, request: &Request) -> bool {
        let Some(token) = &self.token else { return true };
        request.header("authorization").and_then(call::credential).is_some_and(|said| answer::equal(&said, token))
    }
}

impl Handle for Handler {
    fn handle(&self, request: &Request, body: &mut Body<'_>) -> Response {
        if !self.is_let_in(request) {
            return Failure::unauthenticated().response().with_header("WWW-Authenticate", "Basic realm=\"gradframe\"");
        }
        self.answer(request, body).unwrap_or_else(|failure| failure.response())
    }
}
