//! How texts are continued.

use gradframe_ml_core::{Error, Result};

use crate::config::Config;
use crate::model::Model;

const OP: &str = "generate";
/// Each beam has a cache of keys and values, and a row of scores: a million of them filled memory.
const BEAMS_MAX: usize = 1024;

/// How texts are continued.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// New tokens, at most.
    pub max_tokens: usize,
    /// New tokens before an end is taken for one.
    pub min_tokens: usize,
    /// Scores are divided by it before they become probabilities; 0 takes the most probable token.
    pub temperature: f64,
    /// Only so many of the most probable tokens; None: all.
    pub top_k: Option<usize>,
    /// Only the most probable tokens that together have this probability.
    pub top_p: f64,
    /// Scores of tokens that are there already are divided by it (multiplied, if negative). Source: Keskar et al. 2019.
    pub repetition_penalty: f64,
    /// Texts at which a continuation ends; they are not part of it.
    pub stop: Vec<String>,
    /// Of the random numbers. A prompt's continuation follows from it, the prompt and these options alone.
    pub seed: u64,
    /// Continuations that are followed at once, at most 1,024, of which the most probable is taken; 1: none beside. Only with temperature 0.
    pub beams: usize,
    /// With beams: the length's exponent by which their probability is divided.
    pub length_penalty: f64,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        GenerateOptions {
            max_tokens: 128,
            min_tokens: 0,
            temperature: 0.0,
            top_k: None,
            top_p: 1.0,
            repetition_penalty: 1.0,
            stop: Vec::new(),
            seed: 0,
            beams: 1,
            length_penalty: 1.0,
        }
    }
}

impl GenerateOptions {
    /// What the model's own `generation_config.json` says, of the rest the defaults: with `do_sample` tokens are drawn (by a temperature of
    /// 1 from the 50 most probable ones, where it does not say otherwise), else the most probable one is taken.
    /// Errors: `Execution` naming a field that is wrong.
    pub fn of(model: &Model) -> Result<Self> {
        let mut own = GenerateOptions::default();
        let Some(config) = Config::read_if_there(model.directory(), "generation_config.json")? else { return Ok(own) };
        own.max_tokens = config.size_or("max_new_tokens", own.max_tokens)?.max(1);
        own.min_tokens = config.size_or("min_new_tokens", own.min_tokens)?.min(own.max_tokens);
        own.repetition_penalty = config.number_or("repetition_penalty", own.repetition_penalty)?;
        own.beams = config.size_or("num_beams", own.beams)?.max(1);
        own.length_penalty = config.number_or("length_penalty", own.length_penalty)?;
        if config.flag_or("do_sample", false)? {
            own.draw();
            own.temperature = config.number_or("temperature", own.temperature)?;
            own.top_k = Some(config.size_or("top_k", own.top_k.unwrap_or(0))?).filter(|&most| most > 0);
            own.top_p = config.number_or("top_p", own.top_p)?;
            own.beams = 1;
        }
        Ok(own)
    }

    /// Tokens are drawn, by transformers' defaults.
    pub fn draw(&mut self) {
        (self.temperature, self.top_k, self.top_p) = (1.0, Some(50), 1.0);
    }

    /// The most probable token is taken.
    pub fn take_best(&mut self) {
        (self.temperature, self.top_k, self.top_p) = (0.0, None, 1.0);
    }

    /// Errors: `Plan` naming the option that is out of its range.
    pub fn check(&self) -> Result<()> {
        self.check_as(|name| name)
    }

    /// As [`GenerateOptions::check`], with the options' names as a user knows them.
    pub fn check_as(&self, named: impl Fn(&'static str) -> &'static str) -> Result<()> {
        let wrong = |name: &'static str, expected: &str, got: &str| wrong(named(name), expected, got);
        let positive = |name: &'static str, value: usize| match value {
            0 => Err(wrong(name, "1 or more", "0")),
            _ => Ok(()),
        };
        positive("max_tokens", self.max_tokens)?;
        positive("beams", self.beams)?;
        if self.beams > BEAMS_MAX {
            return Err(wrong("beams", &format!("at most {BEAMS_MAX}"), &self.beams.to_string()));
        }
        positive("top_k", self.top_k.unwrap_or(1))?;
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(wrong("temperature", "0 or more", &self.temperature.to_string()));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(wrong("top_p", "above 0 and at most 1", &self.top_p.to_string()));
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite()) {
            return Err(wrong("repetition_penalty", "above 0", &self.repetition_penalty.to_string()));
        }
        if !self.length_penalty.is_finite() {
            return Err(wrong("length_penalty", "a number", &self.length_penalty.to_string()));
        }
        if self.min_tokens > self.max_tokens {
            let expected = format!("at most {} of {}", named("max_tokens"), self.max_tokens);
            return Err(wrong("min_tokens", &expected, &self.min_tokens.to_string()));
        }
        if self.stop.iter().any(String::is_empty) {
            return Err(wrong("stop", "texts that are not empty", "an empty one"));
        }
        match self.beams > 1 && self.temperature > 0.0 {
            true => Err(wrong("beams", "1 with a temperature above 0", &self.beams.to_string())),
            false => Ok(()),
        }
    }
}

fn wrong(name: &str, expected: &str, got: &str) -> Error {
    Error::plan(OP, format!("option `{name}`: expected {expected}, got {got}"))
}
