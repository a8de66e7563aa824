//! The contract between an estimator and whoever feeds it.
//!
//! An estimator states its needs as data: it asks for folds of a compiled function over the encoded training set,
//! gets the sums, and asks again until it is done. It never sees a file, a query or a thread.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use gradframe_ml_core::{Function, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::model::{LabelSpec, Model};
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
    pub label: LabelSpec,
}

/// A run of encoded rows.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub rows: usize,
    /// `[rows, layout.dense]` f64.
    pub dense: Tensor,
    /// One `[rows]` i32 a one-hot column; -1 is no category.
    pub codes: Vec<Tensor>,
    /// `[rows]` f64: the number, or the class's index in `LabelSpec::classes`.
    pub label: Tensor,
}

impl Chunk {
    /// The tensors in the order in which a fold's program takes them, after its parameters.
    pub fn arguments(&self) -> impl Iterator<Item = Tensor> + '_ {
        std::iter::once(self.dense.clone()).chain(self.codes.iter().cloned()).chain(std::iter::once(self.label.clone()))
    }
}

/// What a training asks for next.
#[derive(Debug)]
pub enum Request {
    /// Run `program(parameters.., dense, codes.., label)` over every chunk and add up each output over the chunks,
    /// in chunk order.
    Fold(Fold),
    /// Nothing more: these are the weights.
    Done(Fitted),
}

/// A sum over the training set.
#[derive(Debug, Clone)]
pub struct Fold {
    pub program: Arc<Program>,
    pub parameters: Vec<Tensor>,
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
    /// Passes of the optimiser so far, from 0.
    pub epoch: u64,
    /// Mean loss with penalty.
    pub loss: f64,
    /// Largest absolute component of the gradient.
    pub gradient_norm: f64,
}

/// A training in progress.
pub trait Training: Send + Debug {
    /// Takes the sums asked for last (None at first), says what is needed next, and a log line where a step ended.
    fn next(&mut self, answer: Option<Vec<Tensor>>) -> Result<(Option<Step>, Request)>;
}

/// An option of a model type.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionDef {
    pub name: &'static str,
    pub default: OptionValue,
    pub allowed: Allowed,
    pub help: &'static str,
}

/// An option's value, and by its variant the type that is taken.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'static str),
}

/// The values that an option takes, within its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    Any,
    /// This number or more.
    AtLeast(f64),
    /// More than this number.
    MoreThan(f64),
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
    /// Starts a training. Errors: `Plan` for option values out of range.
    fn begin(&self, layout: &Layout, options: &Options, seed: u64) -> Result<Box<dyn Training>>;
    /// The prediction as a function of raw columns, in feature order, weights folded in as constants: a `Standard`
    /// feature is `x: f64 [N]`, with `nullable` followed by `valid: bool [N]`; a `OneHot` feature is
    /// `code: i32 [N]` (see `Vocabulary`). Features in `Model::unused_features` have no arguments.
    /// Results: regression `[N]` f64; classification the classes' probabilities `[N, C]` f64.
    fn predict(&self, model: &Model, nullable: bool) -> Result<Function>;
}
