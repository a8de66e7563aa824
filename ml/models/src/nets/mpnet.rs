//! MPNet: RoBERTa whose attention also knows how far apart two tokens are. Source: Song et al. 2020; distances in buckets: Raffel et
//! al. 2019.

use gradframe_ml_core::{DType, Dim, NodeId, Result, Shape, Tensor};

use super::encoder::{self, BlockNames, Sizes, WordNames, Words};
use super::{Architecture, head_width, labels, no_head};
use crate::config::Config;
use crate::net::Net;
use crate::rows::{Look, Rows};
use crate::task::Task;

/// Distances from here on are in one bucket.
const DISTANCE_MAX: f32 = 128.0;
/// Places count from behind the padding's, whatever the tokenizer says.
const PADDING: usize = 1;

const BLOCK: BlockNames = BlockNames {
    parts: ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    seen: "attention.attn.o",
    seen_norm: "attention.LayerNorm",
    inner: ["intermediate.dense", "output.dense"],
    norm: "output.LayerNorm",
};

const WORDS: WordNames =
    WordNames { dense: "lm_head.dense", norm: "lm_head.layer_norm", table: "lm_head.decoder.weight", bias: "lm_head.bias" };

#[derive(Debug)]
struct MpNet {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    places: usize,
    buckets: usize,
    epsilon: f64,
    activation: String,
    labels: usize,
    /// Whether the table of words scores them too.
    tied: bool,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let own = MpNet {
        vocabulary: config.count("vocab_size")?,
        width: config.count("hidden_size")?,
        layers: config.layers("num_hidden_layers")?,
        heads: config.count("num_attention_heads")?,
        inner: config.count("intermediate_size")?,
        places: config.count("max_position_embeddings")?,
        buckets: config.size_or("relative_attention_num_buckets", 32)?,
        epsilon: config.number_or("layer_norm_eps", 1e-12)?,
        activation: config.text_or("hidden_act", "gelu")?.to_owned(),
        labels: labels(config)?,
        tied: config.flag_or("tie_word_embeddings", true)?,
    };
    head_width(own.width, own.heads)?;
    if own.places <= PADDING + 1 || own.buckets < 4 {
        return Err(config.wrong("max_position_embeddings", "more places than the padding takes, and 4 buckets or more", None));
    }
    Ok(Box::new(own))
}

impl Architecture for MpNet {
    fn context(&self) -> usize {
        self.places - PADDING - 1
    }

    fn width(&self) -> usize {
        self.width
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn hidden(&self, net: &mut Net, rows: &mut Rows) -> Result<NodeId> {
        let at = prefix(net);
        let words = net.embedding(&format!("{at}embeddings.word_embeddings"), rows.ids, [self.vocabulary, self.width])?;
        let behind = net.g.scalar_like(rows.positions, (PADDING + 1) as f64)?;
        let places = net.g.add(rows.positions, behind)?;
        let places = net.embedding(&format!("{at}embeddings.position_embeddings"), places, [self.places, self.width])?;
        let sum = net.g.add(words, places)?;
        let mut x = net.layer_norm(&format!("{at}embeddings.LayerNorm"), sum, self.width, self.epsilon)?;
        let bias = Some(self.distances(net, rows, at)?);
        for i in 0..self.layers {
            x = encoder::block(
                net,
                rows,
                (&format!("{at}encoder.layer.{i}"), &BLOCK),
                x,
                self.sizes(),
                Look { bias, ..Look::default() },
            )?;
        }
        Ok(x)
    }

    fn head(&self, net: &mut Net, _: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        match task {
            Task::MaskedTokens => {
                let shared = format!("{}embeddings.word_embeddings.weight", prefix(net));
                let shared = Words { name: &shared, vocabulary: self.vocabulary, tied: self.tied };
                encoder::words(net, hidden, &WORDS, shared, Sizes { activation: "gelu", ..self.sizes() })
            }
            Task::Sequence => encoder::labels_by_first(net, hidden, self.width, self.labels),
            Task::Tokens => net.linear("classifier", hidden, [self.width, self.labels], true),
            Task::Answer => net.linear("qa_outputs", hidden, [self.width, 2], true),
            Task::NextToken => Err(no_head("mpnet", task)),
        }
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["mpnet.", ""], "embeddings.word_embeddings.weight")
}

impl MpNet {
    fn sizes(&self) -> Sizes<'_> {
        let (width, heads, inner) = (self.width, self.heads, self.inner);
        Sizes { width, heads, inner, epsilon: self.epsilon, activation: &self.activation }
    }

    /// What each distance adds to the scores of each head: [1, H, T, T].
    fn distances(&self, net: &mut Net, rows: &Rows, at: &str) -> Result<NodeId> {
        let most = self.context() as i64 - 1;
        let buckets: Vec<i64> = (-most..=most).map(|distance| self.bucket(distance)).collect();
        let table = net.parameter(&format!("{at}encoder.relative_attention_bias.weight"), &[self.buckets, self.heads])?;
        let g = &mut net.g;
        let length = g.ty(rows.ids).shape.dims()[1].clone();
        let square = Shape::new([length.clone(), length.clone()]);
        let (row, column) = (g.iota(DType::I64, &square, 0)?, g.iota(DType::I64, &square, 1)?);
        let distance = g.sub(column, row)?;
        let least = g.scalar_like(distance, most as f64)?;
        let place = g.add(distance, least)?;
        let buckets = g.constant(Tensor::from_vec(&[buckets.len()], buckets)?);
        let bucket = g.gather(buckets, place, 0)?; // [T, T]
        let values = g.gather(table, bucket, 0)?; // [T, T, H]
        let turned = g.permute(values, &[2, 0, 1])?;
        g.reshape(turned, &Shape::new([Dim::fixed(1), self.heads.into(), length.clone(), length]))
    }

    /// Half of the buckets for each direction; near distances have their own, far ones share by their logarithm.
    fn bucket(&self, distance: i64) -> i64 {
        let half = self.buckets as i64 / 2;
        let (side, far) = (if distance > 0 { half } else { 0 }, distance.abs());
        let exact = half / 2;
        if far < exact {
            return side + far;
        }
        let share = (far as f32 / exact as f32).ln() / (DISTANCE_MAX / exact as f32).ln();
        side + (exact + (share * (half - exact) as f32) as i64).min(half - 1)
    }
}
