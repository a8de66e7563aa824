//! Artifacts, taken, given and removed by this server, below `/api/2.0/mlflow-artifacts/artifacts/`:
//!
//! - `<experiment>/<run>/artifacts/<path>` of runs, `<experiment>/models/<model>/artifacts/<path>` of logged models,
//!   `<experiment>/traces/<trace>/artifacts/<path>` of traces;
//! - `registry/<model>/<version>/<file>`: what was trained here, to be read only.
//!
//! A path is looked up among the names that are known and never becomes one of the file system.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use gradframe::{ArtifactRecord, NewArtifact};
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, not_read};
use super::{Answer, Handler, logged_models, runs, traces};
use crate::http::{Body, Request, Response};

const PREFIXES: [&str; 2] = ["/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts"];
/// Where MLflow's server takes files in parts.
const PARTS: [&str; 2] = ["/api/2.0/mlflow-artifacts/mpu/", "/ajax-api/2.0/mlflow-artifacts/mpu/"];
/// Clients know by this beginning of an answer that they have to send a file whole. Source: MLflow's `_UnsupportedMultipartUploadException`.
const NO_PARTS: &str = "Multipart upload is not supported for the current artifact repository";
/// Stands where other addresses have the number of an experiment.
const REGISTRY: &str = "registry";
/// The file in which MLflow says what a model is.
const MLMODEL: &str = "MLmodel";

/// Whose artifact it is.
#[derive(Debug, PartialEq, Eq)]
enum Owner<'a> {
    Run(&'a str),
    Logged(&'a str),
    Trace(&'a str),
    Trained(&'a str, u64),
}

/// The path behind the proxy's address.
pub fn proxied(path: &str) -> Option<&str> {
    let rest = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// Errors: for an upload in parts, upon which MLflow's clients send the file whole.
pub fn refuse_parts(path: &str) -> Result<(), Failure> {
    if PARTS.iter().any(|prefix| path.starts_with(prefix)) { Err(Failure::not_built(NO_PARTS)) } else { Ok(()) }
}

/// Takes, gives, lists or removes artifacts.
pub fn answer(handler: &Handler, request: &Request, path: &str, body: &mut Body<'_>) -> Result<Response, Failure> {
    match request.method.as_str() {
        "GET" if path.is_empty() => {
            let (owner, below) = split(request.query("path").unwrap_or_default())?;
            Ok(Response::json(200, &json!({ "files": listed(&owner.files(handler)?, below, false) })))
        }
        "GET" => {
            let (owner, path) = split(path)?;
            let place = owner.file(handler, path)?.ok_or_else(|| Failure::not_found(format!("there is no artifact `{path}`")))?;
            let file = File::open(place).map_err(|error| Failure::not_found(format!("`{path}` cannot be read: {error}")))?;
            Ok(Response::file(file))
        }
        "PUT" => {
            let (owner, path) = split(path)?;
            // What keeps a content does not know whose fault it is that it broke off.
            owner.put(handler, path, body).map_err(|failure| body.fault().map_or(failure, |error| not_read(&error)))?;
            Ok(Response::json(200, &json!({})))
        }
        "DELETE" => {
            let (owner, path) = split(path)?;
            owner.remove(handler, path)?;
            Ok(Response::json(200, &json!({})))
        }
        method => Err(Failure::not_built(format!("{method} of artifacts is not answered here"))),
    }
}

impl Owner<'_> {
    fn files(&self, handler: &Handler) -> Result<Vec<ArtifactRecord>, Failure> {
        Ok(match self {
            Owner::Run(run) => handler.tracking.artifacts(run)?,
            Owner::Logged(id) => handler.store().logged_files(id)?,
            Owner::Trace(id) => handler.store().trace_files(id)?,
            Owner::Trained(model, version) => handler.store().version_files(model, *version)?,
        })
    }

    fn file(&self, handler: &Handler, path: &str) -> Result<Option<PathBuf>, Failure> {
        Ok(match self {
            Owner::Run(run) => Some(handler.tracking.artifact(run, path)?),
            Owner::Logged(id) => handler.store().logged_file(id, path)?,
            Owner::Trace(id) => handler.store().trace_file(id, path)?,
            Owner::Trained(model, version) => handler.store().version_file(model, *version, path)?,
        })
    }

    fn put(&self, handler: &Handler, path: &str, body: &mut Body<'_>) -> Result<(), Failure> {
        match self {
            Owner::Run(run) => handler.tracking.put_artifact(run, &NewArtifact { path, kind: "file", step: None }, body)?,
            Owner::Logged(id) => handler.store().put_logged_file(&logged_models::find(handler, id)?.id, path, body)?,
            Owner::Trace(id) => traces::put_file(handler, id, path, body)?,
            Owner::Trained(..) => return Err(Failure::invalid("what was trained here is not written to")),
        }
        Ok(())
    }

    /// A file, or all below a directory. That there is none is well: it is asked for again when an answer was lost.
    fn remove(&self, handler: &Handler, path: &str) -> Result<(), Failure> {
        match self {
            Owner::Run(run) => handler.store().remove_artifacts(&runs::record(handler, run)?.run, path)?,
            Owner::Logged(id) => handler.store().remove_logged_files(&logged_models::find(handler, id)?.id, path)?,
            Owner::Trace(_) => return Err(Failure::invalid("files of a trace go with the trace: delete that")),
            Owner::Trained(..) => return Err(Failure::invalid("what was trained here goes with its version: delete that")),
        };
        Ok(())
    }
}

/// The files directly below a path of a run, directories among them.
pub fn list(handler: &Handler, call: &Call) -> Answer {
    let record = runs::looked_at(handler, runs::id(call)?)?;
    let run = record.run.as_str();
    let root = format!("mlflow-artifacts:/{}/{run}/artifacts", record.experiment);
    let files = listed(&handler.tracking.artifacts(run)?, call.maybe("path").unwrap_or_default(), true);
    Ok(json!({ "root_uri": root, "files": files }))
}

/// Names directly below a path, whole or from there.
pub fn listed(artifacts: &[ArtifactRecord], below: &str, whole: bool) -> Vec<Value> {
    let below = below.trim_matches('/');
    let start = if below.is_empty() { String::new() } else { format!("{below}/") };
    let mut found = BTreeMap::new();
    for artifact in artifacts {
        let Some(rest) = artifact.path.strip_prefix(&start) else { continue };
        match rest.split_once('/') {
            Some((directory, _)) => drop(found.insert(directory.to_owned(), None)),
            None => drop(found.insert(rest.to_owned(), Some(artifact.bytes))),
        }
    }
    let before = if whole { start.as_str() } else { "" };
    let shown = |(name, bytes): (String, Option<u64>)| match bytes {
        Some(bytes) => json!({ "path": format!("{before}{name}"), "is_dir": false, "file_size": bytes }),
        None => json!({ "path": format!("{before}{name}"), "is_dir": true }),
    };
    found.into_iter().map(shown).collect()
}

/// What kind of model is at a source, by the file that says so: `mlflow.sklearn`; `mlflow` if it does not.
pub fn flavor(handler: &Handler, source: &str, logged: Option<&str>) -> String {
    let file = match logged {
        Some(id) => handler.store().logged_file(id, MLMODEL).ok().flatten(),
        None => source.strip_prefix("mlflow-artifacts:/").and_then(|path| {
            let (owner, path) = split(path).ok()?;
            owner.file(handler, format!("{path}/{MLMODEL}").trim_start_matches('/')).ok().flatten()
        }),
    };
    let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    flavor_in(&text).map_or_else(|| "mlflow".to_owned(), |flavor| format!("mlflow.{flavor}"))
}

/// The first flavour that is not the one all have: a key of two spaces below `flavors:`.
fn flavor_in(text: &str) -> Option<&str> {
    let below = text.lines().skip_while(|line| *line != "flavors:").skip(1).take_while(|line| line.starts_with(' '));
    let keys = below.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|key| !key.starts_with(' '));
    let mut named = keys.filter(|key| *key != "python_function");
    named.next()
}

/// Whose artifact a path names, and under which name.
fn split(path: &str) -> Result<(Owner<'_>, &str), Failure> {
    let trimmed = path.trim_matches('/');
    let mut parts = trimmed.splitn(5, '/');
    let parts = [(); 5].map(|()| parts.next());
    match parts {
        [Some(REGISTRY), Some(model), Some(version), path, None] if version.parse::<u64>().is_ok() => {
            Ok((Owner::Trained(model, version.parse().unwrap_or_default()), path.unwrap_or_default()))
        }
        [Some(_), Some("models"), Some(id), Some("artifacts"), path] => Ok((Owner::Logged(id), path.unwrap_or_default())),
        [Some(_), Some("traces"), Some(id), Some("artifacts"), path] => Ok((Owner::Trace(id), path.unwrap_or_default())),
        [Some(_), Some(run), Some("artifacts"), ..] => Ok((Owner::Run(run), trimmed.splitn(4, '/').nth(3).unwrap_or_default())),
        _ => Err(Failure::invalid(format!("`{path}` is no artifact: expected EXPERIMENT/RUN/artifacts/PATH"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(proxied("/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a/b"), Some("0/r/artifacts/a/b"));
        assert_eq!(proxied("/api/2.0/mlflow-artifacts/artifactsx"), None);
        assert_eq!(split("0/run/artifacts/a/b/c.txt").unwrap(), (Owner::Run("run"), "a/b/c.txt"));
        assert_eq!(split("0/run/artifacts").unwrap(), (Owner::Run("run"), ""));
        assert_eq!(split("0/models/m-1/artifacts/a/b").unwrap(), (Owner::Logged("m-1"), "a/b"));
        assert_eq!(split("0/traces/tr-1/artifacts/traces.json").unwrap(), (Owner::Trace("tr-1"), "traces.json"));
        assert_eq!(split("registry/fare/3/model.json").unwrap(), (Owner::Trained("fare", 3), "model.json"));
        let trained = gradframe::Store::place_of_trained("fare", 3);
        assert_eq!(split(trained.strip_prefix("mlflow-artifacts:/").unwrap()).unwrap(), (Owner::Trained("fare", 3), ""));
        for wrong in ["", "0", "0/run", "0/run/other/x", "../../etc/passwd", "registry/fare/x/y"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flavours_are_found() {
        let text = "artifact_path: model\nflavors:\n  python_function:\n    env:\n      conda: conda.yaml\n  sklearn:\n    code: null\nuuid: x\n";
        assert_eq!(flavor_in(text), Some("sklearn"));
        assert_eq!(flavor_in("flavors:\n  python_function:\n    env: x\nother:\n"), None);
        assert_eq!(flavor_in(""), None);
    }
}
