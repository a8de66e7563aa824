//! Traces of an `mlflow.db`, taken in after its runs, and what is said of what stays behind.

use std::path::Path;

use gradframe_connectors::mlflow::{self, ForeignTrace, spans};
use gradframe_connectors::notices;
use gradframe_connectors::store::{Gathered, Sources, Store, Trace};
use gradframe_plan::services::NewArtifact;
use serde_json::{Value, json};

use crate::Result;
use crate::mlflow::NOTE_TAG;
use crate::mlflow_files::{Roots, gather, not_looked_at};
use crate::run::TIMES_US;

/// The file in which clients look for spans.
const SPANS: &str = "traces.json";
/// The tag that tells them where the files of a trace are.
const LOCATION: &str = "mlflow.artifactLocation";
/// The metadata of traces and of assessments that name runs.
const RUN: &str = "mlflow.sourceRun";
const RUN_OF_ASSESSMENT: &str = "mlflow.assessment.sourceRunId";

/// Takes in what is not here yet. Traces keep their names, and name runs as those are called here.
pub(crate) fn take_in(store: &Store, path: &Path, roots: &Roots, runs: &Sources) -> Result<()> {
    mlflow::each_trace(path, &mut |foreign| {
        if !store.has_trace(&foreign.trace.id)? {
            take_in_one(store, foreign, roots, runs)?;
        }
        Ok(())
    })
}

/// Says what an import does not take.
pub(crate) fn tell_what_is_left(path: &Path) -> Result<()> {
    let left = mlflow::left(path)?.into_iter().map(|(count, what)| format!("{count} {what}"));
    if let Some(left) = left.reduce(|all, next| format!("{all}, {next}")) {
        notices::tell(&format!(
            "{left} stay behind in `{}`: an import takes runs, models, the registry and, of a database, traces",
            path.display()
        ));
    }
    Ok(())
}

fn take_in_one(store: &Store, foreign: ForeignTrace, roots: &Roots, runs: &Sources) -> Result<()> {
    let ForeignTrace { trace, experiment, run, assessments, spans: of_database, files, elsewhere } = foreign;
    let mut gathered = store.gather();
    let left_out = files.as_ref().map(|place| gather(&mut gathered, place, roots)).transpose()?.flatten();
    let left = files.as_ref().and_then(|place| roots.left(place)).or(elsewhere.as_deref().map(not_looked_at));
    let file = spans_file(&mut gathered, of_database, files.as_deref().filter(|place| roots.left(place).is_none()))?;
    let spans = file.and_then(|file| spans::read(&file)).unwrap_or_default();
    let here = |run: &str| runs.get(run).unwrap_or(run).to_owned();
    let experiment = store.experiment_number(&experiment)?;
    let location = format!("mlflow-artifacts:/{experiment}/traces/{}/artifacts", trace.id);
    let mut tags = trace.tags;
    tags.push((LOCATION.to_owned(), location));
    tags.extend(crate::mlflow::note([left, left_out]).map(|(_, said)| (NOTE_TAG.to_owned(), said)));
    let metadata = trace.metadata.into_iter().map(|(name, value)| {
        let value = if name == RUN { here(&value) } else { value };
        (name, value)
    });
    let taken = Trace {
        experiment,
        run: here(&run),
        started_us: trace.started_us.clamp(*TIMES_US.start(), *TIMES_US.end()),
        tags,
        metadata: metadata.collect(),
        assessments: assessments.into_iter().map(|(id, body)| (id, with_run(body, &here).to_string())).collect(),
        ..trace
    };
    store.take_in_trace(&taken, &spans, &gathered).map(|_| ())
}

/// The file with the spans: that which was kept with the trace, or one that is made of what the database says.
fn spans_file(gathered: &mut Gathered, of_database: Vec<Value>, files: Option<&Path>) -> Result<Option<Vec<u8>>> {
    if let Some(kept) = files.and_then(|place| std::fs::read(place.join(SPANS)).ok()) {
        return Ok(Some(kept));
    }
    if of_database.is_empty() {
        return Ok(None);
    }
    let file = json!({ "spans": of_database }).to_string().into_bytes();
    gathered.add_file(&NewArtifact { path: SPANS, kind: "file", step: None }, &mut file.as_slice())?;
    Ok(Some(file))
}

/// The assessment with the name that its run has here.
fn with_run(mut body: Value, here: &impl Fn(&str) -> String) -> Value {
    if let Some(run) = body["metadata"][RUN_OF_ASSESSMENT].as_str().map(here) {
        body["metadata"][RUN_OF_ASSESSMENT] = run.into();
    }
    body
}
