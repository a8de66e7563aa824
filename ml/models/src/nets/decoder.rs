//! The decoder that Llama and those after it are: blocks of attention and of a gated perceptron, each given what is normalised and
//! added to what it was given. What tells one architecture from another is said in its own file, as fields of [`Decoder`].

use gradframe_ml_core::{NodeId, Result};

use super::heads::Heads;
use super::rotary::Rotary;
use super::{Architecture, head_width, labels};
use crate::config::Config;
use crate::net::Net;
use crate::rows::{CacheShape, Look, Rows};
use crate::task::Task;

/// A decoder; see the files that make one.
#[derive(Debug)]
pub struct Decoder {
    /// For errors.
    pub name: &'static str,
    pub vocabulary: usize,
    pub width: usize,
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values, each of which serves several of queries.
    pub key_heads: usize,
    /// Numbers of a head.
    pub head_width: usize,
    /// Numbers inside the perceptron.
    pub inner: usize,
    pub context: usize,
    pub epsilon: f64,
    pub activation: String,
    pub rotary: Rotary,
    pub labels: usize,
    /// False where the configuration says that the next token has a table of its own.
    pub tied: bool,
    /// Which products have biases.
    pub biases: Biases,
    /// True if each head of queries and keys is normalised before it is turned.
    pub normal_heads: bool,
    /// Of each layer the last tokens that one looks at, None: at all. Layers behind the last look at all.
    pub windows: Vec<Option<usize>>,
}

/// Which products have biases.
#[derive(Debug, Clone, Copy, Default)]
pub struct Biases {
    /// Those that make queries, keys and values.
    pub inputs: bool,
    /// That of what the heads have seen.
    pub seen: bool,
    /// Those of the perceptron.
    pub inner: bool,
}

impl Decoder {
    /// What all have in their configuration, without biases and windows. `each`: numbers of a head where the configuration has none;
    /// None: the width over the heads. Errors: `Execution` for a field that is wrong.
    pub fn read(name: &'static str, config: &Config, each: Option<usize>) -> Result<Self> {
        let (width, heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
        let key_heads = config.size_or("num_key_value_heads", heads)?;
        head_width(heads, key_heads)?;
        let each = match each {
            _ if config.get("head_dim").is_some() => config.count("head_dim")?,
            Some(each) => each,
            None => head_width(width, heads)?,
        };
        Ok(Decoder {
            name,
            vocabulary: config.count("vocab_size")?,
            width,
            layers: config.layers("num_hidden_layers")?,
            heads,
            key_heads,
            head_width: each,
            inner: config.count("intermediate_size")?,
            context: config.count("max_position_embeddings")?,
            epsilon: config.number_or("rms_norm_eps", 1e-6)?,
            activation: config.text_or("hidden_act", "silu")?.to_owned(),
            rotary: Rotary::read(config, each)?,
            labels: labels(config)?,
            tied: config.flag_or("tie_word_embeddings", true)?,
            biases: Biases::default(),
            normal_heads: false,
            windows: Vec::new(),
        })
    }

    fn block(&self, net: &mut Net, rows: &mut Rows, layer: usize, x: NodeId) -> Result<NodeId> {
        let at = format!("{}layers.{layer}", prefix(net));
        let normal = net.rms_norm(&format!("{at}.input_layernorm"), x, self.width, self.epsilon)?;
        let seen = self.attention(net, rows, (&format!("{at}.self_attn"), layer), normal)?;
        let x = net.g.add(x, seen)?;
        let normal = net.rms_norm(&format!("{at}.post_attention_layernorm"), x, self.width, self.epsilon)?;
        let made = self.perceptron(net, &format!("{at}.mlp"), normal)?;
        net.g.add(x, made)
    }

    fn perceptron(&self, net: &mut Net, at: &str, x: NodeId) -> Result<NodeId> {
        let (up, down) = ([self.width, self.inner], [self.inner, self.width]);
        let gate = net.linear(&format!("{at}.gate_proj"), x, up, self.biases.inner)?;
        let inner = net.linear(&format!("{at}.up_proj"), x, up, self.biases.inner)?;
        let active = net.activation(&self.activation, gate)?;
        let gated = net.g.mul(active, inner)?;
        net.linear(&format!("{at}.down_proj"), gated, down, self.biases.inner)
    }

    fn attention(&self, net: &mut Net, rows: &mut Rows, (at, layer): (&str, usize), x: NodeId) -> Result<NodeId> {
        let mut parts = [x; 3];
        let heads = [self.heads, self.key_heads, self.key_heads];
        for ((part, name), heads) in parts.iter_mut().zip(["q_proj", "k_proj", "v_proj"]).zip(heads) {
            let own = net.linear(&format!("{at}.{name}"), x, [self.width, heads * self.head_width], self.biases.inputs)?;
            *part = net.by_heads(own, heads, self.head_width)?;
        }
        for (part, name) in parts[..2].iter_mut().zip(["q_norm", "k_norm"]) {
            if self.normal_heads {
                *part = net.rms_norm(&format!("{at}.{name}"), *part, self.head_width, self.epsilon)?;
            }
            *part = self.rotary.turn(net, *part, rows.positions)?;
        }
        let window = self.windows.get(layer).copied().flatten();
        let seen = rows.attend(net, parts, Look { causal: true, window, ..Look::default() })?;
        net.linear(&format!("{at}.o_proj"), seen, [self.heads * self.head_width, self.width], self.biases.seen)
    }
}

impl Architecture for Decoder {
    fn context(&self) -> usize {
        self.context
    }

    fn has_places(&self) -> bool {
        false
    }

    fn width(&self) -> usize {
        self.width
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn cache(&self) -> Option<CacheShape> {
        Some(CacheShape { layers: self.layers, heads: self.key_heads, width: self.head_width })
    }

    fn hidden(&self, net: &mut Net, rows: &mut Rows) -> Result<NodeId> {
        let at = prefix(net);
        let mut x = net.embedding(&format!("{at}embed_tokens"), rows.ids, [self.vocabulary, self.width])?;
        for layer in 0..self.layers {
            x = self.block(net, rows, layer, x)?;
        }
        net.rms_norm(&format!("{at}norm"), x, self.width, self.epsilon)
    }

    fn head(&self, net: &mut Net, rows: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        let table = format!("{}embed_tokens.weight", prefix(net));
        let (sizes, labels) = ([self.vocabulary, self.width], self.labels);
        Heads { name: self.name, table: &table, tokens: "score", sizes, tied: self.tied, labels }.head(net, rows, hidden, task)
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["model.", "transformer.", ""], "embed_tokens.weight")
}
