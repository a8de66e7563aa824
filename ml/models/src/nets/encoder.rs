//! What encoders share: a block of attention and of a perceptron, each added to what it was given and normalised after, and the head
//! that scores words. Which tensors of a checkpoint they are is said in each architecture's own file.

use gradframe_ml_core::{NodeId, Result};

use super::head_width;
use crate::net::Net;
use crate::rows::{Look, Rows};

/// Sizes of a block.
#[derive(Debug, Clone, Copy)]
pub struct Sizes<'a> {
    pub width: usize,
    pub heads: usize,
    /// Numbers inside the perceptron.
    pub inner: usize,
    pub epsilon: f64,
    pub activation: &'a str,
}

/// A block's tensors, behind its own name.
#[derive(Debug)]
pub struct BlockNames {
    /// Queries, keys, values.
    pub parts: [&'static str; 3],
    /// What the heads have seen.
    pub seen: &'static str,
    pub seen_norm: &'static str,
    /// Into the perceptron, and out of it.
    pub inner: [&'static str; 2],
    pub norm: &'static str,
}

/// [B, T, C] -> [B, T, C], of the block at `at`.
pub fn block(
    net: &mut Net,
    rows: &mut Rows,
    (at, names): (&str, &BlockNames),
    x: NodeId,
    size: Sizes,
    look: Look,
) -> Result<NodeId> {
    let (width, each) = (size.width, head_width(size.width, size.heads)?);
    let mut parts = [x; 3];
    for (part, name) in parts.iter_mut().zip(names.parts) {
        let own = net.linear(&format!("{at}.{name}"), x, [width, width], true)?;
        *part = net.by_heads(own, size.heads, each)?;
    }
    let seen = rows.attend(net, parts, look)?;
    let seen = net.linear(&format!("{at}.{}", names.seen), seen, [width, width], true)?;
    let sum = net.g.add(seen, x)?;
    let x = net.layer_norm(&format!("{at}.{}", names.seen_norm), sum, width, size.epsilon)?;
    let up = net.linear(&format!("{at}.{}", names.inner[0]), x, [width, size.inner], true)?;
    let active = net.activation(size.activation, up)?;
    let down = net.linear(&format!("{at}.{}", names.inner[1]), active, [size.inner, width], true)?;
    let sum = net.g.add(down, x)?;
    net.layer_norm(&format!("{at}.{}", names.norm), sum, width, size.epsilon)
}

/// The tensors of a head that scores words.
#[derive(Debug)]
pub struct WordNames {
    pub dense: &'static str,
    pub norm: &'static str,
    /// A table of the head's own, if it has one.
    pub table: &'static str,
    pub bias: &'static str,
}

/// The table of words that a network begins with.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    pub name: &'a str,
    pub vocabulary: usize,
    /// Whether the head that scores words is tied to it: then there is one bias, whatever names the checkpoint has for it.
    pub tied: bool,
}

/// Scores of words at each place, [B, T, C] -> [B, T, V]: those of the `shared` table of words, unless the head has one of its own.
pub fn words(net: &mut Net, x: NodeId, names: &WordNames, shared: Words, size: Sizes) -> Result<NodeId> {
    let dense = net.linear(names.dense, x, [size.width, size.width], true)?;
    let active = net.activation(size.activation, dense)?;
    let normal = net.layer_norm(names.norm, active, size.width, size.epsilon)?;
    let table = if net.has(names.table) { names.table } else { shared.name };
    let scores = net.times_rows(normal, table, [shared.vocabulary, size.width])?;
    // A head that is not tied adds the bias of its own table; the other one is in the checkpoint, and nothing is made of it.
    let own = format!("{}bias", names.table.trim_end_matches("weight"));
    let bias = if !shared.tied && net.has(&own) { own.as_str() } else { names.bias };
    let bias = net.parameter(bias, &[shared.vocabulary])?;
    net.g.add(scores, bias)
}

/// Labels of a text by two layers over its first token, with `tanh` between: [B, T, C] -> [B, L].
pub fn labels_by_first(net: &mut Net, x: NodeId, width: usize, labels: usize) -> Result<NodeId> {
    let first = net.first_token(x)?;
    let dense = net.linear("classifier.dense", first, [width, width], true)?;
    let active = net.g.tanh(dense)?;
    net.linear("classifier.out_proj", active, [width, labels], true)
}
