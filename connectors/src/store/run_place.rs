//! Where runs are written, and what is written there of any of them.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result};

use super::artifacts::objects::Objects;
use super::checkpoints::Checkpoints;
use super::database::{Database, Patience};
use super::ends::Ends;
use super::points::fold::fold_segment;
use super::points::segments::{Segments, gone};
use super::postgres::is_away;
use super::run_end::RunEnd;
use super::runs::record;
use super::sql::{Transaction, params};

/// Where runs are written.
#[derive(Debug, Clone)]
pub(super) struct RunPlace {
    pub database: Arc<Database>,
    pub segments: Arc<Segments>,
    pub checkpoints: Arc<Checkpoints>,
    pub objects: Arc<Objects>,
    pub ends: Arc<Ends>,
}

impl RunPlace {
    /// Writes what a run says. Errors: `External` for a run that is not in the store any more, or whose store is not there: it is not made again.
    pub fn write<T>(&self, run: &str, patience: Patience, mut write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        if self.database.is_missing() {
            return Err(gone(run));
        }
        self.database.write_with(patience, |transaction| {
            let known = "SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1)";
            if transaction.value(known, params![run])? { write(transaction) } else { Err(gone(run)) }
        })
    }

    /// Folds a full segment while its run goes on. What fails is done when the run ends: its points are there meanwhile.
    pub fn fold_aside(&self, segment: String, run: String) {
        let place = self.clone();
        std::thread::spawn(move || {
            let fold = |transaction: &Transaction| fold_segment(transaction, &place.segments, &segment, &run);
            match place.database.write_with(Patience::Brief, fold) {
                Ok(folded) => folded.remove_from(&place.segments),
                Err(error) => tracing::debug!(%error, segment, "a segment is folded later"),
            }
        });
    }

    /// Writes how and when a run ended, with its points. Errors: as [`RunPlace::write`].
    pub fn record_end(&self, end: &RunEnd, patience: Patience) -> Result<()> {
        if self.database.is_missing() {
            return Err(gone(&end.run));
        }
        if !end.is_finished() {
            self.checkpoints.hand_over(&end.run)?;
        }
        let (is_there, folded) = self.database.write_with(patience, |transaction| end.record(transaction, &self.segments))?;
        folded.remove_from(&self.segments);
        if end.is_finished() {
            self.checkpoints.remove(&end.run);
        }
        if is_there { Ok(()) } else { Err(gone(&end.run)) }
    }

    /// Whether ends wait of runs that the store knows.
    pub fn has_ends(&self) -> bool {
        self.ends.wait(|run| !self.segments.awaits(run))
    }

    /// Writes ends of runs that could not be written when they came.
    pub fn record_ends(&self) {
        let is_known = |run: &str| !self.segments.awaits(run);
        let settled = self.ends.settle(is_known, |ends| {
            let mut interrupted = ends.iter().filter(|end| !end.is_finished());
            interrupted.try_for_each(|end| self.checkpoints.hand_over(&end.run))?;
            let folded =
                self.database.write_with(Patience::Brief, |transaction| record(transaction, &self.segments, ends.iter()))?;
            folded.remove_from(&self.segments);
            ends.iter().filter(|end| end.is_finished()).for_each(|end| self.checkpoints.remove(&end.run));
            Ok::<_, Error>(())
        });
        match settled {
            Err(error) if is_away(&error) => tracing::debug!(%error, "how runs have ended is recorded later"),
            Err(error) => tracing::warn!(%error, "cannot record how runs have ended"),
            Ok(()) => {}
        }
    }
}
