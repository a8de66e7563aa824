//! BERT: a transformer that sees a text as a whole. Source: Devlin et al. 2018. MiniLM (Wang et al. 2020) is a small one.
//!
//! Words, places and kinds of text are added and normalised; each block is attention and a perceptron, each added to what it was
//! given and normalised after.

use gradframe_ml_core::{NodeId, Result};

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

const WORDS: WordNames = WordNames {
    dense: "cls.predictions.transform.dense",
    norm: "cls.predictions.transform.LayerNorm",
    table: "cls.predictions.decoder.weight",
    bias: "cls.predictions.bias",
};

#[derive(Debug)]
struct Bert {
    vocabulary: usize,
    width: usize,
    layers: usize,
    heads: usize,
    inner: usize,
    context: usize,
    kinds: usize,
    epsilon: f64,
    activation: String,
    labels: usize,
    /// Whether the table of words scores them too.
    tied: bool,
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    sees_all(config)?;
    let bert = Bert {
        vocabulary: config.count("vocab_size")?,
        width: config.count("hidden_size")?,
        layers: config.layers("num_hidden_layers")?,
        heads: config.count("num_attention_heads")?,
        inner: config.count("intermediate_size")?,
        context: config.count("max_position_embeddings")?,
        kinds: config.size_or("type_vocab_size", 2)?,
        epsilon: config.number_or("layer_norm_eps", 1e-12)?,
        activation: config.text_or("hidden_act", "gelu")?.to_owned(),
        labels: labels(config)?,
        tied: config.flag_or("tie_word_embeddings", true)?,
    };
    head_width(bert.width, bert.heads)?;
    match config.text_or("position_embedding_type", "absolute")? {
        "absolute" => Ok(Box::new(bert)),
        other => Err(gradframe_ml_core::Error::not_implemented("model", format!("bert with `{other}` positions"))),
    }
}

impl Architecture for Bert {
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
                encoder::words(net, hidden, &WORDS, shared, self.sizes())
            }
            Task::Sequence => {
                let pooled = self.pooled(net, hidden)?;
                net.linear("classifier", pooled, [self.width, self.labels], true)
            }
            Task::Tokens => net.linear("classifier", hidden, [self.width, self.labels], true),
            Task::Answer => net.linear("qa_outputs", hidden, [self.width, 2], true),
            Task::NextToken => Err(no_head("bert", task)),
        }
    }
}

fn prefix(net: &Net) -> &'static str {
    net.prefix(&["bert.", ""], "embeddings.word_embeddings.weight")
}

impl Bert {
    fn sizes(&self) -> Sizes<'_> {
        let (width, heads, inner) = (self.width, self.heads, self.inner);
        Sizes { width, heads, inner, epsilon: self.epsilon, activation: &self.activation }
    }

    fn embedded(&self, net: &mut Net, rows: &Rows, at: &str) -> Result<NodeId> {
        let words = net.embedding(&format!("{at}embeddings.word_embeddings"), rows.ids, [self.vocabulary, self.width])?;
        let places = net.embedding(&format!("{at}embeddings.position_embeddings"), rows.positions, [self.context, self.width])?;
        let kinds = net.embedding(&format!("{at}embeddings.token_type_embeddings"), rows.kinds, [self.kinds, self.width])?;
        let sum = net.g.add(words, kinds)?;
        let sum = net.g.add(sum, places)?;
        net.layer_norm(&format!("{at}embeddings.LayerNorm"), sum, self.width, self.epsilon)
    }

    /// What stands for the whole text: of its first token.
    fn pooled(&self, net: &mut Net, hidden: NodeId) -> Result<NodeId> {
        let first = net.first_token(hidden)?;
        let dense = net.linear(&format!("{}pooler.dense", prefix(net)), first, [self.width, self.width], true)?;
        net.g.tanh(dense)
    }
}
