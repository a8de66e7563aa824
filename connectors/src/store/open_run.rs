//! A run that goes on: what its process writes of it.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::Checkpoint;
use gradframe_plan::services::{BatchOrder, MetricPoint, MetricRow, NewArtifact, NewDataset, RunOutcome, RunWriter};

use super::artifacts::objects::Staged;
use super::artifacts::{check_path, rows};
use super::database::Patience;
use super::now_us;
use super::outbox::{Change, KeptArtifact, RunOutbox};
use super::points::appender::Appender;
use super::postgres::is_away;
use super::run_end::RunEnd;
use super::run_place::RunPlace;

/// No process has this number.
const NOBODY: u32 = 0;

/// An open run, and where it is written.
#[derive(Debug)]
pub(super) struct OpenRun {
    id: String,
    place: RunPlace,
    points: Appender,
    ended: AtomicBool,
    /// Where a run of this process keeps what it says while its store is away, if that can be.
    outbox: Option<RunOutbox>,
    /// A forked child has a copy of this, and is not to end its parent's run when that is dropped.
    process_id: u32,
}

impl OpenRun {
    /// The writer of a run of this process.
    pub(super) fn owned(id: String, place: RunPlace, outbox: Option<RunOutbox>) -> Self {
        let points = Appender::new(id.clone(), Arc::clone(&place.segments));
        OpenRun { id, place, points, ended: AtomicBool::new(false), outbox, process_id: std::process::id() }
    }

    /// The writer of a run that belongs to no process: dropping it ends nothing, and its clients are told when the store is away.
    pub(super) fn detached(id: String, place: RunPlace) -> Self {
        let points = Appender::one_of_many(id.clone(), Arc::clone(&place.segments));
        OpenRun { id, place, points, ended: AtomicBool::new(false), outbox: None, process_id: NOBODY }
    }

    fn append<'a>(&self, rows: impl Iterator<Item = MetricRow<'a>> + Clone) -> Result<()> {
        self.is_open()?;
        if let Some(full) = self.points.append(rows)? {
            self.place.fold_aside(full, self.id.clone());
        }
        Ok(())
    }

    /// Tells the store something, or keeps it on this machine while that is away.
    fn change(&self, change: &Change) -> Result<()> {
        self.is_open()?;
        let write = |patience| self.place.write(&self.id, patience, |transaction| change.apply(transaction, &self.id));
        let Some(outbox) = &self.outbox else { return write(Patience::Full) };
        if outbox.keep_behind(change)? {
            return Ok(());
        }
        match write(Patience::Brief) {
            Err(error) if is_away(&error) => outbox.keep(change, &error),
            written => written.map(|()| outbox.learn(change)),
        }
    }

    /// Tells the store of an artifact whose content is on this machine.
    fn write_artifact(&self, artifact: &NewArtifact<'_>, staged: &Staged, patience: Patience) -> Result<()> {
        self.place.objects.send(staged, patience)?;
        self.place.write(&self.id, patience, |transaction| {
            staged.publish(transaction)?;
            rows::insert(transaction, &self.id, artifact, staged.content(), now_us())
        })
    }

    /// The same, unless the store is away, or something waits for it already: then it is kept.
    fn write_or_keep(&self, artifact: &NewArtifact<'_>, staged: &Staged, outbox: &RunOutbox) -> Result<()> {
        let mut why = Error::external("store", "it was away");
        if !outbox.is_waiting() {
            match self.write_artifact(artifact, staged, Patience::Brief) {
                Err(error) if is_away(&error) => why = error,
                written => return written,
            }
        }
        let _held = outbox.hold_contents()?;
        staged.take_place()?;
        outbox.keep(&Change::Artifact(KeptArtifact::new(artifact, staged.content())), &why)
    }

    /// Writes how the run has ended behind all that waits. Errors: what keeps it from being written now.
    fn end_now(&self, end: &RunEnd) -> Result<()> {
        let Some(outbox) = &self.outbox else { return self.place.record_end(end, Patience::Full) };
        outbox.send()?;
        self.place.record_end(end, Patience::Brief)
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
        let RunPlace { database, objects, .. } = &self.place;
        let staged = objects.stage_for_later(content, &database.owner())?;
        match &self.outbox {
            Some(outbox) => self.write_or_keep(artifact, &staged, outbox),
            None => self.write_artifact(artifact, &staged, Patience::Full),
        }
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
        let end = RunEnd::now(&self.id, outcome);
        let Err(error) = self.end_now(&end) else { return Ok(()) };
        // A full disk may have room again when somebody asks for the run, and a server be back.
        self.end_later(end);
        match &self.outbox {
            Some(outbox) if outbox.is_waiting() || is_away(&error) => {
                tracing::debug!(%error, run = self.id, "the end of a run is sent later");
                outbox.ended();
                Ok(())
            }
            _ => Err(error),
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
        let run = OpenRun::owned(store.create_run(0, &NewRun::default(), None).unwrap(), store.run_place(), None);
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
        let run = OpenRun::owned(store.create_run(0, &NewRun::default(), None).unwrap(), store.run_place(), None);
        run.log_rows(&[MetricRow { step: 0, epoch: None, time_us: None, values: &[("loss", 0.5)] }]).unwrap();
        // What a child has that was forked now.
        let copied = run.points.copy_of_file().unwrap();
        run.finish(RunOutcome::Finished).unwrap();
        assert_eq!(store.segments.names(), []);
        drop(copied);
    }
}
