//! Artifacts, taken and given by this server: `/api/2.0/mlflow-artifacts/artifacts/<experiment>/<run>/artifacts/<path>`.
//!
//! A path is looked up among the run's names and never becomes one of the file system.

use std::collections::BTreeMap;
use std::fs::File;

use gradframe::NewArtifact;
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::Call;
use super::{Answer, Handler, runs};
use crate::http::{Body, Request, Response};

const PREFIXES: [&str; 2] = ["/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts"];

/// The path behind the proxy's address.
pub fn proxied(path: &str) -> Option<&str> {
    let rest = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// Takes, gives or lists artifacts.
pub fn answer(handler: &Handler, request: &Request, path: &str, body: &mut Body<'_>) -> Result<Response, Failure> {
    match request.method.as_str() {
        "GET" if path.is_empty() => {
            let (run, below) = split(request.query("path").unwrap_or_default())?;
            Ok(Response::json(200, &json!({ "files": files(handler, run, below, "")? })))
        }
        "GET" | "HEAD" => {
            let (run, path) = split(path)?;
            let place = handler.tracking.artifact(run, path)?;
            let file = File::open(&place).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (bytes, file) = file.map_err(|error| Failure::not_found(format!("`{path}` cannot be read: {error}")))?;
            Ok(Response::file(file, bytes))
        }
        "PUT" => {
            let (run, path) = split(path)?;
            handler.tracking.put_artifact(run, &NewArtifact { path, kind: "file", step: None }, body)?;
            Ok(Response::json(200, &json!({})))
        }
        method => Err(Failure::not_built(format!("{method} of artifacts is not answered here"))),
    }
}

/// The files directly below a path of a run, directories among them.
pub fn list(handler: &Handler, call: &Call) -> Answer {
    let run = runs::id(call)?;
    let record = runs::record(handler, run)?;
    let below = call.maybe("path").unwrap_or_default();
    let root = format!("mlflow-artifacts:/{}/{run}/artifacts", record.experiment);
    let before = if below.is_empty() { String::new() } else { format!("{}/", below.trim_end_matches('/')) };
    Ok(json!({ "root_uri": root, "files": files(handler, run, below, &before)? }))
}

/// Names directly below a path, each with `before` in front.
fn files(handler: &Handler, run: &str, below: &str, before: &str) -> Result<Vec<Value>, Failure> {
    let below = below.trim_matches('/');
    let start = if below.is_empty() { String::new() } else { format!("{below}/") };
    let mut found = BTreeMap::new();
    for artifact in handler.tracking.artifacts(run)? {
        let Some(rest) = artifact.path.strip_prefix(&start) else { continue };
        match rest.split_once('/') {
            Some((directory, _)) => drop(found.insert(directory.to_owned(), None)),
            None => drop(found.insert(rest.to_owned(), Some(artifact.bytes))),
        }
    }
    let shown = |(name, bytes): (String, Option<u64>)| match bytes {
        Some(bytes) => json!({ "path": format!("{before}{name}"), "is_dir": false, "file_size": bytes }),
        None => json!({ "path": format!("{before}{name}"), "is_dir": true }),
    };
    Ok(found.into_iter().map(shown).collect())
}

/// Run and path of `<experiment>/<run>/artifacts/<path>`.
fn split(path: &str) -> Result<(&str, &str), Failure> {
    let wrong = || Failure::invalid(format!("`{path}` is no artifact of a run: expected EXPERIMENT/RUN/artifacts/PATH"));
    let mut parts = path.trim_matches('/').splitn(4, '/');
    let (Some(_experiment), Some(run), Some("artifacts")) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    Ok((run, parts.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(proxied("/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a/b"), Some("0/r/artifacts/a/b"));
        assert_eq!(proxied("/api/2.0/mlflow-artifacts/artifactsx"), None);
        assert_eq!(split("0/run/artifacts/a/b.txt").unwrap(), ("run", "a/b.txt"));
        assert_eq!(split("0/run/artifacts").unwrap(), ("run", ""));
        for wrong in ["", "0", "0/run", "0/run/other/x", "../../etc/passwd"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
