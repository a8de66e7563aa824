//! A pretrained model: its directory, what its configuration describes, and where its weights lie.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use gradframe_ml_core::{Error, NodeId, Result};
use serde_json::Value;

use crate::config::Config;
use crate::files::Directory;
use crate::net::{Compiled, Net};
use crate::nets::{Architecture, architecture, kind};
use crate::pooling::Pooling;
use crate::precision::{DtypeChoice, Precision};
use crate::rows::Rows;
use crate::runner::Runner;
use crate::task::Task;
use crate::text::{ChatTemplate, Encoded, Tokenizer};
use crate::weights::Weights;

/// A pretrained model. Opening reads the configuration and the headers of the weights; the tokenizer is read when it is asked for.
#[derive(Debug)]
pub struct Model {
    /// Where `modules.json` is, if there is one.
    root: Directory,
    directory: Directory,
    config: Config,
    architecture: Box<dyn Architecture>,
    weights: Weights,
    precision: Precision,
    tokenizer: OnceLock<Tokenizer>,
    /// The compiled network, whole and without its head, once somebody has asked for its numbers.
    runners: Mutex<Vec<(Option<Task>, Arc<Runner>)>>,
}

impl Model {
    /// The model of a directory, computed in what its checkpoint is of: see [`DtypeChoice::Auto`].
    /// Errors: as for [`Model::open_in`].
    pub fn open(path: &Path) -> Result<Self> {
        Model::open_in(path, DtypeChoice::Auto)
    }

    /// The model of a directory, computed in this type.
    /// Errors: `External` for what is missing; `Execution` naming the file that is wrong; `NotImplemented` for an unknown architecture,
    /// listing those known.
    pub fn open_in(path: &Path, dtype: DtypeChoice) -> Result<Self> {
        let root = Directory::open(path)?;
        let directory = match transformer_of(&root)? {
            Some(folder) => Directory::open(&path.join(folder))?,
            None => root.clone(),
        };
        let config = Config::read(&directory, "config.json")?;
        let architecture = architecture(&config)?;
        let weights = Weights::open(&directory)?;
        let precision = dtype.for_weights(&weights);
        let (tokenizer, runners) = Default::default();
        Ok(Model { root, directory, config, architecture, weights, precision, tokenizer, runners })
    }

    /// Asks whether the files of its weights are as long as they were.
    /// Errors: `External` naming one that was cut short since it was opened: no run of this model will do.
    pub fn check(&self) -> Result<()> {
        self.weights.files().iter().try_for_each(|file| file.check())
    }

    /// Its directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Its `config.json`.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The name of its architecture: `bert`, `llama`.
    pub fn kind(&self) -> &str {
        kind(&self.config).unwrap_or_default()
    }

    /// The network.
    pub fn architecture(&self) -> &dyn Architecture {
        self.architecture.as_ref()
    }

    /// Its weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Numbers in its tensors.
    pub fn parameters(&self) -> usize {
        self.weights.iter().map(|weight| weight.shape.iter().product::<usize>()).sum()
    }

    /// What its products are computed in.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Its tokenizer, read once. Errors: `External` if it has none; `Execution` if that is not a tokenizer, or gives tokens that the model
    /// does not have. Tokens that were added to it may be more: whose are used, that is an error where it happens.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        if self.tokenizer.get().is_none() {
            let read = Tokenizer::open(&self.directory)?;
            let (most, vocabulary) = (read.token_max(), self.architecture.vocabulary());
            if most.is_some_and(|most| most as usize >= vocabulary) {
                let what = format!("tokenizer.json has token {}, the model has {vocabulary} tokens", most.unwrap_or_default());
                return Err(Error::execution("tokenizer", what).hint("tokenizer.json and config.json do not belong together"));
            }
            let _ = self.tokenizer.set(read); // another thread may have been first, with the same one
        }
        self.tokenizer.get().ok_or_else(|| Error::internal("tokenizer", "is not there after it was read"))
    }

    /// Its template of conversations; None if it has none. Errors: `Execution` for a file that is wrong.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>> {
        ChatTemplate::open(&self.directory)
    }

    /// What its head is for; None of a model without a head.
    pub fn task(&self) -> Option<Task> {
        Task::of(&self.config, &self.weights, self.architecture.cache().is_some())
    }

    /// The labels of its head, in order; `LABEL_0` and so on where it does not name them.
    pub fn labels(&self) -> Vec<String> {
        let named = self.config.get("id2label").and_then(Value::as_object);
        let count = named.map_or_else(|| self.config.size_or("num_labels", 2).unwrap_or(2), serde_json::Map::len);
        let label = |i: usize| named?.get(&i.to_string())?.as_str().map(str::to_owned);
        (0..count).map(|i| label(i).unwrap_or_else(|| format!("LABEL_{i}"))).collect()
    }

    /// How token vectors become one of the text: as sentence-transformers' modules say, else their mean.
    /// Errors: `Execution` for a module that is wrong, `NotImplemented` naming one that is not known.
    pub(crate) fn pooling(&self) -> Result<Pooling> {
        Pooling::read(&self.root, self.architecture.width())
    }

    /// The directory that was opened.
    pub fn root(&self) -> &Directory {
        &self.root
    }

    /// What the head gives for each row of tokens, or the tokens' vectors of a model without a head: [L] of labels, [T, ..] of tokens.
    /// `kinds` says of which of two texts each token is; None: of one.
    /// Errors: those of a checkpoint that does not fit its configuration; `Plan` for a token that the model does not have, or a row of
    /// more tokens than it has places.
    pub fn scores(&self, rows: &[Vec<u32>], kinds: Option<&[Vec<u32>]>) -> Result<Vec<Vec<f32>>> {
        self.numbers(self.task(), rows, kinds)
    }

    /// The vectors [T, C] of each row of tokens, below any head. Arguments and errors as for [`Model::scores`].
    pub fn hidden_states(&self, rows: &[Vec<u32>], kinds: Option<&[Vec<u32>]>) -> Result<Vec<Vec<f32>>> {
        self.numbers(None, rows, kinds)
    }

    fn numbers(&self, head: Option<Task>, rows: &[Vec<u32>], kinds: Option<&[Vec<u32>]>) -> Result<Vec<Vec<f32>>> {
        rows.iter().enumerate().try_for_each(|(number, row)| self.check_row(number, row))?;
        let encoded = |(row, ids): (usize, &Vec<u32>)| {
            let own = kinds.and_then(|kinds| kinds.get(row));
            let kinds = own.cloned().unwrap_or_else(|| vec![0; ids.len()]);
            Encoded { ids: ids.clone(), kinds, is_truncated: false }
        };
        let rows: Vec<Encoded> = rows.iter().enumerate().map(encoded).collect();
        self.runner(head)?.run(&rows, &|_| Ok(()))
    }

    /// The network with this head, compiled once.
    fn runner(&self, head: Option<Task>) -> Result<Arc<Runner>> {
        let mut runners = self.runners.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some((_, known)) = runners.iter().find(|(own, _)| *own == head) {
            return Ok(Arc::clone(known));
        }
        let compiled = self.compiled(|net, rows, hidden| match head {
            Some(task) => self.architecture.head(net, rows, hidden, task),
            None => Ok(hidden),
        })?;
        let made = Arc::new(Runner::new(compiled, self.architecture.vocabulary(), usize::MAX));
        runners.push((head, Arc::clone(&made)));
        Ok(made)
    }

    fn check_row(&self, number: usize, row: &[u32]) -> Result<()> {
        let (vocabulary, places) = (self.architecture.vocabulary(), self.architecture.context());
        if let Some(token) = row.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(Error::plan("model", format!("row {number} has token {token}, the model has {vocabulary}")));
        }
        if self.architecture.has_places() && row.len() > places {
            let what = format!("row {number} has {} tokens, the model has {places} places", row.len());
            return Err(Error::plan("model", what).hint("cut it: tokenizer(..., truncation=True)"));
        }
        Ok(())
    }

    /// Compiles what `build` makes of whole rows' vectors [B, T, C].
    pub(crate) fn compiled(&self, build: impl FnOnce(&mut Net, &Rows, NodeId) -> Result<NodeId>) -> Result<Compiled> {
        let mut net = Net::for_many_rows(&self.weights, self.precision);
        let mut rows = Rows::whole(&mut net)?;
        let hidden = self.architecture.hidden(&mut net, &mut rows)?;
        let output = build(&mut net, &rows, hidden)?;
        net.compile(vec![output])
    }

    /// Tokens of a text, at most: of the network, and of what the tokenizer and sentence-transformers' settings say.
    /// Errors: `Execution` for a field of the wrong kind.
    pub fn length_max(&self) -> Result<usize> {
        let of_sentences = Config::read_if_there(&self.directory, "sentence_bert_config.json")?;
        let of_sentences =
            of_sentences.filter(|c| c.get("max_seq_length").is_some()).map(|c| c.count("max_seq_length")).transpose()?;
        let said = match of_sentences {
            Some(length) => Some(length),
            None => crate::text::length_max(&self.directory)?,
        };
        Ok(said.unwrap_or(usize::MAX).min(self.architecture.context()))
    }
}

/// The folder of the first of sentence-transformers' modules, if it has one of its own.
fn transformer_of(root: &Directory) -> Result<Option<String>> {
    let modules = root.json("modules.json")?;
    let path = modules.as_ref().and_then(|m| m.get(0)?.get("path")?.as_str());
    match path {
        None | Some("") => Ok(None),
        Some(path) => crate::pooling::folder(path).map(Some),
    }
}
