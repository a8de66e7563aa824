//! Texts and tokens: tokenizers, and templates of conversations.

mod bounds;
mod chat;
mod growth;
mod json;
mod legacy;
mod pairs;
mod paying;
mod tokenizer;
mod variables;
mod windows;

pub use chat::{ChatTemplate, Message};
pub(crate) use tokenizer::length_max;
pub use tokenizer::{Encoded, Span, Tokenizer};
pub use variables::Variable;
pub use windows::Windows;
