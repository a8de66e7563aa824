//! Learning rates by the number of steps done. PyTorch's names, arguments and rates.

use std::f64::consts::PI;
use std::fmt::Debug;

use gradframe_ml_core::Result;

use super::optimizer::Optimizer;

/// A learning rate by the number of steps done: a plain function, which keeps nothing.
///
/// ```
/// use gradframe_ml_nn::optim::{LinearWarmup, Schedule, StepLR};
///
/// assert_eq!(StepLR::new(10, 0.5).lr(0.8, 25), 0.2);
/// assert_eq!(LinearWarmup::new(4).lr(0.8, 0), 0.2);
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// The rate of the step after `done` others, of a rate that began as `initial`.
    fn lr(&self, initial: f64, done: u64) -> f64;

    /// Sets the rates of an optimiser for the step after `done` others; each group's began as it is when this is first called.
    /// Errors: `Plan` for a rate that is none.
    fn set(&self, optimizer: &mut Optimizer, done: u64) -> Result<()> {
        let lrs: Vec<f64> = optimizer.initial_lrs().iter().map(|&initial| self.lr(initial, done)).collect();
        optimizer.set_lrs(&lrs)
    }
}

/// Times `gamma` after each `step_size` steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLR {
    step_size: u64,
    gamma: f64,
}

impl StepLR {
    /// A `step_size` of 0 counts as 1.
    pub fn new(step_size: u64, gamma: f64) -> Self {
        StepLR { step_size: step_size.max(1), gamma }
    }
}

impl Schedule for StepLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        initial * self.gamma.powf((done / self.step_size) as f64)
    }
}

/// Times `gamma` at each of some numbers of steps; twice at one that is named twice.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStepLR {
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStepLR {
    /// The numbers of steps, in any order.
    pub fn new(milestones: &[u64], gamma: f64) -> Self {
        MultiStepLR { milestones: milestones.to_vec(), gamma }
    }
}

impl Schedule for MultiStepLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= done).count();
        initial * self.gamma.powf(passed as f64)
    }
}

/// Times `gamma` after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialLR {
    gamma: f64,
}

impl ExponentialLR {
    /// What the rate is multiplied by after each step.
    pub fn new(gamma: f64) -> Self {
        ExponentialLR { gamma }
    }
}

impl Schedule for ExponentialLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        initial * self.gamma.powf(done as f64)
    }
}

/// Times `factor` for the first `total_iters` steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantLR {
    factor: f64,
    total_iters: u64,
}

impl ConstantLR {
    /// PyTorch's defaults are a third, for 5 steps.
    pub fn new(factor: f64, total_iters: u64) -> Self {
        ConstantLR { factor, total_iters }
    }
}

impl Schedule for ConstantLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        if done < self.total_iters { initial * self.factor } else { initial }
    }
}

/// From `start_factor` of the rate to `end_factor` of it, along a line over `total_iters` steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearLR {
    start_factor: f64,
    end_factor: f64,
    total_iters: u64,
}

impl LinearLR {
    /// PyTorch's defaults are from a third to 1, over 5 steps.
    pub fn new(start_factor: f64, end_factor: f64, total_iters: u64) -> Self {
        LinearLR { start_factor, end_factor, total_iters }
    }
}

impl Schedule for LinearLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        initial * straight(self.start_factor, self.end_factor, part(done, self.total_iters))
    }
}

/// Down to 0 over `total_iters` steps: times `(1 - done / total_iters)^power`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolynomialLR {
    total_iters: u64,
    power: f64,
}

impl PolynomialLR {
    /// PyTorch's defaults are 5 steps and the power 1, a line.
    pub fn new(total_iters: u64, power: f64) -> Self {
        PolynomialLR { total_iters, power }
    }
}

impl Schedule for PolynomialLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        initial * (1.0 - part(done, self.total_iters)).powf(self.power)
    }
}

/// Up from a part of the rate to all of it over some steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearWarmup {
    warmup_steps: u64,
}

impl LinearWarmup {
    /// The rate is whole at the last of these steps.
    pub fn new(warmup_steps: u64) -> Self {
        LinearWarmup { warmup_steps }
    }
}

impl Schedule for LinearWarmup {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        initial * part(done + 1, self.warmup_steps)
    }
}

/// Down to `eta_min` over `t_max` steps, along half a cosine; up again over as many, as PyTorch's. Source: Loshchilov and Hutter 2017.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineAnnealingLR {
    t_max: u64,
    eta_min: f64,
}

impl CosineAnnealingLR {
    /// Down to 0. A `t_max` of 0 counts as 1.
    pub fn new(t_max: u64) -> Self {
        CosineAnnealingLR { t_max: t_max.max(1), eta_min: 0.0 }
    }

    /// The least rate; unless said 0.
    pub fn eta_min(mut self, eta_min: f64) -> Self {
        self.eta_min = eta_min;
        self
    }
}

impl Schedule for CosineAnnealingLR {
    fn lr(&self, initial: f64, done: u64) -> f64 {
        between(initial, self.eta_min, done as f64 / self.t_max as f64)
    }
}

/// How a rate goes from one number to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Anneal {
    /// Along half a cosine.
    #[default]
    Cos,
    /// Along a line.
    Linear,
}

impl Anneal {
    fn at(self, first: f64, last: f64, part: f64) -> f64 {
        match self {
            Anneal::Cos => between(first, last, part),
            Anneal::Linear => straight(first, last, part),
        }
    }
}

/// Up from `max_lr / div_factor` to `max_lr` over the part `pct_start` of the steps, then down to `max_lr / (div_factor final_div_factor)`.
/// The momentum stays as it is, as with PyTorch's `cycle_momentum=False`. Source: Smith and Topin 2019.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycleLR {
    max_lr: f64,
    total_steps: u64,
    pct_start: f64,
    anneal: Anneal,
    div_factor: f64,
    final_div_factor: f64,
}

impl OneCycleLR {
    /// With PyTorch's defaults: 0.3 of the steps go up, from a 25th part, and down to 1e-4 of that.
    pub fn new(max_lr: f64, total_steps: u64) -> Self {
        OneCycleLR { max_lr, total_steps, pct_start: 0.3, anneal: Anneal::Cos, div_factor: 25.0, final_div_factor: 1e4 }
    }

    /// The part of the steps in which the rate goes up.
    pub fn pct_start(mut self, part: f64) -> Self {
        self.pct_start = part;
        self
    }

    /// How it goes up and down.
    pub fn anneal_strategy(mut self, anneal: Anneal) -> Self {
        self.anneal = anneal;
        self
    }

    /// `max_lr` over the first rate.
    pub fn div_factor(mut self, factor: f64) -> Self {
        self.div_factor = factor;
        self
    }

    /// The first rate over the last.
    pub fn final_div_factor(mut self, factor: f64) -> Self {
        self.final_div_factor = factor;
        self
    }
}

impl Schedule for OneCycleLR {
    fn lr(&self, _initial: f64, done: u64) -> f64 {
        let (done, low) = (done as f64, self.max_lr / self.div_factor);
        let (top, end) = (self.pct_start * self.total_steps as f64 - 1.0, self.total_steps as f64 - 1.0);
        let along = |begin: f64, end: f64| if end > begin { ((done - begin) / (end - begin)).min(1.0) } else { 1.0 };
        match done <= top {
            true => self.anneal.at(low, self.max_lr, along(0.0, top)),
            false => self.anneal.at(self.max_lr, low / self.final_div_factor, along(top, end)),
        }
    }
}

/// The part of a number of steps that is done, 1 at most.
fn part(done: u64, steps: u64) -> f64 {
    done.min(steps) as f64 / steps.max(1) as f64
}

fn straight(first: f64, last: f64, part: f64) -> f64 {
    first + (last - first) * part
}

fn between(first: f64, last: f64, part: f64) -> f64 {
    last + (first - last) * (1.0 + (PI * part).cos()) / 2.0
}
