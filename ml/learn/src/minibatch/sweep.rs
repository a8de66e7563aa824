//! A pass over the training rows whose state goes from batch to batch.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads};

use super::{Batches, ChunkSource};
use crate::in_memory::add;

/// One pass over the training rows in mini-batches: an epoch.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// `(state.., dense, codes.., label[, weight]) -> (state.., sums..)`. The state keeps its types; the sums are f64
    /// and are added up over the batches. The first is of losses, the second of weights; one that is not finite ends the training.
    pub program: Arc<Program>,
    /// Where to start.
    pub from: Position,
    /// Rows of a batch; the last one may be shorter.
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

impl Sweep {
    /// Runs all batches from `from` on; `after` hears of the place reached after each and may stop the sweep with an
    /// error. Gives the last state, then the sums. The bits do not depend on the number of threads.
    /// Errors: `Execution` naming epoch and step if a sum is not finite, or if there are no rows; those of the source
    /// and of `after`.
    pub fn run(
        &self,
        source: &dyn ChunkSource,
        threads: Threads,
        mut after: impl FnMut(&Position) -> Result<()>,
    ) -> Result<Vec<Tensor>> {
        let mut at = self.from.clone();
        let mut scratch = Scratch::new();
        let mut batches = Batches::new(source, self.key, self.epoch, at.batch as usize * self.batch_rows)?;
        while let Some(batch) = batches.next(self.batch_rows)? {
            let arguments: Vec<Tensor> = at.state.drain(..).chain(batch.arguments()).collect();
            let outputs = self.program.run_owned(arguments, &mut scratch, threads)?;
            self.advance(&mut at, outputs)?;
            after(&at)?;
        }
        if at.sums.is_empty() {
            return Err(Error::execution("train", "no rows to train on"));
        }
        Ok(at.state.into_iter().chain(at.sums).collect())
    }

    /// The mean loss of the batches up to a place; None before the first.
    pub fn loss_so_far(&self, at: &Position) -> Option<f64> {
        let sum = |i: usize| at.sums.get(i)?.values::<f64>().ok()?.first().copied();
        Some(self.loss_unit * sum(0)? / sum(1)?)
    }

    fn advance(&self, at: &mut Position, mut outputs: Vec<Tensor>) -> Result<()> {
        at.batch += 1;
        let sums = outputs.split_off(self.from.state.len());
        at.state = outputs;
        sums.iter().try_for_each(|sum| self.check_finite(at.batch, sum))?;
        at.sums = if at.sums.is_empty() {
            sums
        } else {
            at.sums.iter().zip(&sums).map(|(all, sum)| add(all, sum)).collect::<Result<_>>()?
        };
        Ok(())
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
