//! A text as tokens and back, as the model's `tokenizer.json` has it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradframe_ml_core::{Error, Result};
use tokenizers::{EncodeInput, TruncationParams};

use super::{Windows, growth, legacy, pairs};
use crate::config::Config;
use crate::files::Directory;

const OP: &str = "tokenizer";

/// A tokenizer.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    own: tokenizers::Tokenizer,
    /// The same, which leaves out the ends of texts of more than so many tokens.
    cut: Option<(usize, tokenizers::Tokenizer)>,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encoded {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Which of two texts each is of: 0 or 1.
    pub kinds: Vec<u32>,
    /// True if the end of the text is left out.
    pub is_truncated: bool,
}

/// A token, and which part of which text it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub id: u32,
    /// As the network is told which of two texts it is of: 0 or 1.
    pub kind: u32,
    /// Its first character, and the one behind its last.
    pub characters: std::ops::Range<usize>,
    /// The text that it is of, 0 or 1; None of a special token.
    pub text: Option<usize>,
    /// The word of its text that it is part of; None of a special token.
    pub word: Option<u32>,
}

impl Tokenizer {
    /// That of a directory: `tokenizer.json`, or what older models have in its place (`vocab.txt`; `vocab.json` and `merges.txt`).
    /// Errors: `External` if there is none of these; `Execution` if it is not a tokenizer.
    pub fn open(directory: &Directory) -> Result<Self> {
        let found = directory.text("tokenizer.json")?.map_or_else(|| legacy::read(directory), |text| Ok(Some(text)))?;
        let missing = || Error::external(OP, format!("{} has no tokenizer.json", directory.path().display()));
        Self::from_json(&found.ok_or_else(missing)?)
    }

    /// Of the text of a `tokenizer.json`. Errors: `Execution` if it is not a tokenizer.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let wrong = |why: String| Error::execution(OP, format!("tokenizer.json is not a tokenizer: {why}"));
        growth::check(json)?;
        let mut own = guarded(|| tokenizers::Tokenizer::from_bytes(json))?.map_err(|e| wrong(e.to_string()))?;
        own.with_padding(None);
        own.with_truncation(None).map_err(|e| wrong(e.to_string()))?;
        Ok(Tokenizer { own, cut: None })
    }

    /// The same, which leaves out the ends of texts of more than `tokens`, the special ones counted.
    /// Errors: `Plan` if there is no room beside the special ones.
    pub fn truncated_to(&self, tokens: usize) -> Result<Self> {
        let special = self.encode("")?.ids.len();
        if tokens <= special {
            return Err(Error::plan(OP, format!("expected room for more than the {special} special tokens, got {tokens}")));
        }
        let mut cut = self.own.clone();
        let params = TruncationParams { max_length: tokens, ..TruncationParams::default() };
        cut.with_truncation(Some(params)).map_err(|e| Error::plan(OP, e.to_string()))?;
        Ok(Tokenizer { own: self.own.clone(), cut: Some((tokens, cut)) })
    }

    /// What reads pairs of texts in windows of so many tokens, the special ones and the first text among them; of the second text each
    /// repeats the last `shared` tokens of the one before. Errors: `Plan` if the tokenizer has no pairs.
    pub fn windows(&self, tokens: usize, shared: usize) -> Result<Windows> {
        Windows::new(self.own.clone(), tokens, shared)
    }

    /// A text as tokens, with the special ones. Errors: `Execution` if the tokenizer fails.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        self.encoded(self.beginning(text)?.into(), true)
    }

    /// As much of a text as matters where its end is left out: a beginning that has twice as many tokens, so that what is kept does not
    /// depend on what follows. A book costs no more than a page.
    fn beginning<'t>(&self, text: &'t str) -> Result<&'t str> {
        let Some((most, _)) = &self.cut else { return Ok(text) };
        let mut bytes = most.saturating_mul(32).max(4096);
        while text.len() / 2 > bytes {
            let beginning = &text[..text.floor_char_boundary(bytes)];
            let found = guarded(|| self.own.encode_fast(beginning, false))?.map_err(|e| Error::execution(OP, e.to_string()))?;
            if found.len() > most.saturating_mul(2) {
                return Ok(beginning);
            }
            bytes = bytes.saturating_mul(4);
        }
        Ok(text)
    }

    /// A text as tokens, without special ones around it. Errors: `Execution` if the tokenizer fails.
    pub fn encode_plain(&self, text: &str) -> Result<Encoded> {
        self.encoded(text.into(), false)
    }

    /// Two texts as tokens, with the special ones; what is too long loses the end of the longer text first. Errors: `Execution` if the tokenizer fails.
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<Encoded> {
        self.encoded((first, second).into(), true)
    }

    /// A text, or two, as tokens with their places. Errors: `Execution` if the tokenizer fails.
    pub fn spans(&self, first: &str, second: Option<&str>) -> Result<Vec<Span>> {
        let input: EncodeInput = second.map_or_else(|| first.into(), |second| (first, second).into());
        let found = guarded(|| self.own.encode_char_offsets(input, true))?.map_err(|e| Error::execution(OP, e.to_string()))?;
        Ok(spans_of(&found))
    }

    fn encoded(&self, input: EncodeInput, special: bool) -> Result<Encoded> {
        let encode = |by: &tokenizers::Tokenizer| {
            let found = guarded(|| by.encode_fast(input.clone(), special))?;
            found.map_err(|e| Error::execution(OP, e.to_string()))
        };
        let mut found = encode(&self.own)?;
        let cut = self.cut.as_ref().filter(|(most, _)| found.len() > *most);
        match (cut, &input) {
            (Some((most, _)), EncodeInput::Dual(..)) => return Ok(pairs::shortened(&spans_of(&found), *most)),
            (Some((_, cut)), EncodeInput::Single(_)) => found = encode(cut)?,
            (None, _) => {}
        }
        let is_truncated = cut.is_some();
        Ok(Encoded { ids: found.get_ids().to_vec(), kinds: found.get_type_ids().to_vec(), is_truncated })
    }

    /// Tokens as a text, without the special ones if they are to be skipped. Errors: `Execution` if the tokenizer fails.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        guarded(|| self.own.decode(ids, skip_special))?.map_err(|e| Error::execution(OP, e.to_string()))
    }

    /// The token of this text.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.own.token_to_id(token)
    }

    /// The text of this token.
    pub fn token_of(&self, id: u32) -> Option<String> {
        self.own.id_to_token(id)
    }

    /// The largest number of a token, of those that were added to the vocabulary later apart; None of an empty one.
    pub fn token_max(&self) -> Option<u32> {
        self.own.get_vocab(false).into_values().max()
    }

    /// Different tokens.
    pub fn vocabulary(&self) -> usize {
        self.own.get_vocab_size(true)
    }
}

/// The tokens of an encoding with their places.
pub(super) fn spans_of(found: &tokenizers::Encoding) -> Vec<Span> {
    let (texts, offsets, words) = (found.get_sequence_ids(), found.get_offsets(), found.get_word_ids());
    let tokens = found.get_ids().iter().zip(found.get_type_ids()).zip(offsets.iter().zip(texts));
    let places = found.get_special_tokens_mask().iter().zip(words);
    let span = |((&id, &kind), (&(start, end), text)), (&special, &word): (&u32, &Option<u32>)| {
        let (text, word) = if special == 0 { (text, word) } else { (None, None) };
        Span { id, kind, characters: start..end, text, word }
    };
    tokens.zip(places).map(|(token, place)| span(token, place)).collect()
}

/// Runs the library on input that nobody has checked: where it panics, that is an error about the input.
pub(super) fn guarded<R>(run: impl FnOnce() -> R) -> Result<R> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| Error::execution(OP, "the tokenizer failed on its input"))
}

/// The longest text that a model's tokenizer is meant for; None if it does not say.
pub(crate) fn length_max(directory: &Directory) -> Result<Option<usize>> {
    /// What is larger says "no limit": transformers writes 1e30.
    const NO_LIMIT: f64 = 1e9;
    let Some(config) = Config::read_if_there(directory, "tokenizer_config.json")? else { return Ok(None) };
    let length = config.number_or("model_max_length", NO_LIMIT)?;
    Ok((1.0..NO_LIMIT).contains(&length).then_some(length as usize))
}
