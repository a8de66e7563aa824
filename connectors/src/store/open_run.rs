//! A run that goes on: what its process writes of it.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::services::{BatchOrder, MetricPoint, MetricRow, NewArtifact, NewDataset, RunOutcome, RunWriter};

use super::artifacts::check_path;
use super::artifacts::objects::Objects;
use super::artifacts::rows::{self, Files};
use super::checkpoints::Checkpoints;
use super::database::Database;
use super::ends::Ends;
use super::now_us;
use super::outbox::{Change, Journal, KeptArtifact, Outbox};
use super::points::appender::Appender;
use super::points::fold::fold_segment;
use super::points::segments::{Segments, gone};
use super::run_end::RunEnd;
use super::sql::{Transaction, params};

/// No process has this number.
const NOBODY: u32 = 0;

/// An open run, and where it is written.
#[derive(Debug)]
pub(super) struct OpenRun {
    id: String,
    place: RunPlace,
    points: Appender,
    ended: AtomicBool,
    /// Of a run that has begun while its store was away.
    begun: Option<(Arc<Outbox>, Arc<Journal>)>,
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
        OpenRun { id, place, points, ended: AtomicBool::new(false), begun: None, process_id: std::process::id() }
    }

    /// The writer of a run of this process that its store has yet to hear of.
    pub(super) fn begun_away(journal: Arc<Journal>, outbox: Arc<Outbox>, place: RunPlace) -> Self {
        let mut run = Self::owned(journal.run().to_owned(), place);
        run.begun = Some((outbox, journal));
        run
    }

    /// The writer of a run that belongs to no process: dropping it ends nothing.
    pub(super) fn detached(id: String, place: RunPlace) -> Self {
        let points = Appender::one_of_many(id.clone(), Arc::clone(&place.segments));
        OpenRun { id, place, points, ended: AtomicBool::new(false), begun: None, process_id: NOBODY }
    }

    fn append<'a>(&self, rows: impl Iterator<Item = MetricRow<'a>> + Clone) -> Result<()> {
        self.is_open()?;
        if let Some(full) = self.points.append(rows)? {
            self.place.fold_aside(full, self.id.clone());
        }
        Ok(())
    }

    /// Tells the store something; or keeps it for a store that has yet to hear of the run.
    fn change(&self, change: &Change) -> Result<()> {
        self.is_open()?;
        if let Some(journal) = self.waiting()
            && journal.keep(change)?
        {
            return Ok(());
        }
        self.place.write(&self.id, |transaction| change.apply(transaction, &self.id))
    }

    /// The journal of a run of which the store has not heard.
    fn waiting(&self) -> Option<&Journal> {
        self.begun.as_ref().map(|(_, journal)| journal.as_ref()).filter(|journal| journal.is_waiting())
    }

    /// Keeps an artifact for a store that has yet to hear of the run.
    fn keep_artifact(&self, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        let RunPlace { database, objects, .. } = &self.place;
        let staged = objects.stage_for_later(content, &database.owner())?;
        let _held = self.begun.as_ref().and_then(|(outbox, _)| outbox.hold_contents());
        staged.take_place()?;
        let change = Change::Artifact(KeptArtifact::new(artifact, staged.content()));
        if let Some(journal) = self.waiting()
            && journal.keep(&change)?
        {
            return Ok(());
        }
        // The store has come back meanwhile.
        objects.send_again(&staged.hash, staged.bytes)?;
        database.write(|transaction| {
            Files::Runs.check_free(transaction, &self.id, artifact.path)?;
            change.apply(transaction, &self.id)
        })
    }

    /// Keeps the end of a run of which the store has not heard; gives it back if the store hears of the run now.
    fn keep_end(&self, end: RunEnd) -> Option<RunEnd> {
        let waiting = self.begun.as_ref().filter(|(_, journal)| journal.is_waiting());
        let Some((outbox, journal)) = waiting else { return Some(end) };
        let Err(error) = outbox.send(journal) else { return Some(end) };
        tracing::debug!(%error, run = self.id, "the end of a run is sent later");
        self.end_later(end);
        if !journal.is_waiting() {
            // Sent just now, by the thread, which has not seen the end.
            self.place.record_ends();
            return None;
        }
        outbox.tell_of_end(journal);
        None
    }

    /// Keeps an end until it can be written.
    fn end_later(&self, end: RunEnd) {
        let is_owned = self.process_id != NOBODY;
        self.place.ends.push(if is_owned { end.of(self.place.database.owner()) } else { end });
    }

    fn is_open(&self) -> Result<()> {
        if self.ended.load(Ordering::Acquire) {
            return Err(Error::plan("run", format!("`{}` has ended and takes no more", self.id)));
        }
        Ok(())
    }
}

impl RunPlace {
    /// Writes what a run says. Errors: `External` for a run that is not in the store any more, or whose store is not there: it is not made again.
    fn write<T>(&self, run: &str, mut write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        if self.database.is_missing() {
            return Err(gone(run));
        }
        self.database.write(|transaction| {
            let known = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)";
            if transaction.value(known, params![run])? { write(transaction) } else { Err(gone(run)) }
        })
    }

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
        self.change(&Change::Params(params.to_vec()))
    }

    fn set_tags(&self, tags: &[(String, String)]) -> Result<()> {
        self.change(&Change::Tags(tags.to_vec()))
    }

    fn add_artifact(&self, artifact: &NewArtifact<'_>, content: &mut dyn Read) -> Result<()> {
        self.is_open()?;
        check_path(artifact.path)?;
        if self.waiting().is_some() {
            return self.keep_artifact(artifact, content);
        }
        let RunPlace { database, objects, .. } = &self.place;
        let staged = objects.stage(content, &database.owner())?;
        self.place.write(&self.id, |transaction| {
            staged.publish(transaction)?;
            rows::insert(transaction, &self.id, artifact, staged.content(), now_us())
        })
    }

    fn add_dataset(&self, dataset: &NewDataset) -> Result<()> {
        self.change(&Change::Dataset(dataset.clone()))
    }

    fn set_batches(&self, batches: &BatchOrder) -> Result<()> {
        self.change(&Change::Batches(*batches))
    }

    fn flush(&self) -> Result<()> {
        self.points.sync()?;
        self.place.segments.send_soon();
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
        let Some(end) = self.keep_end(RunEnd::now(&self.id, outcome)) else { return Ok(()) };
        if self.place.database.is_missing() {
            return Err(gone(&self.id));
        }
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
                self.end_later(end);
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

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, RecordBatch};
    use arrow::datatypes::Int64Type;
    use gradframe_plan::ops::run_log::{LogQuery, LogTable};
    use gradframe_plan::services::{NewRun, RunLog};

    use super::super::{RunChanges, Store};
    use super::*;

    #[test]
    fn a_run_goes_on_without_what_a_living_child_of_its_dead_process_holds_open() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path().into()).unwrap();
        let run = OpenRun::owned(store.create_run(0, &NewRun::default(), None).unwrap(), store.run_place());
        let log = |run: &dyn RunWriter, epochs: std::ops::Range<i64>| {
            epochs.for_each(|epoch| {
                let row = MetricRow { step: epoch, epoch: Some(epoch), time_us: Some(epoch), values: &[("loss", 0.5)] };
                run.log_rows(&[row]).unwrap();
            });
        };
        log(&run, 1..6);
        // As `kill -9` leaves it while a forked child lives: nothing is dropped, and the segment is locked still.
        let (id, child) = (run.id.clone(), run.points.copy_of_file().unwrap());
        std::mem::forget(run);
        let failed = RunChanges { status: Some("failed"), ..RunChanges::default() };
        store.change_run(&id, &failed).unwrap();
        assert_eq!(store.segments.names().len(), 1, "nobody knows yet that it is complete");

        let again = store.resume(&id, 3, 0).unwrap();
        log(again.as_ref(), 4..8);
        again.finish(RunOutcome::Finished).unwrap();
        drop(child);
        let steps = |store: &Store| {
            let rows = store.scan(LogTable::Metrics, &LogQuery::default()).unwrap();
            let steps = |rows: &RecordBatch| rows["step"].as_primitive::<Int64Type>().values().to_vec();
            rows.iter().flat_map(steps).collect::<Vec<_>>()
        };
        assert_eq!(steps(&store), (1..8).collect::<Vec<_>>());
        assert_eq!(steps(&Store::open(home.path().into()).unwrap()), (1..8).collect::<Vec<_>>());
    }

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
