//! DistilBERT: BERT with half the blocks, without kinds of text and without a pooler. Source: Sanh et al. 2019.

use gradframe_ml_core::{NodeId, Result};

use super::encoder::{self, BlockNames, Sizes, WordNames, Words};
use super::{Architecture, head_width, labels, no_head};
use crate::config::Config;
use crate::net::Net;
use crate::rows::{Look, Rows};
use crate::task::Task;

const EPSILON: f64 = 1e-12;

const BLOCK: BlockNames = BlockNames {
    parts: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    seen: "attention.out_lin",
    seen_norm: "sa_layer_norm",
    inner: ["ffn.lin1", "ffn.lin2"],
    norm: "output_layer_norm",
};

const WORDS: WordNames = WordNames {
    dense: "vocab_transform",
    norm: "vocab_layer_norm",
    table: "vocab_projector.weight",
    bias: "vocab_projector.bias",
};

#[derive(Debug)]
struct DistilBert {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    context: usize,
    activation: String,
    labels: usize,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let own = DistilBert {
        vocabulary: config.count("vocab_size")?,
        width: config.count("dim")?,
        layers: config.layers("n_layers")?,
        heads: config.count("n_heads")?,
        inner: config.count("hidden_dim")?,
        context: config.count("max_position_embeddings")?,
        activation: config.text_or("activation", "gelu")?.to_owned(),
        labels: labels(config)?,
    };
    head_width(own.width, own.heads)?;
    Ok(Box::new(own))
}

impl Architecture for DistilBert {
    fn context(&self) -> usize {
        self.context
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
        let places = net.embedding(&format!("{at}embeddings.position_embeddings"), rows.positions, [self.context, self.width])?;
        let sum = net.g.add(words, places)?;
        let mut x = net.layer_norm(&format!("{at}embeddings.LayerNorm"), sum, self.width, EPSILON)?;
        for i in 0..self.layers {
            x = encoder::block(net, rows, (&format!("{at}transformer.layer.{i}"), &BLOCK), x, self.sizes(), Look::default())?;
        }
        Ok(x)
    }

    fn head(&self, net: &mut Net, _: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        match task {
            Task::MaskedTokens => {
                let shared = format!("{}embeddings.word_embeddings.weight", prefix(net));
                let shared = Words { name: &shared, vocabulary: self.vocabulary, tied: true };
                encoder::words(net, hidden, &WORDS, shared, self.sizes())
            }
            Task::Sequence => {
                let first = net.first_token(hidden)?;
                let dense = net.linear("pre_classifier", first, [self.width, self.width], true)?;
                let active = net.g.relu(dense)?;
                net.linear("classifier", active, [self.width, self.labels], true)
            }
            Task::Tokens => net.linear("classifier", hidden, [self.width, self.labels], true),
            Task::Answer => net.linear("qa_outputs", hidden, [self.width, 2], true),
            Task::NextToken => Err(no_head("distilbert", task)),
        }
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["distilbert.", ""], "embeddings.word_embeddings.weight")
}

impl DistilBert {
    fn sizes(&self) -> Sizes<'_> {
        let (width, heads, inner) = (self.width, self.heads, self.inner);
        Sizes { width, heads, inner, epsilon: EPSILON, activation: &self.activation }
    }
}
