//! Training of a network: what must be known of the label, then epochs.

use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::options::{Settings, network};
use super::state::StateShape;
use super::step::Step as StepSpec;
use super::target::{Target, label_squares, label_sums, mean_of, outputs};
use super::{LABEL_MEAN, LABEL_STD};
use crate::checkpoint::Checkpoint;
use crate::estimator::{Fold, Layout, Options, Part, Request, Step, Task, Training};
use crate::estimators::epochs::{Course, Epochs, Programs};
use crate::estimators::row_weights::{ClassWeights, balanced, class_sums};
use crate::minibatch::Position;

/// A training in progress.
#[derive(Debug)]
pub(crate) struct NetworkTraining {
    layout: Layout,
    options: Options,
    settings: Settings,
    seed: u64,
    phase: Phase,
}

/// What was asked for last.
#[derive(Debug)]
enum Phase {
    Begun,
    /// The mean of the label; then, knowing it, its squared deviation.
    LabelMean,
    LabelSquares(f64),
    ClassCounts,
    /// The label is known.
    Epochs(Target, Box<Epochs>),
    /// What follows is decided: the way from one phase to the next.
    Between,
}

impl NetworkTraining {
    /// A training from random weights. Errors: `Plan` for a missing option or an unknown class; `Execution` for an empty
    /// training set or a single class.
    pub(crate) fn begin(task: Task, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        check_rows(task, layout)?;
        let settings = Settings::of(layout, options)?;
        let (layout, options) = (layout.clone(), options.clone());
        Ok(Box::new(NetworkTraining { layout, options, settings, seed, phase: Phase::Begun }))
    }

    /// What must be known of the label before the first pass.
    fn first(&mut self) -> Result<Request> {
        let count = self.layout.label.classes.len();
        if count == 0 {
            self.phase = Phase::LabelMean;
            return self.label_fold(label_sums(&self.layout)?, 0.0);
        }
        match ClassWeights::of(&self.layout.label, &self.options)? {
            ClassWeights::Even => self.start(Target::Classes { count, weights: None }),
            ClassWeights::Given(weights) => self.start(Target::Classes { count, weights: Some(weights) }),
            ClassWeights::Balanced => {
                self.phase = Phase::ClassCounts;
                self.label_fold(class_sums(&self.layout, DType::F32)?, 0.0)
            }
        }
    }

    fn label_fold(&self, program: Program, parameter: f64) -> Result<Request> {
        let parameters = vec![Tensor::scalar(parameter)];
        Ok(Request::Fold(Fold { program: Arc::new(program), parameters, over: Part::Train, rows_max: usize::MAX }))
    }

    /// The first pass, the label being known.
    fn start(&mut self, target: Target) -> Result<Request> {
        let (programs, state) = self.programs(&target)?;
        let mut epochs = Epochs::new(self.course(), programs, state);
        let request = epochs.proceed()?;
        self.phase = Phase::Epochs(target, Box::new(epochs));
        Ok(request)
    }

    fn course(&self) -> Course {
        let Settings { batch_rows, epochs_max, early_stop, patience, min_rel_progress, .. } = self.settings;
        let evaluates = self.layout.eval_rows > 0;
        Course { batch_rows, epochs_max, early_stop, patience, min_rel_progress, seed: self.seed, evaluates }
    }

    /// The programs, and the state before the first update.
    fn programs(&self, target: &Target) -> Result<(Programs, Vec<Tensor>)> {
        let Layout { dense, categories, .. } = &self.layout;
        let network = network(&self.options, *dense, categories.clone(), target.outputs())?;
        let shape = StateShape::new(&network, self.settings.rule.as_ref());
        let (layout, settings, seed) = (&self.layout, &self.settings, self.seed);
        let spec = StepSpec { layout, network: &network, target, settings, shape: &shape, seed };
        let programs = Programs {
            step: Arc::new(compile(&spec.function()?)?),
            evaluation: Arc::new(compile(&spec.evaluation()?)?),
            evaluation_rows: usize::MAX,
            names: shape.names(),
            parts: shape.parts.len(),
            loss_unit: target.loss_unit(),
        };
        Ok((programs, shape.initial(seed)?))
    }

    /// The answer to what was asked for last.
    fn answered(&mut self, answer: Vec<Tensor>) -> Result<(Option<Step>, Request)> {
        match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::LabelMean => {
                let mean = mean_of(&answer)?;
                self.phase = Phase::LabelSquares(mean);
                Ok((None, self.label_fold(label_squares(&self.layout)?, mean)?))
            }
            Phase::LabelSquares(mean) => {
                let std = check_std(mean_of(&answer)?.sqrt())?;
                Ok((None, self.start(Target::Number { mean, std })?))
            }
            Phase::ClassCounts => {
                let weights = Some(balanced(&answer)?);
                let count = self.layout.label.classes.len();
                Ok((None, self.start(Target::Classes { count, weights })?))
            }
            Phase::Epochs(target, mut epochs) => {
                let (step, request) = epochs.answered(answer)?;
                let request = in_label_units(&target, request);
                self.phase = Phase::Epochs(target, epochs);
                Ok((step, request))
            }
            Phase::Begun | Phase::Between => Err(Error::internal("train", "an answer to no request")),
        }
    }
}

impl Training for NetworkTraining {
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)> {
        match (answer, &mut self.phase) {
            (None, Phase::Epochs(target, epochs)) => Ok((None, in_label_units(target, epochs.proceed()?))),
            (None, _) => Ok((None, self.first()?)),
            (Some(answer), _) => self.answered(answer),
        }
    }

    fn state_bytes(&self) -> Result<usize> {
        let Layout { dense, categories, label, .. } = &self.layout;
        let network = network(&self.options, *dense, categories.clone(), outputs(label.classes.len()))?;
        Ok(StateShape::new(&network, self.settings.rule.as_ref()).bytes())
    }

    fn checkpoint(&self, inside: Option<&Position>) -> Result<Option<Checkpoint>> {
        let Phase::Epochs(target, epochs) = &self.phase else { return Ok(None) };
        let mut checkpoint = Checkpoint::default();
        target.save(&mut checkpoint)?;
        Ok(epochs.save(inside, &mut checkpoint).then_some(checkpoint))
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let target = Target::load(checkpoint)?;
        let (programs, first) = self.programs(&target)?;
        let epochs = Epochs::restore(self.course(), programs, &first, checkpoint)?;
        self.phase = Phase::Epochs(target, Box::new(epochs));
        Ok(())
    }
}

/// A finished network also knows how its scores become labels.
fn in_label_units(target: &Target, mut request: Request) -> Request {
    if let (Request::Done(fitted), Target::Number { mean, std }) = (&mut request, target) {
        fitted.weights.insert(LABEL_MEAN.into(), Tensor::scalar(*mean));
        fitted.weights.insert(LABEL_STD.into(), Tensor::scalar(*std));
    }
    request
}

/// Errors: `Execution` if there is nothing to learn from, or only one class.
pub(crate) fn check_rows(task: Task, layout: &Layout) -> Result<()> {
    if layout.rows == 0 {
        return Err(Error::execution("train", "the training query has no rows").hint("check its filter"));
    }
    if task == Task::Classification && layout.label.classes.len() < 2 {
        return Err(Error::execution("train", format!("label `{}` has fewer than 2 classes", layout.label.name)));
    }
    Ok(())
}

/// Errors: `Execution` if the squares of the label overflow.
fn check_std(std: f64) -> Result<f64> {
    if std.is_finite() {
        return Ok(if std > 0.0 { std } else { 1.0 });
    }
    let error = Error::execution("train", "the label's values are too large to standardise in f64");
    Err(error.hint("scale the label down in the query"))
}
