//! GPT-2: a decoder with learned places, normalised before each part. Source: Radford et al. 2019.

use gradframe_ml_core::{Error, NodeId, Result};

use super::heads::Heads;
use super::{Architecture, head_width, labels};
use crate::config::Config;
use crate::net::Net;
use crate::rows::{CacheShape, Look, Rows};
use crate::task::Task;

#[derive(Debug)]
struct Gpt2 {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    context: usize,
    epsilon: f64,
    activation: String,
    /// 1 in place of the root of a head's width.
    unscaled: bool,
    /// Scores of layer i also divided by i + 1.
    scaled_by_layer: bool,
    labels: usize,
    /// False where the configuration says that the next token has a table of its own.
    tied: bool,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let width = config.count("n_embd")?;
    let own = Gpt2 {
        vocabulary: config.count("vocab_size")?,
        width,
        layers: config.layers("n_layer")?,
        heads: config.count("n_head")?,
        inner: config.size_or("n_inner", 4 * width)?,
        context: config.count("n_positions")?,
        epsilon: config.number_or("layer_norm_epsilon", 1e-5)?,
        activation: config.text_or("activation_function", "gelu_new")?.to_owned(),
        unscaled: !config.flag_or("scale_attn_weights", true)?,
        scaled_by_layer: config.flag_or("scale_attn_by_inverse_layer_idx", false)?,
        labels: labels(config)?,
        tied: config.flag_or("tie_word_embeddings", true)?,
    };
    head_width(own.width, own.heads)?;
    match config.flag_or("add_cross_attention", false)? {
        true => Err(Error::not_implemented("model", "gpt2 that looks at an encoder (`add_cross_attention`)")),
        false => Ok(Box::new(own)),
    }
}

impl Architecture for Gpt2 {
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
        Some(CacheShape { layers: self.layers, heads: self.heads, width: self.width / self.heads })
    }

    fn hidden(&self, net: &mut Net, rows: &mut Rows) -> Result<NodeId> {
        let at = prefix(net);
        let words = net.embedding(&format!("{at}wte"), rows.ids, [self.vocabulary, self.width])?;
        let places = net.embedding(&format!("{at}wpe"), rows.positions, [self.context, self.width])?;
        let mut x = net.g.add(words, places)?;
        for layer in 0..self.layers {
            x = self.block(net, rows, &format!("{at}h.{layer}"), layer, x)?;
        }
        net.layer_norm(&format!("{at}ln_f"), x, self.width, self.epsilon)
    }

    fn head(&self, net: &mut Net, rows: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        let table = format!("{}wte.weight", prefix(net));
        let (sizes, labels) = ([self.vocabulary, self.width], self.labels);
        Heads { name: "gpt2", table: &table, tokens: "classifier", sizes, tied: self.tied, labels }.head(net, rows, hidden, task)
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["transformer.", ""], "wte.weight")
}

impl Gpt2 {
    fn block(&self, net: &mut Net, rows: &mut Rows, at: &str, layer: usize, x: NodeId) -> Result<NodeId> {
        let normal = net.layer_norm(&format!("{at}.ln_1"), x, self.width, self.epsilon)?;
        let seen = self.attention(net, rows, at, layer, normal)?;
        let x = net.g.add(x, seen)?;
        let normal = net.layer_norm(&format!("{at}.ln_2"), x, self.width, self.epsilon)?;
        let up = net.linear_turned(&format!("{at}.mlp.c_fc"), normal, [self.width, self.inner])?;
        let active = net.activation(&self.activation, up)?;
        let down = net.linear_turned(&format!("{at}.mlp.c_proj"), active, [self.inner, self.width])?;
        net.g.add(x, down)
    }

    fn attention(&self, net: &mut Net, rows: &mut Rows, at: &str, layer: usize, x: NodeId) -> Result<NodeId> {
        let (width, each) = (self.width, head_width(self.width, self.heads)?);
        let all = net.linear_turned(&format!("{at}.attn.c_attn"), x, [width, 3 * width])?;
        let mut parts = [all; 3];
        for (i, part) in parts.iter_mut().enumerate() {
            let own = net.g.slice_axis(all, 2, i * width, ((i + 1) * width).into())?;
            *part = net.by_heads(own, self.heads, each)?;
        }
        let whole = if self.unscaled { 1.0 } else { 1.0 / (each as f64).sqrt() };
        let scale = if self.scaled_by_layer { whole / (layer + 1) as f64 } else { whole };
        let seen = rows.attend(net, parts, Look { causal: true, scale: Some(scale), ..Look::default() })?;
        net.linear_turned(&format!("{at}.attn.c_proj"), seen, [width, width])
    }
}
