//! What a run says of itself beside its points, as it is written down and told to the store.

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::{BatchOrder, NewArtifact, NewDataset, NewRun};
use serde::{Deserialize, Serialize};

use super::super::artifacts::rows::{self, Files};
use super::super::server_objects;
use super::super::sql::{Transaction, params};
use super::super::{datasets, now_us, run_rows};
use super::journal::check_text;

/// One thing that a run says. What is told twice is as if it were told once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) enum Change {
    Begin {
        run: Box<NewRun>,
        /// The process that it belongs to.
        owner: String,
        started_us: i64,
    },
    Params(Vec<(String, String)>),
    Tags(Vec<(String, String)>),
    Artifact(KeptArtifact),
    Dataset(NewDataset),
    Batches(BatchOrder),
}

/// An artifact whose content is on this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct KeptArtifact {
    pub path: String,
    pub kind: String,
    pub step: Option<i64>,
    pub bytes: u64,
    /// SHA-256 of the content.
    pub hash: String,
    pub created_us: i64,
}

impl Change {
    /// As JSON. Errors: `Plan` for a text that the store does not take.
    pub(super) fn encode(&self) -> Result<String> {
        let json = serde_json::to_string(self)
            .map_err(|error| Error::internal("run", format!("it cannot be written down: {error}")).because(error))?;
        check_text(&json).map(|()| json)
    }

    /// None of what a build does not know.
    pub(super) fn decode(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn artifact(&self) -> Option<&KeptArtifact> {
        if let Change::Artifact(artifact) = self { Some(artifact) } else { None }
    }

    /// Writes it into the store.
    pub fn apply(&self, transaction: &Transaction<'_>, run: &str) -> Result<()> {
        match self {
            Change::Begin { run: new, owner, started_us } => begin(transaction, run, new, owner, *started_us),
            Change::Params(params) => run_rows::add_params(transaction, run, params),
            Change::Tags(tags) => run_rows::set_tags(transaction, run, tags),
            Change::Artifact(artifact) => artifact.apply(transaction, run),
            Change::Dataset(dataset) => datasets::insert(transaction, run, dataset),
            Change::Batches(batches) => datasets::set_batches(transaction, run, batches),
        }
    }

    /// The same where the run may have artifacts that were not looked at when this was said. Errors: `Plan` for one with which a file would
    /// be a directory, before anything is written.
    pub(super) fn apply_if_free(&self, transaction: &Transaction<'_>, run: &str) -> Result<()> {
        if let Some(artifact) = self.artifact() {
            Files::Runs.check_free(transaction, run, &artifact.path)?;
        }
        self.apply(transaction, run)
    }
}

impl KeptArtifact {
    /// One that is logged now, with length and hash of its content.
    pub fn new(artifact: &NewArtifact<'_>, (bytes, hash): (u64, &str)) -> Self {
        let NewArtifact { path, kind, step } = *artifact;
        KeptArtifact { path: path.into(), kind: kind.into(), step, bytes, hash: hash.into(), created_us: now_us() }
    }

    fn apply(&self, transaction: &Transaction<'_>, run: &str) -> Result<()> {
        if transaction.is_shared() {
            server_objects::publish(transaction, &self.hash, self.bytes)?;
        }
        let artifact = NewArtifact { path: &self.path, kind: &self.kind, step: self.step };
        rows::insert_checked(transaction, run, &artifact, (self.bytes, &self.hash), self.created_us)
    }
}

/// The run may be there: where nobody heard how the transaction ended that was to begin it.
fn begin(transaction: &Transaction<'_>, id: &str, run: &NewRun, owner: &str, started_us: i64) -> Result<()> {
    let of = "SELECT process FROM runs WHERE run = ?1";
    match transaction.first(of, params![id], |row| row.get::<String>(0))? {
        Some(other) if other != owner => {
            let what = format!("a run of another process is called {id} too");
            return Err(Error::external("run", what));
        }
        Some(_) => return Ok(()),
        None => run_rows::insert_run(transaction, id, run, owner)?,
    }
    transaction.execute("UPDATE runs SET started = ?2 WHERE run = ?1", params![id, started_us]).map(|_| ())
}
