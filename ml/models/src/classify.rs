//! Texts as labels: models with a head for whole texts, of one text or of pairs of them.

use gradframe_ml_core::{Error, Result};
use rayon::prelude::*;

use crate::batches::Work;
use crate::model::Model;
use crate::runner::{Observe, Runner};
use crate::task::Task;
use crate::text::{Encoded, Tokenizer};

const OP: &str = "classify";
const BATCH_TOKENS: usize = 1024;

/// What was found of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Classified {
    /// [N, L], NaN for a text of no tokens; else a number for each label: probabilities, or what the model gives if it measures (one label and `regression`).
    pub scores: Vec<f32>,
    /// Tokens of each text.
    pub tokens: Vec<usize>,
    /// What it took.
    pub work: Work,
}

/// How scores become what is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scores {
    /// One label is right.
    Softmax,
    /// Each is right or not by itself.
    Sigmoid,
    /// They are what is measured.
    Plain,
}

/// A model that labels texts.
#[derive(Debug)]
pub struct Classifier {
    runner: Runner,
    tokenizer: Tokenizer,
    labels: Vec<String>,
}

impl Classifier {
    /// Errors: `Plan` if the model has no head for whole texts; those of a checkpoint that does not fit its configuration.
    pub fn new(model: &Model) -> Result<Self> {
        if model.task() != Some(Task::Sequence) {
            let has = model.task().map_or("none", Task::name);
            let what = format!("expected a model with a head for {}, its head is for {has}", Task::Sequence.name());
            return Err(Error::plan(OP, what).hint("ML.GENERATE_EMBEDDING takes a model without a head"));
        }
        let how = scores_of(model)?;
        let compiled = model.compiled(|net, rows, hidden| {
            let scores = model.architecture().head(net, rows, hidden, Task::Sequence)?;
            match how {
                Scores::Softmax => net.g.softmax(scores, 1),
                Scores::Sigmoid => net.g.sigmoid(scores),
                Scores::Plain => Ok(scores),
            }
        })?;
        Ok(Classifier {
            runner: Runner::new(compiled, model.architecture().vocabulary(), BATCH_TOKENS),
            tokenizer: model.tokenizer()?.truncated_to(model.length_max()?)?,
            labels: model.labels(),
        })
    }

    /// The error for a text of no tokens.
    pub fn no_tokens() -> Error {
        Error::execution(OP, "a text has no tokens").hint("filter empty texts, or use a tokenizer with special tokens")
    }

    /// The labels, in the order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// A number for each label of each text, or of each pair of texts.
    /// Errors: those of the tokenizer.
    pub fn classify(&self, texts: &[(&str, Option<&str>)], observe: &Observe) -> Result<Classified> {
        let encode = |(text, other): &(&str, Option<&str>)| match other {
            None => self.tokenizer.encode(text),
            Some(other) => self.tokenizer.encode_pair(text, other),
        };
        self.classify_tokens(&texts.par_iter().map(encode).collect::<Result<Vec<_>>>()?, observe)
    }

    /// [`Classifier::classify`] of texts that are tokens already, no more of each than the model has places for.
    pub fn classify_tokens(&self, rows: &[Encoded], observe: &Observe) -> Result<Classified> {
        let work = std::sync::Mutex::new(Work::default());
        let counted = |batch: Work| {
            *work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += batch;
            observe(batch)
        };
        let found = self.runner.run(rows, &counted)?;
        let mut scores = Vec::with_capacity(rows.len() * self.labels.len());
        for own in &found {
            scores.extend_from_slice(own);
            let missing = if own.is_empty() { self.labels.len() } else { 0 };
            scores.resize(scores.len() + missing, f32::NAN);
        }
        if scores.len() != rows.len() * self.labels.len() {
            return Err(Error::internal(OP, format!("{} scores for {} texts", scores.len(), rows.len())));
        }
        let work = work.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(Classified { scores, tokens: rows.iter().map(|row| row.ids.len()).collect(), work })
    }
}

/// As `problem_type` says; else one label is a probability, several share one.
fn scores_of(model: &Model) -> Result<Scores> {
    let labels = model.labels().len();
    match model.config().text_or("problem_type", "")? {
        "regression" => Ok(Scores::Plain),
        "multi_label_classification" => Ok(Scores::Sigmoid),
        "single_label_classification" => Ok(Scores::Softmax),
        _ if labels == 1 => Ok(Scores::Sigmoid),
        _ => Ok(Scores::Softmax),
    }
}
