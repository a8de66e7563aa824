//! Texts as vectors.

use gradframe_ml_core::{Error, Result};
use rayon::prelude::*;

use crate::batches::Work;
use crate::config::Config;
use crate::model::Model;
use crate::runner::{Observe, Runner};
use crate::text::{Encoded, Tokenizer};

const OP: &str = "embed";
/// Places of a batch: what it computes with stays in a core's second-level cache, and its products are large enough to read the weights meanwhile.
const BATCH_TOKENS: usize = 256;

/// How texts are embedded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbedOptions {
    /// Tokens of a text, at most; None: as many as the model is meant for.
    pub max_tokens: Option<usize>,
    /// Vectors of length 1, whatever the model says.
    pub normalize: bool,
    /// The name of one of the model's prompts, which is put before each text.
    pub prompt: Option<String>,
    /// What is put before each text, whatever prompts the model has.
    pub prompt_text: Option<String>,
    /// Places of a batch; None: as the engine sees fit.
    pub batch_tokens: Option<usize>,
}

/// Texts as vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedded {
    /// [N, D], one after the other.
    pub vectors: Vec<f32>,
    /// Tokens of each text, the special ones among them.
    pub tokens: Vec<usize>,
    /// True where the end of a text was left out.
    pub truncated: Vec<bool>,
    /// What it took.
    pub work: Work,
}

/// A model that embeds texts.
#[derive(Debug)]
pub struct Embedder {
    runner: Runner,
    tokenizer: Tokenizer,
    width: usize,
    max_tokens: usize,
    prefix: String,
    lower_case: bool,
}

impl Embedder {
    /// Errors: those of a checkpoint that does not fit its configuration; `Plan` for an option that is wrong.
    pub fn new(model: &Model, options: &EmbedOptions) -> Result<Self> {
        let pooling = model.pooling()?;
        let prefix = prompt(model, options)?;
        let skipped = if pooling.includes_prompt() { 0 } else { tokens_of(model, &prefix)? };
        let compiled = model.compiled(|net, rows, hidden| pooling.apply(net, rows, hidden, (skipped, options.normalize)))?;
        let most = model.length_max()?;
        let max_tokens = options.max_tokens.unwrap_or(most).min(model.architecture().context());
        let batch_tokens = options.batch_tokens.unwrap_or(BATCH_TOKENS).max(1);
        Ok(Embedder {
            runner: Runner::new(compiled, model.architecture().vocabulary(), batch_tokens),
            tokenizer: model.tokenizer()?.truncated_to(max_tokens)?,
            width: pooling.width(),
            max_tokens,
            prefix,
            lower_case: is_lower_case(model)?,
        })
    }

    /// Numbers of a vector of this model. Errors: `Execution` or `NotImplemented` for a module that is wrong or not known.
    pub fn width_of(model: &Model) -> Result<usize> {
        Ok(model.pooling()?.width())
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Tokens of a text, at most.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Bytes of weights that a run reads.
    pub fn parameter_bytes(&self) -> usize {
        self.runner.compiled().parameter_bytes()
    }

    /// The compiled form of the network.
    pub fn program(&self) -> &gradframe_ml_kernels::Program {
        self.runner.compiled().program()
    }

    /// Runs the network once on rows of so many tokens, [rows, tokens], on this thread, and tells the time of each kernel.
    pub fn time_kernels(&self, sizes: [usize; 2], on_kernel: &mut gradframe_ml_kernels::cpu::OnKernel) -> Result<()> {
        self.runner.time_kernels(sizes, on_kernel)
    }

    /// The vectors of these texts. A text of no tokens gives zeros. Errors: those of the tokenizer, naming what it gave.
    pub fn embed(&self, texts: &[&str]) -> Result<Embedded> {
        self.embed_observed(texts, &|_| Ok(()))
    }

    /// As [`Embedder::embed`]; `observe` is told of each batch that is done, and ends the work by an error.
    pub fn embed_observed(&self, texts: &[&str], observe: &Observe) -> Result<Embedded> {
        let rows: Vec<Encoded> = texts.par_iter().map(|text| self.encoded(text)).collect::<Result<_>>()?;
        let work = std::sync::Mutex::new(Work::default());
        let counted = |batch: Work| {
            *work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += batch;
            observe(batch)
        };
        let found = self.runner.run(&rows, &counted)?;
        let mut vectors = Vec::with_capacity(texts.len() * self.width);
        for vector in &found {
            let missing = if vector.is_empty() { self.width } else { 0 };
            vectors.extend_from_slice(vector);
            vectors.resize(vectors.len() + missing, 0.0);
        }
        if vectors.len() != texts.len() * self.width {
            return Err(Error::internal(OP, format!("{} numbers for {} texts of {}", vectors.len(), texts.len(), self.width)));
        }
        let tokens = rows.iter().map(|row| row.ids.len()).collect();
        let truncated = rows.iter().map(|row| row.is_truncated).collect();
        let work = work.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(Embedded { vectors, tokens, truncated, work })
    }

    /// With the blanks at its ends: sentence-transformers takes them away no more, and tokenizers of bytes and pieces see them.
    fn encoded(&self, text: &str) -> Result<Encoded> {
        match (self.prefix.is_empty(), self.lower_case) {
            (true, false) => self.tokenizer.encode(text),
            (_, true) => self.tokenizer.encode(&format!("{}{text}", self.prefix).to_lowercase()),
            _ => self.tokenizer.encode(&format!("{}{text}", self.prefix)),
        }
    }
}

/// What is put before each text: the prompt that is asked for, else the model's default one.
fn prompt(model: &Model, options: &EmbedOptions) -> Result<String> {
    if let Some(text) = &options.prompt_text {
        return Ok(text.clone());
    }
    let config = Config::read_if_there(model.root(), "config_sentence_transformers.json")?;
    let default = config.as_ref().and_then(|c| c.get("default_prompt_name")?.as_str());
    let Some(name) = options.prompt.as_deref().or(default) else { return Ok(String::new()) };
    let prompts = config.as_ref().and_then(|c| c.get("prompts")?.as_object());
    let found = prompts.and_then(|prompts| prompts.get(name)?.as_str());
    let unknown = || {
        let known: Vec<&str> = prompts.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("expected one of {}", known.join(", ")) };
        Error::plan(OP, format!("unknown prompt `{name}` of the model, {known}"))
    };
    found.map(str::to_owned).ok_or_else(unknown)
}

/// Tokens that a prompt makes at the beginning of a text, the special ones before it among them.
fn tokens_of(model: &Model, prompt: &str) -> Result<usize> {
    if prompt.is_empty() {
        return Ok(0);
    }
    let spans = model.tokenizer()?.spans(prompt, None)?;
    let ends = spans.last().is_some_and(|last| last.text.is_none());
    Ok(spans.len() - usize::from(ends))
}

fn is_lower_case(model: &Model) -> Result<bool> {
    let config = Config::read_if_there(model.directory(), "sentence_bert_config.json")?;
    config.map_or(Ok(false), |c| c.flag_or("do_lower_case", false))
}
