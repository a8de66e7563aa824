//! How texts are continued.

use gradframe_ml_core::{Error, Result};

const OP: &str = "generate";

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
    /// Continuations that are followed at once, of which the most probable is taken; 1: none beside. Only with temperature 0.
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
    /// Errors: `Plan` naming the option that is out of its range.
    pub fn check(&self) -> Result<()> {
        let positive = |name: &str, value: usize| match value {
            0 => Err(wrong(name, "1 or more", "0")),
            _ => Ok(()),
        };
        positive("max_tokens", self.max_tokens)?;
        positive("beams", self.beams)?;
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
