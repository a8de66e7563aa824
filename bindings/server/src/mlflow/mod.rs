//! What MLflow's client asks: `/api/2.0/mlflow/...`, answered from the store.
//!
//! One file a subject; each answer is a function from a call's arguments to JSON. Times are milliseconds there and
//! microseconds here; an experiment is named by its number.

mod answer;
mod artifacts;
mod assessments;
mod call;
mod experiments;
mod inputs;
mod logged_models;
mod metrics;
mod names;
mod origin;
mod otlp;
mod registry;
mod runs;
mod search;
mod sources;
mod times;
mod traces;
mod versions;
mod view;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gradframe::{Error, Result, Session, Store, Tracking};

use crate::http::{Body, Handle, Request, Response};
use answer::Failure;
use call::Call;

/// Version of MLflow whose interface this is, as `/version` says it.
const VERSION: &str = "2.22.0";
/// Where the interface begins; the second is what MLflow's own pages use.
const PREFIXES: [&str; 2] = ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"];
/// Where traces are in the words of MLflow 3.
const TRACES_3: [&str; 2] = ["/api/3.0/mlflow/traces", "/ajax-api/3.0/mlflow/traces"];

/// A thread's stack for a query. Only what is used is taken.
const QUERY_STACK_BYTES: usize = 64 << 20;

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

    fn store(&self) -> &Store {
        self.tracking.store()
    }

    /// The rows of a query. On a thread of its own: filters may be deep, and a connection's stack is small.
    fn collected(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let query = || self.session.block_on(async { self.session.sql(sql).await?.collect().await });
        std::thread::scope(|scope| match std::thread::Builder::new().stack_size(QUERY_STACK_BYTES).spawn_scoped(scope, query) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(Error::external("search", format!("can't start a thread: {error}")).because(error)),
        })
    }

    /// The rows of a query, all values as texts.
    fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        for batch in self.collected(sql)? {
            let as_text =
                |column: &ArrayRef| cast(column, &DataType::Utf8).map_err(|error| Error::internal("search", error.to_string()));
            let columns = batch.columns().iter().map(as_text).collect::<Result<Vec<_>>>()?;
            let text = |column: &ArrayRef, row| {
                let column = column.as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()));
        }
        Ok(rows)
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
        artifacts::refuse_parts(&request.path)?;
        if request.path == "/v1/traces" {
            return otlp::answer(self, request, body);
        }
        if let Some(rest) = TRACES_3.iter().find_map(|prefix| request.path.strip_prefix(prefix)) {
            let call = Call::read(request, body, self.body_bytes_max)?;
            return Ok(Response::json(200, &traces::answer(self, traces::Words::Of3, &request.method, &parts(rest), &call)?));
        }
        let Some(name) = PREFIXES.iter().find_map(|prefix| request.path.strip_prefix(prefix)) else {
            return Err(Failure::not_found(format!("nothing is at {}", request.path)));
        };
        let call = Call::read(request, body, self.body_bytes_max)?;
        Ok(Response::json(200, &self.dispatch(&request.method, name, &call)?))
    }

    fn dispatch(&self, method: &str, name: &str, call: &Call) -> Answer {
        let (subject, what) = name.split_once('/').unwrap_or((name, ""));
        match subject {
            "experiments" => self.of_experiments(method, what, call),
            "runs" => self.of_runs(method, what, call),
            "registered-models" => self.of_registered_models(method, what, call),
            "model-versions" => self.of_model_versions(method, what, call),
            "logged-models" => logged_models::answer(self, method, what, call),
            "traces" => traces::answer(self, traces::Words::Of2, method, &parts(what), call),
            "metrics" if method == "GET" => self.of_metrics(what, call),
            "artifacts" if (method, what) == ("GET", "list") => artifacts::list(self, call),
            _ => Err(not_answered(method, name)),
        }
    }

    fn of_experiments(&self, method: &str, what: &str, call: &Call) -> Answer {
        match (method, what) {
            ("POST", "create") => experiments::create(self, call),
            ("GET", "get") => experiments::get(self, call),
            ("GET", "get-by-name") => experiments::get_by_name(self, call),
            ("POST" | "GET", "search" | "list") => experiments::search(self, call),
            ("POST", "update") => experiments::rename(self, call),
            ("POST", "delete") => experiments::set_deleted(self, call, true),
            ("POST", "restore") => experiments::set_deleted(self, call, false),
            ("POST", "set-experiment-tag") => experiments::set_tag(self, call),
            ("POST", "delete-experiment-tag") => experiments::delete_tag(self, call),
            ("POST", "search-datasets") => inputs::search(self, call),
            _ => Err(not_answered(method, what)),
        }
    }

    fn of_runs(&self, method: &str, what: &str, call: &Call) -> Answer {
        match (method, what) {
            ("POST", "create") => runs::create(self, call),
            ("GET", "get") => runs::get(self, call),
            ("POST", "update") => runs::update(self, call),
            ("POST", "delete") => runs::set_deleted(self, call, true),
            ("POST", "restore") => runs::set_deleted(self, call, false),
            ("POST", "log-metric") => runs::log_metric(self, call),
            ("POST", "log-parameter") => runs::log_parameter(self, call),
            ("POST" | "PATCH", "set-tag") => runs::set_tag(self, call),
            ("POST", "delete-tag") => runs::delete_tag(self, call),
            ("POST", "log-batch") => runs::log_batch(self, call),
            ("POST", "log-model") => inputs::log_model(self, call),
            ("POST", "log-inputs") => inputs::log(self, call),
            ("POST", "outputs") => inputs::log_outputs(self, call),
            ("POST", "search") => runs::search(self, call),
            _ => Err(not_answered(method, what)),
        }
    }

    fn of_metrics(&self, what: &str, call: &Call) -> Answer {
        match what {
            "get-history" => metrics::history(self, call),
            "get-history-bulk-interval" => metrics::bulk_interval(self, call),
            _ => Err(not_answered("GET", what)),
        }
    }

    fn of_registered_models(&self, method: &str, what: &str, call: &Call) -> Answer {
        match (method, what) {
            ("POST", "create") => registry::create(self, call),
            ("GET", "get") => registry::get(self, call),
            ("PATCH", "update") => registry::update(self, call),
            ("POST", "rename") => registry::rename(self, call),
            ("DELETE", "delete") => registry::delete(self, call),
            ("GET", "search" | "list") => registry::search(self, call),
            ("GET" | "POST", "get-latest-versions") => versions::latest_versions(self, call),
            ("POST", "set-tag") => registry::set_tag(self, call),
            ("DELETE", "delete-tag") => registry::delete_tag(self, call),
            ("POST", "alias") => registry::set_alias(self, call),
            ("DELETE", "alias") => registry::delete_alias(self, call),
            ("GET", "alias") => versions::by_alias(self, call),
            _ => Err(not_answered(method, what)),
        }
    }

    fn of_model_versions(&self, method: &str, what: &str, call: &Call) -> Answer {
        match (method, what) {
            ("POST", "create") => versions::create(self, call),
            ("GET", "get") => versions::get(self, call),
            ("PATCH", "update") => versions::update(self, call),
            ("POST", "transition-stage") => versions::transition(self, call),
            ("DELETE", "delete") => versions::delete(self, call),
            ("GET", "search") => versions::search(self, call),
            ("GET", "get-download-uri") => versions::download_uri(self, call),
            ("POST", "set-tag") => versions::set_tag(self, call),
            ("DELETE", "delete-tag") => versions::delete_tag(self, call),
            _ => Err(not_answered(method, what)),
        }
    }

    fn is_let_in(&self, request: &Request) -> bool {
        let Some(token) = &self.token else { return true };
        request.header("authorization").and_then(call::credential).is_some_and(|said| answer::equal(&said, token))
    }
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

fn not_answered(method: &str, name: &str) -> Failure {
    Failure::not_built(format!("{method} {name} is not answered here"))
}

impl Handle for Handler {
    fn handle(&self, request: &Request, body: &mut Body<'_>) -> Response {
        if let Err(failure) = origin::check(request, self.token.is_some()) {
            return failure.response();
        }
        if !self.is_let_in(request) {
            return Failure::unauthenticated().response().with_header("www-authenticate", "Basic realm=\"gradframe\"");
        }
        self.answer(request, body).unwrap_or_else(|failure| failure.response())
    }
}
