//! A rate that falls when what is watched gets no better.

use gradframe_ml_core::{Error, Result};

use super::optimizer::Optimizer;

/// Times `factor` when what is watched has not fallen, or with [`mode_max`](Self::mode_max) risen, by the part `threshold` for more than
/// `patience` calls of [`step`](Self::step); for `cooldown` calls after that nothing is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceLROnPlateau {
    factor: f64,
    patience: u64,
    threshold: f64,
    cooldown: u64,
    min_lr: f64,
    rises: bool,
    best: Option<f64>,
    bad: u64,
    resting: u64,
}

impl Default for ReduceLROnPlateau {
    fn default() -> Self {
        let (factor, threshold) = (0.1, 1e-4);
        ReduceLROnPlateau {
            factor,
            patience: 10,
            threshold,
            cooldown: 0,
            min_lr: 0.0,
            rises: false,
            best: None,
            bad: 0,
            resting: 0,
        }
    }
}

impl ReduceLROnPlateau {
    /// With PyTorch's defaults: a tenth after more than 10 values that are not lower by a ten thousandth.
    pub fn new() -> Self {
        ReduceLROnPlateau::default()
    }

    /// More is better.
    pub fn mode_max(mut self) -> Self {
        self.rises = true;
        self
    }

    /// What the rate is multiplied by: above 0 and below 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// How many values may be no better.
    pub fn patience(mut self, patience: u64) -> Self {
        self.patience = patience;
        self
    }

    /// The part of the best value by which another is better.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// For how many values nothing is counted after the rate has fallen.
    pub fn cooldown(mut self, cooldown: u64) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// The least rate.
    pub fn min_lr(mut self, min_lr: f64) -> Self {
        self.min_lr = min_lr;
        self
    }

    /// Takes note of a value, and sets the rates of an optimiser. Errors: `Plan` for a `factor` that makes no rate smaller.
    pub fn step(&mut self, metric: f64, optimizer: &mut Optimizer) -> Result<()> {
        if !(self.factor > 0.0 && self.factor < 1.0) {
            let what = format!("`factor` is {}, expected a number above 0 and below 1", self.factor);
            return Err(Error::plan("ReduceLROnPlateau", what));
        }
        match self.is_better(metric) {
            true => (self.best, self.bad) = (Some(metric), 0),
            false => self.bad += 1,
        }
        if self.resting > 0 {
            (self.resting, self.bad) = (self.resting - 1, 0);
        }
        if self.bad > self.patience {
            let lrs: Vec<f64> = optimizer.lrs().into_iter().map(|lr| self.reduced(lr)).collect();
            optimizer.set_lrs(&lrs)?;
            (self.bad, self.resting) = (0, self.cooldown);
        }
        Ok(())
    }

    fn is_better(&self, metric: f64) -> bool {
        let Some(best) = self.best else { return !metric.is_nan() };
        match self.rises {
            true => metric > best * (1.0 + self.threshold),
            false => metric < best * (1.0 - self.threshold),
        }
    }

    /// A change of 1e-8 or less is left out.
    fn reduced(&self, lr: f64) -> f64 {
        let next = (lr * self.factor).max(self.min_lr);
        if lr - next > 1e-8 { next } else { lr }
    }
}
