//! RoBERTa: BERT whose places count from behind the padding's. Source: Liu et al. 2019. XLM-RoBERTa (Conneau et al. 2019) is the same
//! network over many languages.

use gradframe_ml_core::{Error, NodeId, Result};

use super::{Architecture, head_width, labels, no_head};
use crate::config::Config;
use crate::net::{Net, Task};
use crate::rows::{Look, Rows};

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
}

pub fn read(config: &Config) -> Result<Box<dyn Architecture>> {
    let own = Roberta {
        vocabulary: config.count("vocab_size")?,
        width: config.count("hidden_size")?,
        layers: config.size("num_hidden_layers")?,
        heads: config.count("num_attention_heads")?,
        inner: config.count("intermediate_size")?,
        places: config.count("max_position_embeddings")?,
        padding: config.size_or("pad_token_id", 1)?,
        kinds: config.size_or("type_vocab_size", 2)?,
        epsilon: config.number_or("layer_norm_eps", 1e-12)?,
        activation: config.text_or("hidden_act", "gelu")?.to_owned(),
        labels: labels(config)?,
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
            x = self.block(net, rows, &format!("{at}encoder.layer.{i}"), x)?;
        }
        Ok(x)
    }

    fn head(&self, net: &mut Net, _: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        match task {
            Task::MaskedTokens => self.words(net, hidden),
            Task::Sequence => {
                let first = net.first_token(hidden)?;
                let dense = net.linear("classifier.dense", first, [self.width, self.width], true)?;
                let active = net.g.tanh(dense)?;
                net.linear("classifier.out_proj", active, [self.width, self.labels], true)
            }
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

    fn block(&self, net: &mut Net, rows: &mut Rows, at: &str, x: NodeId) -> Result<NodeId> {
        let (width, each) = (self.width, head_width(self.width, self.heads)?);
        let mut parts = [x; 3];
        for (part, name) in parts.iter_mut().zip(["query", "key", "value"]) {
            let own = net.linear(&format!("{at}.attention.self.{name}"), x, [width, width], true)?;
            *part = net.by_heads(own, self.heads, each)?;
        }
        let seen = rows.attend(net, parts, Look::default())?;
        let seen = net.linear(&format!("{at}.attention.output.dense"), seen, [width, width], true)?;
        let sum = net.g.add(seen, x)?;
        let x = net.layer_norm(&format!("{at}.attention.output.LayerNorm"), sum, width, self.epsilon)?;
        let up = net.linear(&format!("{at}.intermediate.dense"), x, [width, self.inner], true)?;
        let active = net.activation(&self.activation, up)?;
        let down = net.linear(&format!("{at}.output.dense"), active, [self.inner, width], true)?;
        let sum = net.g.add(down, x)?;
        net.layer_norm(&format!("{at}.output.LayerNorm"), sum, width, self.epsilon)
    }

    /// Scores of words: those of the table of words, unless the head has a table of its own.
    fn words(&self, net: &mut Net, hidden: NodeId) -> Result<NodeId> {
        let dense = net.linear("lm_head.dense", hidden, [self.width, self.width], true)?;
        let active = net.g.gelu(dense)?;
        let normal = net.layer_norm("lm_head.layer_norm", active, self.width, self.epsilon)?;
        let own = "lm_head.decoder.weight".to_owned();
        let table = if net.has(&own) { own } else { format!("{}embeddings.word_embeddings.weight", prefix(net)) };
        let table = net.parameter(&table, &[self.vocabulary, self.width])?;
        let scores = net.times_rows(normal, table)?;
        let bias = net.parameter("lm_head.bias", &[self.vocabulary])?;
        net.g.add(scores, bias)
    }
}
