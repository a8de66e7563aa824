//! Architectures, one file each: what it is and where it was described, its configuration, what tells it from others. The blocks that
//! several share stand in `encoder` and `decoder`, the heads of those that continue texts in `heads`.

mod bert;
mod decoder;
mod distilbert;
mod encoder;
mod gpt2;
mod heads;
mod llama;
mod mistral;
mod mpnet;
mod qwen2;
mod qwen3;
mod roberta;
mod rotary;

use std::fmt::Debug;

use gradframe_ml_core::{Error, NodeId, Result};

use crate::config::Config;
use crate::net::Net;
use crate::rows::{CacheShape, Rows};
use crate::task::Task;

/// A network that a configuration describes.
pub trait Architecture: Debug + Send + Sync {
    /// Tokens of a text, at most.
    fn context(&self) -> usize;
    /// Whether it has learned a vector for each place, so that a longer text has places without one.
    fn has_places(&self) -> bool {
        true
    }
    /// Numbers that it makes of each token.
    fn width(&self) -> usize;
    /// Different tokens.
    fn vocabulary(&self) -> usize;
    /// What is kept of each token for those after it; None of a network that looks at texts as a whole.
    fn cache(&self) -> Option<CacheShape> {
        None
    }
    /// Rows of tokens -> [B, T, C]. Errors: those of a checkpoint that does not fit the configuration.
    fn hidden(&self, net: &mut Net, rows: &mut Rows) -> Result<NodeId>;
    /// What a head makes of [B, T, C]: [B, T, V] of tokens, [B, L] or [B, T, L] of labels, [B, T, 2] of an answer.
    /// Errors: `NotImplemented` naming the task if it has no such head.
    fn head(&self, net: &mut Net, rows: &Rows, hidden: NodeId, task: Task) -> Result<NodeId>;
}

type Read = fn(&Config) -> Result<Box<dyn Architecture>>;

/// By `model_type` of config.json.
const ARCHITECTURES: &[(&str, Read)] = &[
    ("bert", bert::read),
    ("distilbert", distilbert::read),
    ("gpt2", gpt2::read),
    ("llama", llama::read),
    ("mistral", mistral::read),
    ("mpnet", mpnet::read),
    ("qwen2", qwen2::read),
    ("qwen3", qwen3::read),
    ("roberta", roberta::read),
    ("xlm-roberta", roberta::read),
];

/// The network that a configuration describes.
/// Errors: `NotImplemented` for a `model_type` that is not known, listing those that are; `Execution` for a field that is wrong.
pub fn architecture(config: &Config) -> Result<Box<dyn Architecture>> {
    let name = kind(config)?;
    let found = ARCHITECTURES.iter().find(|(known, _)| *known == name);
    let (_, read) = found.ok_or_else(|| unknown(name))?;
    read(config)
}

/// The architecture whose class `architectures` names, of a configuration without `model_type`: `LlamaForCausalLM` is a `llama`.
fn by_class(config: &Config) -> Option<&'static str> {
    let class = config.get("architectures")?.get(0)?.as_str()?.to_lowercase();
    let is_own = |name: &&str| {
        let rest = class.strip_prefix(&name.replace('-', ""));
        rest.is_some_and(|rest| ["for", "lmhead", "model"].iter().any(|next| rest.starts_with(next)))
    };
    names().find(is_own)
}

/// The `model_type` of a configuration, or what its class says of it; empty if neither does. Errors: `Execution` if it is no text.
pub fn kind(config: &Config) -> Result<&str> {
    match config.text_or("model_type", "")? {
        "" => Ok(by_class(config).unwrap_or_default()),
        name => Ok(name),
    }
}

/// The names of all architectures.
pub fn names() -> impl Iterator<Item = &'static str> {
    ARCHITECTURES.iter().map(|(name, _)| *name)
}

fn unknown(name: &str) -> Error {
    let known: Vec<&str> = names().collect();
    let what = match name {
        "" => "config.json has no `model_type`".to_owned(),
        name => format!("unknown architecture `{name}`"),
    };
    let error = Error::not_implemented("model", format!("{what}, expected one of {}", known.join(", ")));
    match name {
        "" => error.hint("add \"model_type\" or \"architectures\" to config.json"),
        _ => error,
    }
}

/// `heads` that divide `width`. Errors: `Execution` naming both.
fn head_width(width: usize, heads: usize) -> Result<usize> {
    match width.checked_rem(heads) {
        Some(0) => Ok(width / heads),
        _ => Err(Error::execution("model", format!("config.json: expected heads that divide the width, got {heads} of {width}"))),
    }
}

/// Labels of a classifier: `id2label`, else `num_labels`, else 2 as transformers has it.
fn labels(config: &Config) -> Result<usize> {
    let named = config.get("id2label").and_then(|v| v.as_object()).map(serde_json::Map::len);
    named.map_or_else(|| config.size_or("num_labels", 2), Ok)
}

/// Errors: `NotImplemented` for an encoder that is told to look at what comes before alone.
fn sees_all(config: &Config) -> Result<()> {
    match config.flag_or("is_decoder", false)? {
        true => Err(Error::not_implemented("model", format!("{} as a decoder (`is_decoder`)", kind(config)?))),
        false => Ok(()),
    }
}

fn no_head(architecture: &str, task: Task) -> Error {
    Error::not_implemented("model", format!("{architecture} has no head for {}", task.name()))
}
