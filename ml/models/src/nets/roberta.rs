//! RoBERTa: BERT whose places count from behind the padding's. Source: Liu et al. 2019. XLM-RoBERTa (Conneau et al. 2019) is the same
//! network over many languages.

use gradframe_ml_core::{Error, NodeId, Result};

use super::encoder::{self, BlockNames, Sizes, WordNames, Words};
use super::{Architecture, head_width, labels, no_head, sees_all};
use crate::config::Config;
use crate::net::Net;
use crate::rows::{Look, Rows};
use crate::task::Task;

const BLOCK: BlockNames = BlockNames {
    parts: ["attention.self.query", "attention.self.key", "attention.self.value"],
    seen: "attention.output.dense",
    seen_norm: "attention.output.LayerNorm",
    inner: ["intermediate.dense", "output.dense"],
    norm: "output.LayerNorm",
};

const WORDS: WordNames =
    WordNames { dense: "lm_head.dense", norm: "lm_head.layer_norm", table: "lm_head.decoder.weight", bias: "lm_head.bias" };

#[derive(Debug)]
struct Roberta {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    /// Rows of the table of places, of which the first `padding + 1` are nobody's.
    places: usize,
    padding: usize,
    kinds: usize,
    epsilon: f64,
    activation: String,
    labels: usize,
    /// Whether the table of words scores them too.
    tied: bool,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    sees_all(config)?;
    let own = Roberta {
        vocabulary: config.count("vocab_size")?,
        width: config.count("hidden_size")?,
        layers: config.layers("num_hidden_layers")?,
        heads: config.count("num_attention_heads")?,
        inner: config.count("intermediate_size")?,
        places: config.count("max_position_embeddings")?,
        padding: config.size_or("pad_token_id", 1)?,
        kinds: config.size_or("type_vocab_size", 2)?,
        epsilon: config.number_or("layer_norm_eps", 1e-12)?,
        activation: config.text_or("hidden_act", "gelu")?.to_owned(),
        labels: labels(config)?,
        tied: config.flag_or("tie_word_embeddings", true)?,
    };
    head_width(own.width, own.heads)?;
    if own.places <= own.padding + 1 {
        return Err(config.wrong("max_position_embeddings", "more places than the padding takes", None));
    }
    match config.text_or("position_embedding_type", "absolute")? {
        "absolute" => Ok(Box::new(own)),
        other => Err(Error::not_implemented("model", format!("roberta with `{other}` positions"))),
    }
}

impl Architecture for Roberta {
    fn context(&self) -> usize {
        self.places - self.padding - 1
    }

    fn width(&self) -> usize {
        self.width
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn hidden(&self, net: &mut Net, rows: &mut Rows) -> Result<NodeId> {
        let at = prefix(net);
        let mut x = self.embedded(net, rows, at)?;
        for i in 0..self.layers {
            x = encoder::block(net, rows, (&format!("{at}encoder.layer.{i}"), &BLOCK), x, self.sizes(), Look::default())?;
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
            Task::NextToken => Err(no_head("roberta", task)),
        }
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["roberta.", ""], "embeddings.word_embeddings.weight")
}

impl Roberta {
    fn sizes(&self) -> Sizes<'_> {
        let (width, heads, inner) = (self.width, self.heads, self.inner);
        Sizes { width, heads, inner, epsilon: self.epsilon, activation: &self.activation }
    }

    fn embedded(&self, net: &mut Net, rows: &Rows, at: &str) -> Result<NodeId> {
        let words = net.embedding(&format!("{at}embeddings.word_embeddings"), rows.ids, [self.vocabulary, self.width])?;
        let behind = net.g.scalar_like(rows.positions, (self.padding + 1) as f64)?;
        let places = net.g.add(rows.positions, behind)?;
        let places = net.embedding(&format!("{at}embeddings.position_embeddings"), places, [self.places, self.width])?;
        let kind = net.g.full_like(rows.ids, 0.0)?; // there is one kind, whatever the tokenizer says
        let kinds = net.embedding(&format!("{at}embeddings.token_type_embeddings"), kind, [self.kinds, self.width])?;
        let sum = net.g.add(words, kinds)?;
        let sum = net.g.add(sum, places)?;
        net.layer_norm(&format!("{at}embeddings.LayerNorm"), sum, self.width, self.epsilon)
    }
}
