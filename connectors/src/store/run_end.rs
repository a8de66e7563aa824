//! How and when a run ended, written into the store with its points.

use gradframe_ml_core::Result;
use gradframe_plan::services::RunOutcome;
use serde_json::{Value, json};

use super::now_us;
use super::points::fold::{Folded, fold_run};
use super::points::segments::Segments;
use super::sql::{Transaction, params};

/// How and when a run ended.
#[derive(Debug)]
pub(super) struct RunEnd {
    pub run: String,
    status: String,
    error: Option<String>,
    ended_us: i64,
    /// Of whom the run is that it ends: written later, it may have gone on elsewhere. None ends it whosever it is.
    process: Option<String>,
    /// Nobody knows when: it is the time of what it has logged last.
    is_abandoned: bool,
}

impl RunEnd {
    pub(super) fn now(run: &str, outcome: RunOutcome) -> Self {
        let (status, error) = match outcome {
            RunOutcome::Finished => ("finished", None),
            RunOutcome::Failed(why) => ("failed", Some(kept_everywhere(&why))),
            RunOutcome::Cancelled => ("cancelled", None),
        };
        RunEnd { run: run.to_owned(), status: status.to_owned(), error, ended_us: now_us(), process: None, is_abandoned: false }
    }

    /// The same, of a run as long as it is this process's.
    pub(super) fn of(self, process: String) -> Self {
        RunEnd { process: Some(process), ..self }
    }

    /// Whether it may end the run of this process.
    pub(super) fn is_of(&self, process: &str) -> bool {
        self.process.as_deref().is_none_or(|own| own == process)
    }

    /// True of a run that ended well, which nothing goes on from.
    pub(super) fn is_finished(&self) -> bool {
        self.status == "finished"
    }

    /// As a file says it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let said = json!({ "status": self.status, "error": self.error, "ended_us": self.ended_us, "process": self.process });
        said.to_string().into_bytes()
    }

    /// None of what is no such file, or is not whole.
    pub(super) fn decode(run: &str, bytes: &[u8]) -> Option<Self> {
        let said: Value = serde_json::from_slice(bytes).ok()?;
        Some(RunEnd {
            run: run.to_owned(),
            status: said["status"].as_str()?.to_owned(),
            // Builds before this one wrote it down as it came.
            error: said["error"].as_str().map(kept_everywhere),
            ended_us: said["ended_us"].as_i64()?,
            process: said["process"].as_str().map(str::to_owned),
            is_abandoned: false,
        })
    }

    /// Of a run whose process is no more.
    pub(super) fn abandoned(run: String) -> Self {
        let end = RunEnd::now(&run, RunOutcome::Failed("the process ended before the run did".into()));
        RunEnd { is_abandoned: true, ..end }
    }

    /// Ends the run and folds its points; false if there is none of its name. One that another client has ended keeps that end. A clock that was
    /// set back does not end it before its start.
    pub(super) fn record(&self, transaction: &Transaction, segments: &Segments) -> Result<(bool, Folded)> {
        let sql = "UPDATE runs SET status = ?2, error = ?3, ended = CASE WHEN started > ?4 THEN started ELSE ?4 END
                   WHERE run = ?1 AND status = 'running' AND (CAST(?5 AS TEXT) IS NULL OR process = ?5)";
        let changed = transaction.execute(sql, params![self.run, self.status, self.error, self.ended_us, self.process])?;
        let folded = fold_run(transaction, segments, &self.run)?;
        if changed > 0 && self.is_abandoned {
            self.date_back(transaction)?;
        }
        let is_there =
            changed > 0 || transaction.value("SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)", params![self.run])?;
        Ok((is_there, folded))
    }

    /// To the last that is known of the run: whoever finds it may come days later.
    fn date_back(&self, transaction: &Transaction) -> Result<()> {
        let last =
            "SELECT max(at) FROM (SELECT started AS at FROM runs WHERE run = ?1 UNION ALL SELECT time FROM latest WHERE run = ?1
                    UNION ALL SELECT created FROM artifacts WHERE run = ?1) AS signs";
        let last = transaction.first(last, params![self.run], |row| row.get::<Option<i64>>(0))?.flatten();
        // A time that a program has said itself may be any.
        let ended = last.unwrap_or(self.ended_us).min(self.ended_us);
        let sql = "UPDATE runs SET ended = CASE WHEN started > ?2 THEN started ELSE ?2 END WHERE run = ?1";
        transaction.execute(sql, params![self.run, ended]).map(|_| ())
    }
}

/// The text of an error with its NULs written as `\0`: PostgreSQL keeps none, and how a run ended is not to be lost for what was in
/// its message.
fn kept_everywhere(error: &str) -> String {
    error.replace('\0', "\\0")
}
