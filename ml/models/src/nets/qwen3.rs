//! Qwen3: a decoder as Qwen2 is, with biases of queries, keys and values; some layers may look at a window of last tokens. Source:
//! Yang et al. 2024.

use gradframe_ml_core::{NodeId, Result};

use super::rotary::Rotary;
use super::{Architecture, head_width, labels, no_head};
use crate::config::Config;
use crate::net::{Net, Task};
use crate::rows::{CacheShape, Look, Rows};

#[derive(Debug)]
struct Qwen3 {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    key_heads: usize,
    head_width: usize,
    inner: usize,
    context: usize,
    epsilon: f64,
    activation: String,
    attention_bias: bool,
    /// Of each layer the last tokens that one looks at; None: at all.
    windows: Vec<Option<usize>>,
    rotary: Rotary,
    labels: usize,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let (width, heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    let key_heads = config.size_or("num_key_value_heads", heads)?;
    head_width(heads, key_heads)?;
    let each = if config.get("head_dim").is_some() { config.count("head_dim")? } else { 128 };
    Ok(Box::new(Qwen3 {
        vocabulary: config.count("vocab_size")?,
        width,
        layers: config.size("num_hidden_layers")?,
        heads,
        key_heads,
        head_width: each,
        inner: config.count("intermediate_size")?,
        context: config.count("max_position_embeddings")?,
        epsilon: config.number_or("rms_norm_eps", 1e-6)?,
        activation: config.text_or("hidden_act", "silu")?.to_owned(),
        attention_bias: config.flag_or("attention_bias", false)?,
        windows: windows(config)?,
        rotary: Rotary::read(config, each)?,
        labels: labels(config)?,
    }))
}

/// `layer_types`, else from `max_window_layers` on, and only with `use_sliding_window`.
fn windows(config: &Config) -> Result<Vec<Option<usize>>> {
    let layers = config.size("num_hidden_layers")?;
    if !config.flag_or("use_sliding_window", false)? || config.get("sliding_window").is_none() {
        return Ok(vec![None; layers]);
    }
    let (window, first) = (config.count("sliding_window")?, config.size_or("max_window_layers", 28)?);
    let types = config.get("layer_types").and_then(|v| v.as_array());
    let slides = |layer: usize| match types.and_then(|types| types.get(layer)) {
        Some(kind) => kind.as_str() == Some("sliding_attention"),
        None => layer >= first,
    };
    Ok((0..layers).map(|layer| slides(layer).then_some(window)).collect())
}

impl Architecture for Qwen3 {
    fn context(&self) -> usize {
        self.context
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
        for i in 0..self.layers {
            x = self.block(net, rows, &format!("{at}layers.{i}"), self.windows[i], x)?;
        }
        net.rms_norm(&format!("{at}norm"), x, self.width, self.epsilon)
    }

    fn head(&self, net: &mut Net, rows: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        match task {
            Task::NextToken => {
                let own = "lm_head.weight".to_owned();
                let table = if net.has(&own) { own } else { format!("{}embed_tokens.weight", prefix(net)) };
                let table = net.parameter(&table, &[self.vocabulary, self.width])?;
                net.times_rows(hidden, table)
            }
            Task::Sequence => {
                let last = rows.last_token(&mut net.g, hidden)?;
                net.linear("score", last, [self.width, self.labels], false)
            }
            Task::Tokens => net.linear("score", hidden, [self.width, self.labels], true),
            Task::Answer => net.linear("qa_outputs", hidden, [self.width, 2], true),
            Task::MaskedTokens => Err(no_head("qwen3", task)),
        }
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["model.", "transformer.", ""], "embed_tokens.weight")
}

impl Qwen3 {
    fn block(&self, net: &mut Net, rows: &mut Rows, at: &str, window: Option<usize>, x: NodeId) -> Result<NodeId> {
        let normal = net.rms_norm(&format!("{at}.input_layernorm"), x, self.width, self.epsilon)?;
        let seen = self.attention(net, rows, &format!("{at}.self_attn"), window, normal)?;
        let x = net.g.add(x, seen)?;
        let normal = net.rms_norm(&format!("{at}.post_attention_layernorm"), x, self.width, self.epsilon)?;
        let gate = net.linear(&format!("{at}.mlp.gate_proj"), normal, [self.width, self.inner], false)?;
        let up = net.linear(&format!("{at}.mlp.up_proj"), normal, [self.width, self.inner], false)?;
        let active = net.activation(&self.activation, gate)?;
        let gated = net.g.mul(active, up)?;
        let down = net.linear(&format!("{at}.mlp.down_proj"), gated, [self.inner, self.width], false)?;
        net.g.add(x, down)
    }

    fn attention(&self, net: &mut Net, rows: &mut Rows, at: &str, window: Option<usize>, x: NodeId) -> Result<NodeId> {
        let mut parts = [x; 3];
        let heads = [self.heads, self.key_heads, self.key_heads];
        for ((part, name), heads) in parts.iter_mut().zip(["q_proj", "k_proj", "v_proj"]).zip(heads) {
            let own = net.linear(&format!("{at}.{name}"), x, [self.width, heads * self.head_width], self.attention_bias)?;
            *part = net.by_heads(own, heads, self.head_width)?;
        }
        for (part, name) in parts[..2].iter_mut().zip(["q_norm", "k_norm"]) {
            *part = net.rms_norm(&format!("{at}.{name}"), *part, self.head_width, self.epsilon)?;
            *part = self.rotary.turn(net, *part, rows.positions)?;
        }
        let seen = rows.attend(net, parts, Look { causal: true, window, ..Look::default() })?;
        net.linear(&format!("{at}.o_proj"), seen, [self.heads * self.head_width, self.width], self.attention_bias)
    }
}
