//! A whole step of a training, forward, backward and update, as one compiled program.

use std::fmt;

use gradframe_ml_array::{Array, ArrayType, Compiled, Tracing};
use gradframe_ml_core::{Error, Result};
use rustc_hash::FxHashMap;

use crate::module::{Module, modes};
use crate::optim::{Form, Optimizer};
use crate::random::{next_key, with_key};
use crate::traced::Held;

/// Programs that are kept, at most; then it begins anew.
const KNOWN_MAX: usize = 64;

/// A step of a training that is traced once for each kind of batch, and runs as one program from then on: `gf.jit(state=..)` for Rust.
///
/// The function is written as a step without it: it computes a loss, its `backward`, and calls `step` of the optimiser. At each call
/// parameters, buffers, what the optimiser keeps and its learning rate are as they are then, and dropout draws anew; everything else that the
/// function uses is as it was when it was traced. A call that fails changes nothing.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::functional::{Reduction, mse_loss};
/// use gradframe_ml_nn::optim::{Adam, clip_grad_norm};
/// use gradframe_ml_nn::{Layer, Linear, Module, Tanh, TrainStep, sequential};
///
/// let model = sequential![Linear::new(2, 8)?, Tanh, Linear::new(8, 1)?];
/// let optimizer = Adam::new().lr(0.01).build(model.parameters())?;
/// let mut step = TrainStep::new(model, optimizer, |model, optimizer, batch| {
///     let loss = mse_loss(&model.forward(&batch[0])?, &batch[1], Reduction::Mean)?;
///     let mut gradients = loss.backward()?;
///     clip_grad_norm(&mut gradients, 1.0)?;
///     optimizer.step(&gradients)?;
///     Ok(loss)
/// });
/// let (x, y) = (Array::from_vec(&[3, 2], vec![0.5f32; 6])?, Array::from_vec(&[3, 1], vec![2.0f32; 3])?);
/// let first = step.run(&[x.clone(), y.clone()])?.to_vec::<f32>()?[0];
/// let mut last = first;
/// for _ in 0..50 {
///     last = step.run(&[x.clone(), y.clone()])?.to_vec::<f32>()?[0];
/// }
/// assert!(last < 0.5 * first);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
pub struct TrainStep<M, F> {
    model: M,
    optimizer: Optimizer,
    function: F,
    known: FxHashMap<Key, Known>,
}

/// What one program serves.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    batch: Vec<ArrayType>,
    held: Vec<ArrayType>,
    learned: usize,
    training: Vec<bool>,
    form: Form,
}

/// A program: its results are the loss, the arrays of the module, and what the optimiser keeps.
struct Known {
    compiled: Compiled,
    /// Results and the arguments whose next values they are.
    successors: Vec<(usize, usize)>,
    /// Which of the optimiser's parameters it updates.
    updated: Vec<bool>,
}

impl<M: Module, F: Fn(&M, &mut Optimizer, &[Array]) -> Result<Array>> TrainStep<M, F> {
    /// A step of this model and its optimiser. The function is given both and the batch; what it gives, the loss, is given back.
    pub fn new(model: M, optimizer: Optimizer, function: F) -> Self {
        TrainStep { model, optimizer, function, known: FxHashMap::default() }
    }

    /// One step with this batch. Errors: those of the function; `Plan` if it steps the optimiser twice, or that has
    /// parameters that are not the model's; those of computing it.
    pub fn run(&mut self, batch: &[Array]) -> Result<Array> {
        let held = Held::of(&self.model);
        let mut given = held.arrays();
        given.extend(self.optimizer.given()?);
        given.push(next_key()?);
        given.extend_from_slice(batch);
        let kind = self.kind(&held, batch);
        if !self.known.contains_key(&kind) {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            let known = self.traced(&held, &given, batch.len())?;
            self.known.insert(self.kind(&held, batch), known);
        }
        let Some(known) = self.known.get(&kind) else { return Err(Error::internal("TrainStep", "no program")) };
        let mut results = known.compiled.run(&given, &known.successors)?.into_iter();
        let loss = results.next().flatten().ok_or_else(|| Error::internal("TrainStep", "no loss"))?;
        held.put(results.by_ref().take(held.len()))?;
        self.optimizer.put(results, &known.updated);
        Ok(loss)
    }

    fn kind(&self, held: &Held, batch: &[Array]) -> Key {
        let types = |arrays: &[Array]| arrays.iter().map(|array| array.ty().clone()).collect();
        Key {
            batch: types(batch),
            held: types(&held.arrays()),
            learned: held.learned().len(),
            training: modes(&self.model).iter().map(crate::Mode::is_training).collect(),
            form: self.optimizer.form(),
        }
    }

    /// Calls the function with stand-ins, and compiles what it did.
    fn traced(&mut self, held: &Held, given: &[Array], batch: usize) -> Result<Known> {
        if let Some(other) = self.optimizer.parameters().find(|parameter| !held.holds(parameter)) {
            let error = Error::plan("TrainStep", format!("the optimizer has a parameter {other:?} that is not the model's"));
            return Err(error.hint("make it part of the model"));
        }
        let types: Vec<ArrayType> = given.iter().map(|array| array.ty().clone()).collect();
        let tracing = Tracing::begin("TrainStep", &types);
        let (own, batch) = tracing.arguments.split_at(given.len() - batch);
        let (arguments, learned) = (given.len(), held.learned().len());
        let (arrays, rest) = own.split_at(held.len());
        let (kept, key) = rest.split_at(rest.len() - 1);
        let watched = arrays[..learned].iter().map(Array::watched).collect::<Result<Vec<_>>>()?;
        let stand_ins = [&watched[..], &arrays[learned..]].concat();
        let before = self.optimizer.enter(kept);
        let step = || with_key(&key[0], || (self.function)(&self.model, &mut self.optimizer, batch));
        let (result, after) = held.standing_for(stand_ins, step);
        let (slots, updated) = self.optimizer.leave(before);
        // Both begin with the module's arrays, and end with what the optimiser keeps.
        let arrays = (0..held.len()).map(|i| (1 + i, i));
        let (first_result, first) = (1 + held.len(), arguments - batch.len() - 1 - slots.len());
        let successors = arrays.chain((0..slots.len()).map(|i| (first_result + i, first + i))).collect();
        let results = [vec![result?], after, slots].concat();
        let compiled = Compiled::new(&tracing.close_at_last(&results)?)?;
        Ok(Known { compiled, successors, updated })
    }
}

impl<M, F> TrainStep<M, F> {
    /// The model, whose parameters each step has changed.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The optimiser, to look at.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The optimiser, whose learning rate may be another at the next step.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer {
        &mut self.optimizer
    }

    /// The model and its optimiser, for what comes after the training.
    pub fn into_parts(self) -> (M, Optimizer) {
        (self.model, self.optimizer)
    }
}

impl<M: fmt::Debug, F> fmt::Debug for TrainStep<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainStep").field("model", &self.model).field("programs", &self.known.len()).finish()
    }
}
