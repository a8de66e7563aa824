//! The contract between an estimator and whoever feeds it.
//!
//! An estimator states its needs as data: it asks for folds of a compiled function over the encoded training set,
//! gets the sums, and asks again until it is done. It never sees a file, a query or a thread.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use gradframe_ml_core::{DType, Error, Function, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::checkpoint::Checkpoint;
use crate::estimators::{PlaceCheck, StoredModule};
use crate::in_memory::add;
use crate::minibatch::{Position, Sweep};
use crate::model::{FeatureSpec, LabelSpec, Model};
use crate::split::Split;

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Regression,
    Classification,
}

/// The encoded training set's layout; fixed before training starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub rows: u64,
    /// Columns of the dense block: standardised numbers, then null indicators.
    pub dense: usize,
    /// Categories of each one-hot column, the null category included.
    pub categories: Vec<usize>,
    /// The integer type of each column of whole numbers.
    pub whole: Vec<DType>,
    pub label: LabelSpec,
    /// True if every row has a weight: chunks then carry them.
    pub weighted: bool,
    /// Rows held back for evaluation; `rows` does not count them.
    pub eval_rows: u64,
}

/// A run of encoded rows.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub rows: usize,
    /// `[rows, layout.dense]` of the estimator's `feature_dtype`.
    pub dense: Tensor,
    /// One `[rows]` i32 a one-hot column; -1 is no category. Then one `[rows]` a column of whole numbers, of its integer type.
    pub codes: Vec<Tensor>,
    /// `[rows]` f64: the number, or the class's index in `LabelSpec::classes`.
    pub label: Tensor,
    /// `[rows]` of the type of `dense`, positive; in all chunks if `Layout::weighted`, else in none.
    pub weight: Option<Tensor>,
}

impl Chunk {
    /// At most `rows_max` rows from a row on; nothing is copied.
    /// Errors: `Internal` if there is no such row.
    pub fn part(&self, from: usize, rows_max: usize) -> Result<Chunk> {
        let rows = self.rows.saturating_sub(from).min(rows_max);
        if rows == self.rows {
            return Ok(self.clone());
        }
        let cut = |tensor: &Tensor| tensor.rows(from, rows);
        let codes = self.codes.iter().map(cut).collect::<Result<_>>()?;
        let weight = self.weight.as_ref().map(cut).transpose()?;
        Ok(Chunk { rows, dense: cut(&self.dense)?, codes, label: cut(&self.label)?, weight })
    }

    /// The tensors in the order in which a program takes them, after its parameters.
    pub fn arguments(&self) -> impl Iterator<Item = Tensor> + '_ {
        let features = std::iter::once(&self.dense).chain(&self.codes);
        features.chain(std::iter::once(&self.label)).chain(&self.weight).cloned()
    }
}

/// What a training asks for next.
#[derive(Debug)]
pub enum Request {
    /// Run `program(parameters.., dense, codes.., label[, weight])` over every chunk of a part and add up each output
    /// over the chunks, in chunk order. The answer is the sums.
    Fold(Fold),
    /// One pass over the training part in mini-batches. The answer is the state after the last batch, then the sums.
    Sweep(Sweep),
    /// Nothing more: these are the weights.
    Done(Fitted),
}

/// A sum over rows.
#[derive(Debug, Clone)]
pub struct Fold {
    pub program: Arc<Program>,
    pub parameters: Vec<Tensor>,
    pub over: Part,
    /// Rows that the program is given at once, at most: what it keeps of each may be much.
    pub rows_max: usize,
}

impl Fold {
    /// The program's outputs over a chunk, added up over its parts.
    /// Errors: those of the program; `Internal` if an output cannot be added up.
    pub fn run(&self, chunk: &Chunk) -> Result<Vec<Tensor>> {
        let mut sums: Option<Vec<Tensor>> = None;
        for from in (0..chunk.rows).step_by(self.rows_max.clamp(1, chunk.rows.max(1))) {
            let part = chunk.part(from, self.rows_max)?;
            let outputs = self.program.run(&self.parameters.iter().cloned().chain(part.arguments()).collect::<Vec<_>>())?;
            sums = Some(match sums {
                None => outputs,
                Some(sums) => sums.iter().zip(&outputs).map(|(a, b)| add(a, b)).collect::<Result<_>>()?,
            });
        }
        sums.ok_or_else(|| Error::internal("train", "a chunk without rows"))
    }
}

/// Which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that are learned.
    Train,
    /// Those held back (`Layout::eval_rows`).
    Eval,
}

/// A finished training.
#[derive(Debug, Clone)]
pub struct Fitted {
    pub weights: BTreeMap<String, Tensor>,
    pub loss: f64,
    pub converged: bool,
}

/// One line of the training log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Passes of the optimiser so far: from 0 where the starting point is measured, else from 1.
    pub epoch: u64,
    /// Mean loss with penalty; of mini-batches, over the epoch, each batch before its update.
    pub loss: f64,
    /// Largest absolute component of the gradient; of mini-batches, the root mean square of their Euclidean norms.
    pub gradient_norm: f64,
    /// Mean loss over the evaluation rows, without penalty, where there are any.
    pub eval_loss: Option<f64>,
    /// The learning rate of the last update, where there is one.
    pub learning_rate: Option<f64>,
}

/// A training in progress.
pub trait Training: Send + Debug {
    /// Takes the sums asked for last (None at first), says what is needed next, and a log line where a step ended.
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)>;

    /// Bytes of its parameters and what is kept beside each of them, from the first step to the last.
    /// Errors: `Plan` for option values out of range.
    fn state_bytes(&self) -> Result<usize> {
        Ok(0)
    }

    /// Everything needed to go on from here, or from inside the sweep asked for last, in another process with the same
    /// bits as without a break. None where that is not worth it: a training that is soon done again.
    fn checkpoint(&self, _inside: Option<&Position>) -> Result<Option<Checkpoint>> {
        Ok(None)
    }

    /// Takes a checkpoint's place, in a training just begun with the same layout, options and seed.
    /// Errors: `NotImplemented` where there are no checkpoints; `Execution` if this one does not fit.
    fn restore(&mut self, _checkpoint: &Checkpoint) -> Result<()> {
        Err(Error::not_implemented("train", "this model type does not go on from checkpoints"))
    }
}

/// An option of a model type.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionDef {
    pub name: &'static str,
    pub default: OptionValue,
    pub allowed: Allowed,
    /// Where giving it has an effect; None: everywhere.
    pub only_with: Option<With>,
    pub help: &'static str,
}

/// Another option that has one of these values, written as in SQL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct With {
    pub option: &'static str,
    pub is: &'static [&'static str],
}

/// An option's value, and by its variant the type that is taken.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'static str),
    /// A list of integers: `[64, 32]`.
    Ints(&'static [i64]),
    /// Classes with their weights, none by default: `[STRUCT('yes', 2.0), ...]`, in JSON a list of pairs.
    ClassWeights,
}

/// The values that an option takes, within its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    Any,
    /// This number or more.
    AtLeast(f64),
    /// More than this number.
    MoreThan(f64),
    /// The first number or more, and less than the second.
    Within(f64, f64),
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
}

/// Checked option values by name, defaults filled in.
pub type Options = BTreeMap<String, serde_json::Value>;

/// A model type.
pub trait Estimator: Send + Sync + Debug {
    /// Its name in SQL.
    fn model_type(&self) -> &'static str;
    fn task(&self) -> Task;
    /// The options that it takes, beside those that every model type takes.
    fn options(&self) -> &'static [OptionDef];
    /// How its training set is split where nobody says.
    fn default_split(&self) -> Split {
        Split::None
    }
    /// Whether numbers are standardised and nulls take their mean. If not, they are taken as they are, and there may be no
    /// null.
    fn standardises(&self) -> bool {
        true
    }
    /// The columns that it learns from, by name, in this order; None is every column that is nothing else.
    fn columns(&self) -> Option<Vec<String>> {
        None
    }
    /// The columns that it takes as whole numbers, and of which integer type: no float on the way rounds them.
    fn whole_columns(&self) -> Vec<(String, DType)> {
        Vec::new()
    }
    /// Looks at what the rows to learn from say of the columns. Errors: `DType` naming a column whose numbers it cannot keep.
    fn check_features(&self, _features: &[FeatureSpec]) -> Result<()> {
        Ok(())
    }
    /// What encoded rows are to be asked before they are learned from: whether they pick only what there is. None where nothing picks.
    /// Errors: those of `begin` for a layout that does not fit; `Internal` if the compiler does not take it.
    fn place_check(&self, _layout: &Layout) -> Result<Option<PlaceCheck>> {
        Ok(None)
    }
    /// What the model keeps beside its weights to predict by; None where the type and the options say all.
    fn module(&self) -> Result<Option<StoredModule>> {
        Ok(None)
    }
    /// The element type of the encoded features: f64 unless it says otherwise.
    fn feature_dtype(&self) -> DType {
        DType::F64
    }
    /// Starts a training. Errors: `Plan` for option values out of range.
    fn begin(&self, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>>;
    /// The prediction as a function of raw columns, in feature order, weights folded in as constants: a `Standard`
    /// feature is `x: f64 [N]`, with `nullable` followed by `valid: bool [N]`; a `OneHot` feature is
    /// `code: i32 [N]` (see `Vocabulary`), one of whole numbers [N] of its integer type. Features in `Model::unused_features` have no arguments.
    /// Results: regression `[N]` f64; classification the classes' probabilities `[N, C]` f64.
    fn predict(&self, model: &Model, nullable: bool) -> Result<Function>;
    /// The same of encoded rows, as they are in a [`Chunk`]: `(dense, codes..)`. Results as of `predict`.
    fn predict_encoded(&self, model: &Model) -> Result<Function>;
}
