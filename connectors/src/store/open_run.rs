//! A run that goes on: what its process writes of it.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::services::{BatchOrder, MetricPoint, MetricRow, NewArtifact, NewDataset, RunOutcome, RunWriter};

use serde_json::{Value, json};

use super::artifacts::objects::Objects;
use super::artifacts::{check_path, rows};
use super::checkpoints::Checkpoints;
use super::database::Database;
use super::ends::Ends;
use super::points::appender::Appender;
use super::points::fold::{Folded, fold_run, fold_segment};
use super::points::segments::{Segments, gone};
use super::sql::{Transaction, params};
use super::{datasets, now_us, run_rows};

/// No process has this number.
const NOBODY: u32 = 0;

/// An open run, and where it is written.
#[derive(Debug)]
pub(super) struct OpenRun {
    id: String,
    place: RunPlace,
    points: Appender,
    ended: AtomicBool,
    /// A forked child has a copy of this, and is not to end its parent's run when that is dropped.
    process_id: u32,
}

/// Where runs are written.
#[derive(Debug, Clone)]
pub(super) struct RunPlace {
    pub database: Arc<Database>,
    pub segments: Arc<Segments>,
    pub checkpoints: Arc<Checkpoints>,
    pub objects: Arc<Objects>,
    pub ends: Arc<Ends>,
}

impl OpenRun {
    /// The writer of a run of this process.
    pub(super) fn owned(id: String, place: RunPlace) -> Self {
        let points = Appender::new(id.clone(), Arc::clone(&place.segments));
        OpenRun { id, place, points, ended: AtomicBool::new(false), process_id: std::process::id() }
    }

    /// The writer of a run that belongs to no process: dropping it ends nothing.
    pub(super) fn detached(id: String, place: RunPlace) -> Self {
        let points = Appender::one_of_many(id.clone(), Arc::clone(&place.segments));
        OpenRun { id, place, points, ended: AtomicBool::new(false), process_id: NOBODY }
    }

    fn append<'a>(&self, rows: impl Iterator<Item = MetricRow<'a>> + Clone) -> Result<()> {
        self.is_open()?;
        if let Some(full) = self.points.append(rows)? {
            self.place.fold_aside(full, self.id.clone());
        }
        Ok(())
    }

    fn is_open(&self) -> Result<()> {
        if self.ended.load(Ordering::Acquire) {
            return Err(Error::plan("run", format!("`{}` has ended and takes no more", self.id)));
        }
        Ok(())
    }
}

impl RunPlace {
    /// Folds a full segment while its run goes on. What fails is done when the run ends: its points are there meanwhile.
    fn fold_aside(&self, segment: String, run: String) {
        let place = self.clone();
        std::thread::spawn(move || {
            let fold = |transaction: &Transaction| fold_segment(transaction, &place.segments, &segment, &run);
            match place.database.write(fold) {
                Ok(folded) => folded.remove_from(&place.segments),
                Err(error) => tracing::debug!(%error, segment, "a segment is folded later"),
            }
        });
    }
}

impl RunWriter for OpenRun {
    fn id(&self) -> &str {
        &self.id
    }

    fn log(&self, points: &[MetricPoint]) -> Result<()> {
        if points.is_empty() {
            return self.is_open();
        }
        let values: Vec<(&str, f64)> = points.iter().map(|point| (point.name.as_str(), point.value)).collect();
        let row = |(point, value): (&MetricPoint, _)| MetricRow {
            step: point.step,
            epoch: Some(point.epoch),
            time_us: None,
            values: std::slice::from_ref(value),
        };
        self.append(points.iter().zip(&values).map(row))
    }

    fn log_rows(&self, rows: &[MetricRow<'_>]) -> Result<()> {
        if rows.is_empty() { self.is_open() } else { self.append(rows.iter().copied()) }
    }

    fn set_params(&self, params: &[(String, String)]) -> Result<()> {
        self.is_open()?;
        self.place.database.write(|transaction| run_rows::add_params(transaction, &self.id, params))
    }

    fn set_tags(&self, tags: &[(String, String)]) -> Result<()> {
        self.is_open()?;
        self.place.database.write(|transaction| run_rows::set_tags(transaction, &self.id, tags))
    }

    fn add_artifact(&self, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        self.is_open()?;
        check_path(artifact.path)?;
        let RunPlace { database, objects, .. } = &self.place;
        let staged = objects.stage(content, &database.owner())?;
        database.write(|transaction| {
            staged.publish(transaction)?;
            rows::insert(transaction, &self.id, artifact, &staged)
        })
    }

    fn add_dataset(&self, dataset: &NewDataset) -> Result<()> {
        self.is_open()?;
        self.place.database.write(|transaction| datasets::insert(transaction, &self.id, dataset))
    }

    fn set_batches(&self, batches: &BatchOrder) -> Result<()> {
        self.is_open()?;
        self.place.database.write(|transaction| datasets::set_batches(transaction, &self.id, batches))
    }

    fn flush(&self) -> Result<()> {
        self.points.sync()?;
        self.place.segments.send();
        Ok(())
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.place.checkpoints.save(&self.id, checkpoint)
    }

    fn finish(&self, outcome: RunOutcome) -> Result<()> {
        if self.ended.swap(true, Ordering::AcqRel) {
            return Err(Error::plan("run", format!("`{}` has ended already", self.id)));
        }
        self.points.close();
        let finished = outcome == RunOutcome::Finished;
        let end = RunEnd::now(&self.id, outcome);
        let handed_over = if finished { Ok(()) } else { self.place.checkpoints.hand_over(&self.id) };
        let recorded =
            handed_over.and_then(|()| self.place.database.write(|transaction| end.record(transaction, &self.place.segments)));
        match recorded {
            Ok((changed, folded)) => {
                folded.remove_from(&self.place.segments);
                if finished {
                    self.place.checkpoints.remove(&self.id);
                }
                if changed { Ok(()) } else { Err(gone(&self.id)) }
            }
            Err(error) => {
                // A full disk may have room again when somebody asks for the run, and a server be back.
                self.place.ends.push(end);
                Err(error)
            }
        }
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        if *self.ended.get_mut() || self.process_id != std::process::id() {
            return;
        }
        if let Err(error) = self.finish(RunOutcome::Failed("the run was dropped before it ended".into())) {
            tracing::warn!(%error, run = self.id, "cannot mark a dropped run as failed");
        }
    }
}

/// How and when a run ended.
#[derive(Debug)]
pub(super) struct RunEnd {
    pub run: String,
    status: String,
    error: Option<String>,
    ended_us: i64,
    /// Nobody knows when: it is the time of what it has logged last.
    is_abandoned: bool,
}

impl RunEnd {
    fn now(run: &str, outcome: RunOutcome) -> Self {
        let (status, error) = match outcome {
            RunOutcome::Finished => ("finished", None),
            RunOutcome::Failed(why) => ("failed", Some(why)),
            RunOutcome::Cancelled => ("cancelled", None),
        };
        RunEnd { run: run.to_owned(), status: status.to_owned(), error, ended_us: now_us(), is_abandoned: false }
    }

    /// As a file says it.
    pub(super) fn encode(&self) -> Vec<u8> {
        json!({ "status": self.status, "error": self.error, "ended_us": self.ended_us }).to_string().into_bytes()
    }

    /// None of what is no such file, or is not whole.
    pub(super) fn decode(run: &str, bytes: &[u8]) -> Option<Self> {
        let said: Value = serde_json::from_slice(bytes).ok()?;
        Some(RunEnd {
            run: run.to_owned(),
            status: said["status"].as_str()?.to_owned(),
            error: said["error"].as_str().map(str::to_owned),
            ended_us: said["ended_us"].as_i64()?,
            is_abandoned: false,
        })
    }

    /// Of a run whose process is no more.
    pub(super) fn abandoned(run: String) -> Self {
        let end = RunEnd::now(&run, RunOutcome::Failed("the process ended before the run did".into()));
        RunEnd { is_abandoned: true, ..end }
    }

    /// Ends the run and folds its points; false if it did not run. A clock that was set back does not end it before its start.
    pub(super) fn record(&self, transaction: &Transaction, segments: &Segments) -> Result<(bool, Folded)> {
        let sql = "UPDATE runs SET status = ?2, error = ?3, ended = CASE WHEN started > ?4 THEN started ELSE ?4 END
                   WHERE run = ?1 AND status = 'running'";
        let changed = transaction.execute(sql, params![self.run, self.status, self.error, self.ended_us])?;
        let folded = fold_run(transaction, segments, &self.run)?;
        if changed > 0 && self.is_abandoned {
            self.date_back(transaction)?;
        }
        Ok((changed > 0, folded))
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

#[cfg(test)]
mod tests {
    use gradframe_plan::services::NewRun;

    use super::super::Store;
    use super::*;

    #[test]
    fn a_forked_child_does_not_keep_points_of_an_ended_run_in_their_segment() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path().into()).unwrap();
        let run = OpenRun::owned(store.create_run(0, &NewRun::default(), None).unwrap(), store.run_place());
        run.log_rows(&[MetricRow { step: 0, epoch: None, time_us: None, values: &[("loss", 0.5)] }]).unwrap();
        // What a child has that was forked now.
        let copied = run.points.copy_of_file().unwrap();
        run.finish(RunOutcome::Finished).unwrap();
        assert_eq!(store.segments.names(), []);
        drop(copied);
    }
}
