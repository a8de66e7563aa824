//! Texts continued, token by token.
//!
//! Prompts of a length are read together, a beginning that all share once. Then all rows take a step at a time; who is done makes
//! room for who waits (Yu et al. 2022).

mod beams;
mod cache;
mod options;
mod sampling;
mod schedule;
mod stepper;

use gradframe_ml_core::{Error, Result};

use crate::batches::check_tokens;
use crate::config::Config;
use crate::model::Model;
use crate::text::Tokenizer;
pub use options::GenerateOptions;
use stepper::Stepper;

const OP: &str = "generate";
/// Rows that take steps together.
const ROWS: usize = 16;

/// Why a continuation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// By a token that says so.
    End,
    /// At one of the texts that stop it.
    Stop,
    /// It has as many tokens as were asked for.
    Length,
    /// The model looks back no further.
    Context,
}

/// A continuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// What comes after the prompt, without the token that ends it.
    pub ids: Vec<u32>,
    /// The token that ends it, where one does.
    pub end: Option<u32>,
    /// The same as a text, up to a text that stops it.
    pub text: String,
    /// Why it ends.
    pub finish: Finish,
}

/// What was computed, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Steps {
    /// Tokens of prompts that were read.
    pub prompt_tokens: usize,
    /// Tokens of prompts that were not read again, as part of a beginning that prompts share.
    pub shared_tokens: usize,
    /// New tokens.
    pub tokens: usize,
    /// Runs of the network.
    pub runs: usize,
    /// Rows of those runs that were done already, or empty.
    pub idle_rows: usize,
}

/// Told after each run of the network; an error from it ends the work.
pub type OnStep<'a> = dyn FnMut(Steps) -> Result<()> + 'a;

/// A model that continues texts.
#[derive(Debug)]
pub struct Generator {
    stepper: Stepper,
    tokenizer: Option<Tokenizer>,
    context: usize,
    vocabulary: usize,
    /// Tokens that end a continuation.
    ends: Vec<u32>,
}

impl Generator {
    /// Errors: `Plan` for a model that does not continue texts; those of a checkpoint that does not fit its configuration.
    pub fn new(model: &Model) -> Result<Self> {
        Ok(Generator { tokenizer: Some(model.tokenizer()?.clone()), ..Self::of_tokens(model)? })
    }

    /// As [`Generator::new`], of tokens alone: the model needs no tokenizer. Errors: as for `new`.
    pub fn of_tokens(model: &Model) -> Result<Self> {
        let architecture = model.architecture();
        let cache = architecture.cache().ok_or_else(|| {
            let what = format!("expected a model that continues texts, {} sees them as a whole", model.kind());
            Error::plan(OP, what).hint("ML.GENERATE_EMBEDDING takes it")
        })?;
        Ok(Generator {
            stepper: Stepper::new(model, cache)?,
            tokenizer: None,
            context: architecture.context(),
            vocabulary: architecture.vocabulary(),
            ends: ends(model)?,
        })
    }

    /// Tokens of a prompt and its continuation, at most.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Bytes of weights that a run reads.
    pub fn parameter_bytes(&self) -> usize {
        self.stepper.parameter_bytes()
    }

    /// One step of so many rows after so many tokens, on this thread; tells the time of each kernel of [`Generator::program`].
    pub fn time_kernels(&self, rows: usize, after: usize, on_kernel: &mut gradframe_ml_kernels::cpu::OnKernel) -> Result<()> {
        self.stepper.time_kernels(rows, after, on_kernel)
    }

    /// The compiled network.
    pub fn program(&self) -> &gradframe_ml_kernels::Program {
        self.stepper.program()
    }

    /// A text as the model's tokens. Errors: those of the tokenizer.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let tokenizer = self.tokenizer.as_ref().ok_or_else(|| Error::internal(OP, "has no tokenizer"))?;
        Ok(tokenizer.encode(text)?.ids)
    }

    /// Errors: `Execution` if the prompt is empty or leaves no room in the context, or has tokens that the model does not have.
    pub fn check_prompt(&self, ids: &[u32]) -> Result<()> {
        if ids.is_empty() {
            return Err(Error::execution(OP, "expected a prompt of a token or more, got an empty one"));
        }
        if ids.len() >= self.context {
            let what = format!("a prompt has {} tokens, expected fewer than the context of {}", ids.len(), self.context);
            return Err(Error::execution(OP, what).hint("shorten it"));
        }
        check_tokens(ids, self.vocabulary)
    }

    /// Continues each prompt. Equal prompts are continued once.
    /// Errors: `Plan` for options that are wrong; `Execution` as for [`Generator::check_prompt`]; what `on_step` says.
    pub fn generate(
        &self,
        prompts: &[Vec<u32>],
        options: &GenerateOptions,
        on_step: &mut OnStep,
    ) -> Result<(Vec<Generated>, Steps)> {
        self.generate_seeded(prompts, &vec![options.seed; prompts.len()], options, on_step)
    }

    /// As [`Generator::generate`], each prompt with a seed of its own: equal ones with other seeds go on otherwise, where tokens are drawn.
    /// Errors: as there; `Plan` if there are not as many seeds.
    pub fn generate_seeded(
        &self,
        prompts: &[Vec<u32>],
        seeds: &[u64],
        options: &GenerateOptions,
        on_step: &mut OnStep,
    ) -> Result<(Vec<Generated>, Steps)> {
        options.check()?;
        if seeds.len() != prompts.len() {
            return Err(Error::plan(OP, format!("expected a seed for each prompt, got {} for {}", seeds.len(), prompts.len())));
        }
        prompts.iter().try_for_each(|prompt| self.check_prompt(prompt))?;
        if options.beams > 1 {
            return self.by_beams(prompts, options, on_step);
        }
        schedule::Schedule::new(self, prompts, seeds, options)?.all(on_step)
    }

    /// New tokens, the one that ends them among them, as a text up to the first text that stops it.
    fn finished(&self, mut ids: Vec<u32>, options: &GenerateOptions, finish: Finish) -> Result<Generated> {
        let end = if finish == Finish::End { ids.pop() } else { None };
        let text = self.text_before(&ids, &options.stop)?;
        Ok(Generated { ids, end, text, finish })
    }

    fn text(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        self.tokenizer.as_ref().map_or(Ok(String::new()), |tokenizer| tokenizer.decode(ids, skip_special))
    }

    /// The text up to the first text that stops it, without special tokens, which may be what stops it.
    fn text_before(&self, ids: &[u32], stop: &[String]) -> Result<String> {
        let mut whole = self.text(ids, true)?;
        let Some(at) = (if stop.is_empty() { None } else { first_of(&self.text(ids, false)?, stop) }) else { return Ok(whole) };
        if let Some(at) = first_of(&whole, stop) {
            whole.truncate(at);
            return Ok(whole);
        }
        for count in (0..ids.len()).rev() {
            let before = self.text(&ids[..count], false)?;
            if before.len() <= at {
                // What the next token has of the text before.
                let next = self.text(&ids[..=count], false)?;
                let rest = next.get(before.len()..at).unwrap_or_default();
                return Ok(self.text(&ids[..count], true)? + rest);
            }
        }
        Ok(String::new())
    }

    /// Why a continuation is done after these new tokens, if it is.
    fn finish(&self, prompt: usize, new: &[u32], options: &GenerateOptions) -> Result<Option<Finish>> {
        if new.last().is_some_and(|id| self.ends.contains(id)) {
            return Ok(Some(Finish::End));
        }
        // Texts stop it that are made of special tokens too, as in transformers: `<|im_end|>` of a model that has another end.
        if !options.stop.is_empty() && first_of(&self.text(new, false)?, &options.stop).is_some() {
            return Ok(Some(Finish::Stop));
        }
        if new.len() >= options.max_tokens {
            return Ok(Some(Finish::Length));
        }
        Ok((prompt + new.len() >= self.context).then_some(Finish::Context))
    }
}

/// Where the first of the texts that stop a text begins in it.
fn first_of(text: &str, stop: &[String]) -> Option<usize> {
    stop.iter().filter_map(|stop| text.find(stop.as_str())).min()
}

/// The tokens that end a continuation, of `generation_config.json`, else of `config.json`.
fn ends(model: &Model) -> Result<Vec<u32>> {
    let generation = Config::read_if_there(model.directory(), "generation_config.json")?;
    let own = generation.as_ref().and_then(|config| config.get("eos_token_id"));
    let value = own.or_else(|| model.config().get("eos_token_id"));
    let id = |value: &serde_json::Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    let wrong = || model.config().wrong("eos_token_id", "a token or a list of tokens", value);
    match value {
        None => Ok(Vec::new()),
        Some(serde_json::Value::Array(all)) => all.iter().map(|one| id(one).ok_or_else(wrong)).collect(),
        Some(one) => Ok(vec![id(one).ok_or_else(wrong)?]),
    }
}
