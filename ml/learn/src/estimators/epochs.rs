//! Passes over mini-batches, each followed by the loss over the rows held back, until they are done or get nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::checkpoint::{Checkpoint, unfit};
use crate::estimator::{Fitted, Fold, Part, Request, Step};
use crate::minibatch::{Position, Sweep, diverged};

/// Set apart from the keys of dropout and first weights, which are drawn from the seed too.
const ORDER_KEY: u64 = 0x6f72_6465_7200_0000;

/// How long it goes on, and in what order.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub batch_rows: usize,
    pub epochs_max: u64,
    pub early_stop: bool,
    pub patience: u64,
    pub min_rel_progress: f64,
    /// Decides the order of the rows.
    pub seed: u64,
    /// Whether there are rows held back.
    pub evaluates: bool,
}

/// What is run, and what goes from batch to batch.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    /// `(state.., batch..) -> (state.., sums..)`: see [`Sweep`]. The sums are loss times weight, weight, the squared norm
    /// of the gradient, and 1.
    pub step: Arc<Program>,
    /// `(parts.., batch..) -> (loss times weight, weight)`.
    pub evaluation: Arc<Program>,
    /// Rows that the evaluation takes at once.
    pub evaluation_rows: usize,
    /// The names of the state. The last two are the number of updates and the rate of the last one, f64 [].
    pub names: Vec<String>,
    /// So many of the state, the first ones, are the model's.
    pub parts: usize,
    /// What a loss is multiplied by to be in the label's own units.
    pub loss_unit: f64,
}

/// A training in its epochs.
#[derive(Debug)]
pub(crate) struct Epochs {
    course: Course,
    programs: Programs,
    progress: Progress,
    asked: Asked,
}

/// What was asked for last.
#[derive(Debug)]
enum Asked {
    Nothing,
    /// A pass over the batches.
    Sweep,
    /// The loss over the rows held back, after a pass.
    Evaluation(Step),
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

impl Epochs {
    /// Before the first pass, from this state.
    pub fn new(course: Course, programs: Programs, state: Vec<Tensor>) -> Self {
        let progress = Progress { from: Some(Position { batch: 0, state, sums: vec![] }), ..Progress::default() };
        Epochs { course, programs, progress, asked: Asked::Nothing }
    }

    /// Where a checkpoint was made. Errors: `Execution` if it is of another training.
    pub fn restore(course: Course, programs: Programs, first: &[Tensor], checkpoint: &Checkpoint) -> Result<Self> {
        let names = &programs.names;
        let state = names.iter().map(|name| checkpoint.tensor(&format!("state/{name}")).cloned()).collect::<Result<Vec<_>>>()?;
        check_shapes(names, first, &state)?;
        let sums = (0..4).map_while(|i| checkpoint.tensor(&format!("sums/{i}")).ok().cloned()).collect();
        let mut progress = Progress::load(checkpoint, &names[..programs.parts])?;
        progress.from = Some(Position { batch: checkpoint.number("batch")?, state, sums });
        Ok(Epochs { course, programs, progress, asked: Asked::Sweep })
    }

    /// The next pass, or the end.
    pub fn proceed(&mut self) -> Result<Request> {
        if self.is_over() { Ok(self.done()) } else { self.sweep() }
    }

    /// The answer to what was asked for last.
    pub fn answered(&mut self, answer: Vec<Tensor>) -> Result<(Option<Step>, Request)> {
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Sweep => self.swept(answer),
            Asked::Evaluation(step) => self.evaluated(step, &answer),
            Asked::Nothing => Err(Error::internal("train", "an answer to no request")),
        }
    }

    /// Adds what is needed to go on from here, or from inside the pass asked for last; false where there is nothing to go
    /// on from.
    pub fn save(&self, inside: Option<&Position>, checkpoint: &mut Checkpoint) -> bool {
        let (Asked::Sweep, Some(from)) = (&self.asked, inside.or(self.progress.from.as_ref())) else { return false };
        let names = &self.programs.names;
        for (name, tensor) in names.iter().zip(&from.state) {
            checkpoint.put(format!("state/{name}"), tensor.clone());
        }
        for (i, sum) in from.sums.iter().enumerate() {
            checkpoint.put(format!("sums/{i}"), sum.clone());
        }
        checkpoint.put_number("batch", from.batch);
        self.progress.save(checkpoint, names);
        true
    }

    fn sweep(&mut self) -> Result<Request> {
        let from = self.progress.from.clone().ok_or_else(|| Error::internal("train", "there is no state to go on from"))?;
        self.asked = Asked::Sweep;
        Ok(Request::Sweep(Sweep {
            program: Arc::clone(&self.programs.step),
            from,
            batch_rows: self.course.batch_rows,
            epoch: self.progress.epoch + 1,
            key: self.course.seed ^ ORDER_KEY,
            loss_unit: self.programs.loss_unit,
        }))
    }

    /// A pass has ended.
    fn swept(&mut self, mut state: Vec<Tensor>) -> Result<(Option<Step>, Request)> {
        let sums = state.split_off(self.programs.names.len());
        let step = self.step(&state, &sums)?;
        self.progress.epoch = step.epoch;
        self.progress.loss = step.loss;
        let parameters = state[..self.programs.parts].to_vec();
        self.progress.from = Some(Position { batch: 0, state, sums: vec![] });
        if !self.course.evaluates {
            return self.logged(step);
        }
        let (program, rows_max) = (Arc::clone(&self.programs.evaluation), self.programs.evaluation_rows);
        self.asked = Asked::Evaluation(step);
        Ok((None, Request::Fold(Fold { program, parameters, over: Part::Eval, rows_max })))
    }

    /// The log line of a pass, out of its sums.
    fn step(&self, state: &[Tensor], sums: &[Tensor]) -> Result<Step> {
        let [loss, weight, squares, batches] = sums else { return Err(Error::internal("train", "a sweep gave other sums")) };
        let epoch = self.progress.epoch + 1;
        self.check_parts(state, epoch)?;
        Ok(Step {
            epoch,
            loss: self.programs.loss_unit * number(Some(loss))? / number(Some(weight))?,
            gradient_norm: (number(Some(squares))? / number(Some(batches))?).sqrt(),
            eval_loss: None,
            learning_rate: Some(number(state.last())?),
        })
    }

    /// Errors: `Execution` if an update has left a parameter that is not finite.
    fn check_parts(&self, state: &[Tensor], epoch: u64) -> Result<()> {
        for (name, tensor) in self.programs.names.iter().zip(state).take(self.programs.parts) {
            if let Some(value) = first_odd(tensor)? {
                return Err(diverged(&format!("weight `{name}`"), epoch, steps(state)? as u64, value));
            }
        }
        Ok(())
    }

    /// The rows held back have been evaluated.
    fn evaluated(&mut self, mut step: Step, sums: &[Tensor]) -> Result<(Option<Step>, Request)> {
        let eval_loss = self.programs.loss_unit * number(sums.first())? / number(sums.get(1))?;
        if !eval_loss.is_finite() {
            let done = self.progress.from.as_ref().and_then(|from| steps(&from.state).ok()).unwrap_or_default();
            return Err(diverged("evaluation loss", step.epoch, done as u64, eval_loss));
        }
        step.eval_loss = Some(eval_loss);
        self.logged(step)
    }

    /// Takes note of a pass and goes on to the next, or ends.
    fn logged(&mut self, step: Step) -> Result<(Option<Step>, Request)> {
        self.note(&step);
        Ok((Some(step), self.proceed()?))
    }

    fn note(&mut self, step: &Step) {
        let progress = &mut self.progress;
        let watched = step.eval_loss.unwrap_or(step.loss);
        let enough = progress.mark.is_none_or(|mark| watched < mark - self.course.min_rel_progress * mark.abs());
        progress.stale = if enough { 0 } else { progress.stale + 1 };
        if enough {
            progress.mark = Some(watched);
        }
        let Some(eval_loss) = step.eval_loss.filter(|_| self.course.early_stop) else { return };
        if progress.best.as_ref().is_none_or(|best| eval_loss < best.eval_loss) {
            let parts = progress.from.iter().flat_map(|from| &from.state[..self.programs.parts]).cloned().collect();
            progress.best = Some(Best { eval_loss, loss: step.loss, parts });
        }
    }

    fn has_stalled(&self) -> bool {
        self.course.early_stop && self.progress.stale >= self.course.patience
    }

    fn is_over(&self) -> bool {
        self.has_stalled() || self.progress.epoch >= self.course.epochs_max
    }

    fn done(&self) -> Request {
        let last = self.progress.from.iter().flat_map(|from| &from.state).cloned().collect();
        let best = self.progress.best.clone();
        let (loss, parts): (f64, Vec<Tensor>) = best.map_or((self.progress.loss, last), |best| (best.loss, best.parts));
        let weights: BTreeMap<String, Tensor> =
            self.programs.names.iter().take(self.programs.parts).cloned().zip(parts).collect();
        Request::Done(Fitted { weights, loss, converged: self.has_stalled() })
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

/// A number, shape []. Errors: `Internal` if it is not there.
pub(crate) fn number(tensor: Option<&Tensor>) -> Result<f64> {
    let value = tensor.map(Tensor::values::<f64>).transpose()?.and_then(|values| values.first().copied());
    value.ok_or_else(|| Error::internal("train", "a state or sum of a training is missing"))
}

/// The number of updates, out of a state.
fn steps(state: &[Tensor]) -> Result<f64> {
    number(state.len().checked_sub(2).and_then(|i| state.get(i)))
}

/// The first float that is not finite.
fn first_odd(tensor: &Tensor) -> Result<Option<f64>> {
    Ok(match tensor.dtype() {
        DType::F32 => tensor.values::<f32>()?.iter().find(|x| !x.is_finite()).map(|&x| f64::from(x)),
        DType::F64 => tensor.values::<f64>()?.iter().find(|x| !x.is_finite()).copied(),
        dtype if dtype.is_float() => tensor.to_f64().into_iter().find(|x| !x.is_finite()),
        _ => None,
    })
}

/// Errors: `Execution` if a checkpoint's state is of another model.
fn check_shapes(names: &[String], first: &[Tensor], state: &[Tensor]) -> Result<()> {
    let all = names.iter().zip(first).zip(state);
    let odd = all.into_iter().find(|((_, first), own)| first.shape() != own.shape() || first.dtype() != own.dtype());
    odd.map_or(Ok(()), |((name, first), own)| {
        Err(unfit(format!("`{name}` has shape {:?}, expected {:?}", own.shape(), first.shape())))
    })
}
