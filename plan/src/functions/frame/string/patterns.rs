//! Patterns: regular expressions as Polars's (the crate `regex`), compiled once; literals are patterns without operators.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::array::StringViewArray;
use datafusion::common::Result;
use gradframe_ml_core::Error;
use parking_lot::Mutex;
use regex::Regex;

use crate::error::to_datafusion;
use crate::functions::frame::arguments::{Batch, Call, Values};

/// How many compiled patterns are kept: a query asks for the same ones batch after batch.
const KEPT: usize = 128;

static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// The pattern compiled. Errors: `Plan`, with the pattern and what is wrong in it.
pub(super) fn regex(function: &str, pattern: &str) -> Result<Regex> {
    if let Some(regex) = COMPILED.lock().get(pattern) {
        return Ok(regex.clone());
    }
    let regex = Regex::new(pattern).map_err(|error| {
        let what = format!("`{pattern}` is not a regular expression: {}", reason(&error));
        to_datafusion(Error::plan(function, what).hint("literal=True takes a pattern as it stands"))
    })?;
    let mut kept = COMPILED.lock();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}

/// The last line of the message, which draws the pattern first.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("compiled it would take over {limit} bytes"),
        other => {
            let text = other.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

/// Checks a pattern that is the same for all rows, before there are any.
pub(super) fn check(call: &Call, at: usize, literal: bool, strict: bool) -> Result<()> {
    match call.word(at) {
        Some(pattern) if !literal && strict => regex(call.name, pattern).map(|_| ()),
        _ => Ok(()),
    }
}

/// The patterns of a batch's rows.
pub(super) struct Patterns {
    name: &'static str,
    texts: Values<StringViewArray>,
    literal: bool,
    strict: bool,
    /// The pattern that was asked for last, and what it compiled to; None if it doesn't and need not.
    last: Option<(String, Option<Regex>)>,
}

impl Patterns {
    pub(super) fn of(batch: &Batch, at: usize, literal: bool, strict: bool) -> Result<Self> {
        Ok(Patterns { name: batch.name, texts: batch.texts(at)?, literal, strict, last: None })
    }

    /// The pattern of a row; None if it is null, or no pattern where that is allowed.
    pub(super) fn at(&mut self, row: usize) -> Result<Option<&Regex>> {
        let Some(pattern) = self.texts.get(row) else { return Ok(None) };
        if self.last.as_ref().is_none_or(|(last, _)| last != pattern) {
            let compiled = match self.literal {
                true => regex(self.name, &regex::escape(pattern)).map(Some),
                false => regex(self.name, pattern).map(Some),
            };
            let compiled = if self.strict { compiled? } else { compiled.unwrap_or_default() };
            self.last = Some((pattern.to_owned(), compiled));
        }
        Ok(self.last.as_ref().and_then(|(_, regex)| regex.as_ref()))
    }
}
