//! Texts and tokens: tokenizers, and templates of conversations.

mod chat;
mod legacy;
mod tokenizer;

pub use chat::{ChatTemplate, Message};
pub(crate) use tokenizer::length_max;
pub use tokenizer::{Encoded, Span, Tokenizer};
