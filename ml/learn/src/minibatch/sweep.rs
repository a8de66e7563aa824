//! A pass over the training rows whose state goes from batch to batch.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Backend, Program, Steps};

use super::{Batches, ChunkSource, Cut};
use crate::in_memory::add;

/// One pass over the training rows in mini-batches: an epoch.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// `(state.., dense, codes.., label[, weight]) -> (state.., sums..)`. The state keeps its types; the sums are f64
    /// and are added up over the batches. The first is of losses, the second of weights; one that is not finite ends the training.
    pub program: Arc<Program>,
    /// Where to start.
    pub from: Position,
    /// Rows of a batch, as [`Cut`] says of the last one.
    pub batch_rows: usize,
    /// The pass, from 1. With the key it decides the order of the rows.
    pub epoch: u64,
    /// The key of the order.
    pub key: u64,
    /// The first sum divided by the second, times this, is the mean loss.
    pub loss_unit: f64,
}

/// A place between two batches of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// Batches done.
    pub batch: u64,
    /// The state after them.
    pub state: Vec<Tensor>,
    /// Their sums; empty before the first.
    pub sums: Vec<Tensor>,
}

/// What a sweep says after a batch.
pub struct Reached<'a> {
    /// Batches done.
    pub batch: u64,
    /// Their sums.
    pub sums: &'a [Tensor],
    steps: &'a dyn Steps,
}

impl Reached<'_> {
    /// The place, with a copy of the state. Errors: those of copying it from where it is.
    pub fn position(&self) -> Result<Position> {
        Ok(Position { batch: self.batch, state: self.steps.state()?, sums: self.sums.to_vec() })
    }
}

impl Sweep {
    /// Runs all batches from `from` on; `after` hears of the place reached after each and may stop the sweep with an
    /// error. Gives the last state, then the sums. The bits do not depend on the number of threads. While a device works
    /// on a batch, the rows of the next are gathered.
    /// Errors: `Execution` naming epoch and step if a sum is not finite, or if there are no rows; those of the source,
    /// of the back end and of `after`.
    pub fn run(
        &self,
        source: &dyn ChunkSource,
        backend: &dyn Backend,
        mut after: impl FnMut(&Reached) -> Result<()>,
    ) -> Result<Vec<Tensor>> {
        let (mut batch, mut sums) = (self.from.batch, self.from.sums.clone());
        let mut batches = Batches::new(source, self.key, self.epoch, batch as usize * self.batch_rows)?;
        let mut steps = backend.begin(&self.program, self.from.state.clone())?;
        let cut = Cut { rows: source.rows(), batch_rows: self.batch_rows };
        let mut gathered = batches.next(cut.rows_of(batch as usize))?;
        while let Some(rows) = gathered {
            steps.start(rows.arguments().collect())?;
            batch += 1;
            gathered = batches.next(cut.rows_of(batch as usize))?;
            sums = self.added(batch, sums, steps.finish()?)?;
            after(&Reached { batch, sums: &sums, steps: steps.as_ref() })?;
        }
        if sums.is_empty() {
            return Err(Error::execution("train", "no rows to train on"));
        }
        Ok(steps.state()?.into_iter().chain(sums).collect())
    }

    /// The mean loss that these sums say; None before the first batch.
    pub fn mean_loss(&self, sums: &[Tensor]) -> Option<f64> {
        let sum = |i: usize| sums.get(i)?.values::<f64>().ok()?.first().copied();
        Some(self.loss_unit * sum(0)? / sum(1)?)
    }

    fn added(&self, batch: u64, all: Vec<Tensor>, sums: Vec<Tensor>) -> Result<Vec<Tensor>> {
        sums.iter().try_for_each(|sum| self.check_finite(batch, sum))?;
        if all.is_empty() { Ok(sums) } else { all.iter().zip(&sums).map(|(all, sum)| add(all, sum)).collect() }
    }

    fn check_finite(&self, batch: u64, sum: &Tensor) -> Result<()> {
        match sum.values::<f64>()?.iter().find(|x| !x.is_finite()) {
            None => Ok(()),
            Some(value) => Err(diverged("loss", self.epoch, batch, *value)),
        }
    }
}

/// The error of a loss, a gradient or a weight that is NaN or infinite. Steps are counted from 1: those of the epoch
/// for a batch, of the training else.
pub(crate) fn diverged(what: &str, epoch: u64, step: u64, value: f64) -> Error {
    let value = if value.is_nan() { "NaN" } else { "infinite" };
    let error = Error::execution("train", format!("the {what} became {value} in epoch {epoch}, step {step}"));
    error.hint("lower learning_rate, set clip_norm = 1, or add warmup_steps")
}
