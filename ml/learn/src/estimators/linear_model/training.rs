//! Training of a linear model: one fold of loss and gradient a trial step of L-BFGS.

use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::RowLoss;
use super::objective::objective;
use super::parameters::Parameters;
use crate::estimator::{Allowed, Fitted, Fold, Layout, OptionDef, OptionValue, Options, Part, Request, Step, Training};
use crate::estimators::row_weights::{ClassWeights, balanced, class_sums};
use crate::optim::{Lbfgs, LbfgsOptions, Next, Stop};
use crate::registry::option;

/// The options of every linear estimator.
pub(crate) const LINEAR_OPTIONS: &[OptionDef] = &[
    OptionDef {
        name: "l2_reg",
        default: OptionValue::Float(0.0),
        allowed: Allowed::AtLeast(0.0),
        only_with: None,
        help: "adds l2_reg / 2 * sum of squared weights to the mean loss (in standardised units, intercept excepted)",
    },
    OptionDef {
        name: "max_iterations",
        default: OptionValue::Int(300),
        allowed: Allowed::AtLeast(1.0),
        only_with: None,
        help: "optimiser steps at most",
    },
    OptionDef {
        name: "tolerance",
        default: OptionValue::Float(1e-9),
        allowed: Allowed::MoreThan(0.0),
        only_with: None,
        help: "stops when the gradient has fallen to this fraction of its start, or the loss stands still to this fraction",
    },
];

/// From where the intercept starts; all weights start from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    Zero,
    /// From the label's mean where that is far from 0, of a loss that is half the squared error.
    Label,
}

/// Standard deviations of the label between its mean and 0 from which on the training starts at the mean: from 0 the gradient would be as
/// large as the mean, and what is left of it when the training stops larger than the penalty.
const FAR: f64 = 100.0;

/// A training in progress.
#[derive(Debug)]
pub(crate) struct LinearTraining {
    /// What is folded: the objective, once class weights are known.
    program: Option<Arc<Program>>,
    layout: Layout,
    row_loss: RowLoss,
    class_weights: ClassWeights,
    parameters: Parameters,
    l2_reg: f64,
    stopping: LbfgsOptions,
    optimiser: Lbfgs,
    start: Start,
    /// The next step's number in the log.
    epoch: u64,
}

impl LinearTraining {
    /// A training from zero weights, and an intercept as `start` says; `outputs` is C where there are C scores a row, None for one.
    /// Errors: `Plan` for a missing option; `Execution` for an empty training set.
    pub(crate) fn begin(
        layout: &Layout,
        outputs: Option<usize>,
        row_loss: RowLoss,
        options: &Options,
        class_weights: ClassWeights,
        start: Start,
    ) -> Result<Box<dyn Training>> {
        if layout.rows == 0 {
            return Err(Error::execution("train", "the training query has no rows").hint("check its filter"));
        }
        let parameters = Parameters::of(layout, outputs);
        let stopping = LbfgsOptions {
            iterations_max: option(options, "max_iterations")? as u64,
            tolerance: option(options, "tolerance")?,
            ..LbfgsOptions::default()
        };
        let optimiser = Lbfgs::new(vec![0.0; parameters.len()], stopping);
        let l2_reg = option(options, "l2_reg")?;
        let layout = layout.clone();
        let (program, epoch) = (None, 0);
        Ok(Box::new(LinearTraining {
            program,
            layout,
            row_loss,
            class_weights,
            parameters,
            l2_reg,
            stopping,
            optimiser,
            start,
            epoch,
        }))
    }

    /// Starts anew from the label's mean if that is far from 0, as the loss and the gradient at 0 say; true if it does.
    fn starts_at_label(&mut self, loss: f64, gradient: &[f64]) -> bool {
        if std::mem::replace(&mut self.start, Start::Zero) == Start::Zero {
            return false;
        }
        let Some(mean) = gradient.last().map(|slope| -slope) else { return false };
        let variance = 2.0 * loss - mean * mean;
        let is_far = mean.is_finite() && mean * mean > FAR * FAR * variance;
        if is_far {
            let mut from = vec![0.0; self.parameters.len()];
            from[gradient.len() - 1] = mean;
            self.optimiser = Lbfgs::new(from, self.stopping);
        }
        is_far
    }

    /// What is asked for first: the classes' frequencies where weights depend on them, else the objective.
    fn first(&mut self) -> Result<Request> {
        if self.class_weights != ClassWeights::Balanced {
            return self.fold();
        }
        let program = Arc::new(class_sums(&self.layout, DType::F64)?);
        Ok(Request::Fold(Fold { program, parameters: vec![Tensor::scalar(0.0)], over: Part::Train, rows_max: usize::MAX }))
    }

    fn fold(&mut self) -> Result<Request> {
        let parameters = self.parameters.tensors(self.optimiser.trial())?;
        Ok(Request::Fold(Fold { program: self.program()?, parameters, over: Part::Train, rows_max: usize::MAX }))
    }

    /// The objective, compiled when first asked for.
    fn program(&mut self) -> Result<Arc<Program>> {
        if let Some(program) = &self.program {
            return Ok(Arc::clone(program));
        }
        let weights = if let ClassWeights::Given(weights) = &self.class_weights { Some(weights.as_slice()) } else { None };
        let program = Arc::new(compile(&objective(&self.layout, &self.parameters, self.row_loss, weights)?)?);
        self.program = Some(Arc::clone(&program));
        Ok(program)
    }

    /// Mean loss with penalty, and its gradient, from the sums over all rows.
    fn penalised(&self, sums: &[Tensor]) -> Result<(f64, Vec<f64>)> {
        let [loss, weight, gradients @ ..] = sums else { return Err(Error::internal("train", "a fold gave no loss")) };
        let number = |tensor: &Tensor| Ok(tensor.values::<f64>()?.first().copied().unwrap_or(f64::NAN));
        let (weight, loss): (f64, f64) = (number(weight)?, number(loss)?);
        let loss = loss / weight;
        let mut gradient = self.parameters.flatten(gradients)?;
        gradient.iter_mut().for_each(|g| *g /= weight);
        let weights = &self.optimiser.trial()[..self.parameters.penalised()];
        gradient.iter_mut().zip(weights).for_each(|(g, w)| *g += self.l2_reg * w);
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        Ok((loss + 0.5 * self.l2_reg * squares, gradient))
    }

    /// A log line, if a step of the optimiser has just ended.
    fn log(&mut self) -> Option<Step> {
        let ended = self.optimiser.loss().is_finite() && self.optimiser.iterations() >= self.epoch;
        ended.then(|| {
            let (loss, gradient_norm) = (self.optimiser.loss(), self.optimiser.gradient_norm());
            let step = Step { epoch: self.epoch, loss, gradient_norm, eval_loss: None, learning_rate: None };
            self.epoch += 1;
            step
        })
    }

    fn done(&self, stop: Stop) -> Result<Request> {
        if stop == Stop::NotFinite {
            let error = Error::execution("train", "the loss overflows: the label's values are too large for f64 arithmetic");
            return Err(error.hint("scale the label down in the query"));
        }
        let weights = self.parameters.named(self.optimiser.parameters())?;
        Ok(Request::Done(Fitted { weights, loss: self.optimiser.loss(), converged: stop == Stop::Converged }))
    }
}

impl Training for LinearTraining {
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)> {
        let Some(sums) = answer else { return Ok((None, self.first()?)) };
        if self.class_weights == ClassWeights::Balanced {
            self.class_weights = ClassWeights::Given(balanced(&sums)?);
            return Ok((None, self.fold()?));
        }
        let (loss, gradient) = self.penalised(&sums)?;
        if self.starts_at_label(loss, &gradient) {
            return Ok((None, self.fold()?));
        }
        let next = self.optimiser.step(loss, gradient);
        let step = self.log();
        let request = match next {
            Next::Evaluate => self.fold()?,
            Next::Stop(stop) => self.done(stop)?,
        };
        Ok((step, request))
    }
}
