//! Pairs of texts in windows: the second text in parts that overlap, each behind the whole first one.

use gradframe_ml_core::{Error, Result};
use tokenizers::{TruncationParams, TruncationStrategy};

use super::tokenizer::{Span, guarded, spans_of};

const OP: &str = "tokenizer";

/// A tokenizer that cuts the second texts of pairs into parts.
#[derive(Debug)]
pub struct Windows {
    own: tokenizers::Tokenizer,
    tokens: usize,
}

impl Windows {
    pub(super) fn new(mut own: tokenizers::Tokenizer, tokens: usize, shared: usize) -> Result<Self> {
        let params = TruncationParams {
            max_length: tokens,
            stride: shared,
            strategy: TruncationStrategy::OnlySecond,
            ..TruncationParams::default()
        };
        own.with_truncation(Some(params)).map_err(|e| Error::plan(OP, e.to_string()))?;
        Ok(Windows { own, tokens })
    }

    /// The parts, one or more, with the places of their tokens in their texts.
    /// Errors: `Execution` if the first text leaves too little room for the second, or the tokenizer fails.
    pub fn of(&self, first: &str, second: &str) -> Result<Vec<Vec<Span>>> {
        // The library panics where the window has no room for what its parts share.
        let found = guarded(|| self.own.encode_char_offsets((first, second), true)).ok().and_then(|found| found.ok());
        let no_room = || {
            let what = format!("a question of {} characters leaves no room for its text", first.chars().count());
            Error::execution(OP, format!("{what} in a window of {} tokens", self.tokens)).hint("shorten it")
        };
        let found = found.ok_or_else(no_room)?;
        let parts: Vec<Vec<Span>> = std::iter::once(&found).chain(found.get_overflowing()).map(spans_of).collect();
        match parts.iter().all(|part| part.len() <= self.tokens) {
            true => Ok(parts),
            false => Err(no_room()),
        }
    }
}
