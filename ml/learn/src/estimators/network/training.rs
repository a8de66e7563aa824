//! Training of a network: sweeps over mini-batches, each followed by the loss over the rows held back.

use std::collections::BTreeMap;
use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};

use super::options::{Settings, network};
use super::state::{StateShape, number};
use super::step::Step as StepSpec;
use super::target::{Target, label_squares, label_sums, mean_of, outputs};
use super::{LABEL_MEAN, LABEL_STD};
use crate::checkpoint::{Checkpoint, unfit};
use crate::estimator::{Fitted, Fold, Layout, Options, Part, Request, Step, Task, Training};
use crate::estimators::row_weights::{ClassWeights, balanced, class_sums};
use crate::minibatch::{Position, Sweep, diverged};

/// Set apart from the keys of dropout and first weights, which are drawn from the seed too.
const ORDER_KEY: u64 = 0x6f72_6465_7200_0000;

/// A training in progress.
#[derive(Debug)]
pub(crate) struct NetworkTraining {
    layout: Layout,
    options: Options,
    settings: Settings,
    seed: u64,
    phase: Phase,
    progress: Progress,
}

/// What was asked for last.
#[derive(Debug)]
enum Phase {
    Begun,
    /// The mean of the label; then, knowing it, its squared deviation.
    LabelMean,
    LabelSquares(f64),
    ClassCounts,
    /// A pass over the batches.
    Sweep(Plan),
    /// The loss over the rows held back, after a pass.
    Evaluate(Plan, Step),
    /// What follows is decided: the way from one phase to the next.
    Between,
}

/// What is known once the label is: the programs and the shape of the state.
#[derive(Debug, Clone)]
struct Plan {
    target: Target,
    shape: Arc<StateShape>,
    step: Arc<Program>,
    evaluation: Arc<Program>,
}

/// How far it is.
#[derive(Debug, Default)]
struct Progress {
    /// Passes done.
    epoch: u64,
    /// Where the next pass starts.
    from: Option<Position>,
    /// The loss of the last pass, in the label's units.
    loss: f64,
    /// The least loss that counted as progress, and epochs since.
    mark: Option<f64>,
    stale: u64,
    best: Option<Best>,
}

/// The epoch with the least evaluation loss.
#[derive(Debug, Clone)]
struct Best {
    eval_loss: f64,
    loss: f64,
    parts: Vec<Tensor>,
}

impl NetworkTraining {
    /// A training from random weights. Errors: `Plan` for a missing option or an unknown class; `Execution` for an empty
    /// training set or a single class.
    pub(crate) fn begin(task: Task, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>> {
        if layout.rows == 0 {
            return Err(Error::execution("train", "the training query has no rows").hint("check its filter"));
        }
        if task == Task::Classification && layout.label.classes.len() < 2 {
            return Err(Error::execution("train", format!("label `{}` has fewer than 2 classes", layout.label.name)));
        }
        let settings = Settings::of(layout, options)?;
        let (layout, options) = (layout.clone(), options.clone());
        let (phase, progress) = (Phase::Begun, Progress::default());
        Ok(Box::new(NetworkTraining { layout, options, settings, seed, phase, progress }))
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
        Ok(Request::Fold(Fold { program: Arc::new(program), parameters, over: Part::Train }))
    }

    /// The first pass, the label being known.
    fn start(&mut self, target: Target) -> Result<Request> {
        let plan = self.plan(target)?;
        let state = plan.shape.initial(self.seed)?;
        self.progress.from = Some(Position { batch: 0, state, sums: vec![] });
        self.sweep(plan)
    }

    fn plan(&self, target: Target) -> Result<Plan> {
        let Layout { dense, categories, .. } = &self.layout;
        let network = network(&self.options, *dense, categories.clone(), target.outputs())?;
        let shape = Arc::new(StateShape::new(&network, self.settings.rule.as_ref()));
        let (layout, settings, seed) = (&self.layout, &self.settings, self.seed);
        let spec = StepSpec { layout, network: &network, target: &target, settings, shape: &shape, seed };
        let step = Arc::new(compile(&spec.function()?)?);
        let evaluation = Arc::new(compile(&spec.evaluation()?)?);
        Ok(Plan { target, shape, step, evaluation })
    }

    /// The next pass.
    fn sweep(&mut self, plan: Plan) -> Result<Request> {
        let from = self.progress.from.clone().ok_or_else(|| Error::internal("train", "there is no state to go on from"))?;
        let request = Request::Sweep(Sweep {
            program: Arc::clone(&plan.step),
            from,
            batch_rows: self.settings.batch_rows,
            epoch: self.progress.epoch + 1,
            key: self.seed ^ ORDER_KEY,
            loss_unit: plan.target.loss_unit(),
        });
        self.phase = Phase::Sweep(plan);
        Ok(request)
    }

    /// A pass has ended.
    fn swept(&mut self, plan: Plan, mut state: Vec<Tensor>) -> Result<(Option<Step>, Request)> {
        let sums = state.split_off(plan.shape.names().len());
        let step = self.step(&plan, &state, &sums)?;
        self.progress.epoch = step.epoch;
        self.progress.loss = step.loss;
        let parts = state[..plan.shape.parts.len()].to_vec();
        self.progress.from = Some(Position { batch: 0, state, sums: vec![] });
        if self.layout.eval_rows == 0 {
            return self.logged(plan, step);
        }
        let fold = Fold { program: Arc::clone(&plan.evaluation), parameters: parts, over: Part::Eval };
        self.phase = Phase::Evaluate(plan, step);
        Ok((None, Request::Fold(fold)))
    }

    /// The log line of a pass, out of its sums.
    fn step(&self, plan: &Plan, state: &[Tensor], sums: &[Tensor]) -> Result<Step> {
        let [loss, weight, squares, batches] = sums else { return Err(Error::internal("train", "a sweep gave other sums")) };
        let epoch = self.progress.epoch + 1;
        check_parts(plan, state, epoch)?;
        Ok(Step {
            epoch,
            loss: plan.target.loss_unit() * number(Some(loss))? / number(Some(weight))?,
            gradient_norm: (number(Some(squares))? / number(Some(batches))?).sqrt(),
            eval_loss: None,
            learning_rate: Some(StateShape::rate(state)?),
        })
    }

    /// The rows held back have been evaluated.
    fn evaluated(&mut self, plan: Plan, mut step: Step, sums: &[Tensor]) -> Result<(Option<Step>, Request)> {
        let eval_loss = plan.target.loss_unit() * number(sums.first())? / number(sums.get(1))?;
        if !eval_loss.is_finite() {
            return Err(diverged("evaluation loss", step.epoch, self.steps_done(), eval_loss));
        }
        step.eval_loss = Some(eval_loss);
        self.logged(plan, step)
    }

    /// Takes note of a pass and goes on to the next, or ends.
    fn logged(&mut self, plan: Plan, step: Step) -> Result<(Option<Step>, Request)> {
        self.note(&plan, &step);
        let request = if self.is_over() { self.done(&plan)? } else { self.sweep(plan)? };
        Ok((Some(step), request))
    }

    fn note(&mut self, plan: &Plan, step: &Step) {
        let progress = &mut self.progress;
        let watched = step.eval_loss.unwrap_or(step.loss);
        let enough = progress.mark.is_none_or(|mark| watched < mark - self.settings.min_rel_progress * mark.abs());
        progress.stale = if enough { 0 } else { progress.stale + 1 };
        if enough {
            progress.mark = Some(watched);
        }
        let Some(eval_loss) = step.eval_loss.filter(|_| self.settings.early_stop) else { return };
        if progress.best.as_ref().is_none_or(|best| eval_loss < best.eval_loss) {
            let parts = progress.from.iter().flat_map(|from| &from.state[..plan.shape.parts.len()]).cloned().collect();
            progress.best = Some(Best { eval_loss, loss: step.loss, parts });
        }
    }

    fn has_stalled(&self) -> bool {
        self.settings.early_stop && self.progress.stale >= self.settings.patience
    }

    fn is_over(&self) -> bool {
        self.has_stalled() || self.progress.epoch >= self.settings.epochs_max
    }

    fn done(&self, plan: &Plan) -> Result<Request> {
        let last = self.progress.from.iter().flat_map(|from| &from.state).cloned().collect();
        let best = self.progress.best.clone();
        let (loss, parts): (f64, Vec<Tensor>) = best.map_or((self.progress.loss, last), |best| (best.loss, best.parts));
        let names = plan.shape.parts.iter().map(|part| part.name.clone());
        let mut weights: BTreeMap<String, Tensor> = names.zip(parts).collect();
        if let Target::Number { mean, std } = plan.target {
            weights.insert(LABEL_MEAN.into(), Tensor::scalar(mean));
            weights.insert(LABEL_STD.into(), Tensor::scalar(std));
        }
        Ok(Request::Done(Fitted { weights, loss, converged: self.has_stalled() }))
    }

    /// Updates so far.
    fn steps_done(&self) -> u64 {
        self.progress.from.as_ref().and_then(|from| StateShape::step(&from.state).ok()).unwrap_or_default() as u64
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
            Phase::Sweep(plan) => self.swept(plan, answer),
            Phase::Evaluate(plan, step) => self.evaluated(plan, step, &answer),
            Phase::Begun | Phase::Between => Err(Error::internal("train", "an answer to no request")),
        }
    }

    /// Where a restored training goes on.
    fn go_on(&mut self, plan: Plan) -> Result<Request> {
        if self.is_over() { self.done(&plan) } else { self.sweep(plan) }
    }
}

impl Training for NetworkTraining {
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)> {
        match (answer, std::mem::replace(&mut self.phase, Phase::Between)) {
            (None, Phase::Sweep(plan)) => Ok((None, self.go_on(plan)?)),
            (None, _) => Ok((None, self.first()?)),
            (Some(answer), phase) => {
                self.phase = phase;
                self.answered(answer)
            }
        }
    }

    fn state_bytes(&self) -> Result<usize> {
        let Layout { dense, categories, label, .. } = &self.layout;
        let network = network(&self.options, *dense, categories.clone(), outputs(label.classes.len()))?;
        Ok(StateShape::new(&network, self.settings.rule.as_ref()).bytes())
    }

    fn checkpoint(&self, inside: Option<&Position>) -> Result<Option<Checkpoint>> {
        let (Phase::Sweep(plan), Some(from)) = (&self.phase, inside.or(self.progress.from.as_ref())) else { return Ok(None) };
        let mut checkpoint = Checkpoint::default();
        plan.target.save(&mut checkpoint)?;
        let names = plan.shape.names();
        for (name, tensor) in names.iter().zip(&from.state) {
            checkpoint.put(format!("state/{name}"), tensor.clone());
        }
        for (i, sum) in from.sums.iter().enumerate() {
            checkpoint.put(format!("sums/{i}"), sum.clone());
        }
        checkpoint.put_number("batch", from.batch);
        self.progress.save(&mut checkpoint, &names);
        Ok(Some(checkpoint))
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let plan = self.plan(Target::load(checkpoint)?)?;
        let names = plan.shape.names();
        let state = names.iter().map(|name| checkpoint.tensor(&format!("state/{name}")).cloned()).collect::<Result<Vec<_>>>()?;
        check_shapes(&plan, &state)?;
        let sums = (0..4).map_while(|i| checkpoint.tensor(&format!("sums/{i}")).ok().cloned()).collect();
        self.progress = Progress::load(checkpoint, &names[..plan.shape.parts.len()])?;
        self.progress.from = Some(Position { batch: checkpoint.number("batch")?, state, sums });
        self.phase = Phase::Sweep(plan);
        Ok(())
    }
}

impl Progress {
    fn save(&self, checkpoint: &mut Checkpoint, names: &[String]) {
        checkpoint.put_number("epoch", self.epoch);
        checkpoint.put_number("loss", self.loss);
        checkpoint.put_number("stale", self.stale);
        if let Some(mark) = self.mark {
            checkpoint.put_number("mark", mark);
        }
        if let Some(best) = &self.best {
            checkpoint.put_number("best.eval_loss", best.eval_loss);
            checkpoint.put_number("best.loss", best.loss);
            names.iter().zip(&best.parts).for_each(|(name, part)| checkpoint.put(format!("best/{name}"), part.clone()));
        }
    }

    fn load(checkpoint: &Checkpoint, names: &[String]) -> Result<Self> {
        let best = match checkpoint.has("best.loss") {
            false => None,
            true => Some(Best {
                eval_loss: checkpoint.number("best.eval_loss")?,
                loss: checkpoint.number("best.loss")?,
                parts: names.iter().map(|n| checkpoint.tensor(&format!("best/{n}")).cloned()).collect::<Result<_>>()?,
            }),
        };
        let mark = if checkpoint.has("mark") { Some(checkpoint.number("mark")?) } else { None };
        let (epoch, stale) = (checkpoint.number("epoch")?, checkpoint.number("stale")?);
        Ok(Progress { epoch, from: None, loss: checkpoint.number("loss")?, mark, stale, best })
    }
}

/// Errors: `Execution` if the squares of the label overflow.
fn check_std(std: f64) -> Result<f64> {
    if std.is_finite() {
        return Ok(if std > 0.0 { std } else { 1.0 });
    }
    let error = Error::execution("train", "the label's values are too large to standardise in f64");
    Err(error.hint("scale the label down in the query"))
}

/// Errors: `Execution` if an update has left a parameter that is not finite.
fn check_parts(plan: &Plan, state: &[Tensor], epoch: u64) -> Result<()> {
    for (part, tensor) in plan.shape.parts.iter().zip(state) {
        if let Some(value) = tensor.values::<f32>()?.iter().find(|x| !x.is_finite()) {
            let step = StateShape::step(state)? as u64;
            return Err(diverged(&format!("weight `{}`", part.name), epoch, step, f64::from(*value)));
        }
    }
    Ok(())
}

/// Errors: `Execution` if a checkpoint's state is of another network.
fn check_shapes(plan: &Plan, state: &[Tensor]) -> Result<()> {
    let odd = plan.shape.parts.iter().zip(state).find(|(part, tensor)| part.shape != tensor.shape());
    odd.map_or(Ok(()), |(part, tensor)| {
        Err(unfit(format!("`{}` has shape {:?}, expected {:?}", part.name, tensor.shape(), part.shape)))
    })
}
