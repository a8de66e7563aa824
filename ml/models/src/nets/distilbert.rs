//! DistilBERT: BERT with half the blocks, without kinds of text and without a pooler. Source: Sanh et al. 2019.

use gradframe_ml_core::{NodeId, Result};

use super::{Architecture, head_width, labels, no_head};
use crate::config::Config;
use crate::net::{Net, Task};
use crate::rows::{Look, Rows};

const EPSILON: f64 = 1e-12;

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
        layers: config.size("n_layers")?,
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
            x = self.block(net, rows, &format!("{at}transformer.layer.{i}"), x)?;
        }
        Ok(x)
    }

    fn head(&self, net: &mut Net, _: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        match task {
            Task::MaskedTokens => self.words(net, hidden),
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
    fn block(&self, net: &mut Net, rows: &mut Rows, at: &str, x: NodeId) -> Result<NodeId> {
        let (width, each) = (self.width, head_width(self.width, self.heads)?);
        let mut parts = [x; 3];
        for (part, name) in parts.iter_mut().zip(["q_lin", "k_lin", "v_lin"]) {
            let own = net.linear(&format!("{at}.attention.{name}"), x, [width, width], true)?;
            *part = net.by_heads(own, self.heads, each)?;
        }
        let seen = rows.attend(net, parts, Look::default())?;
        let seen = net.linear(&format!("{at}.attention.out_lin"), seen, [width, width], true)?;
        let sum = net.g.add(seen, x)?;
        let x = net.layer_norm(&format!("{at}.sa_layer_norm"), sum, width, EPSILON)?;
        let up = net.linear(&format!("{at}.ffn.lin1"), x, [width, self.inner], true)?;
        let active = net.activation(&self.activation, up)?;
        let down = net.linear(&format!("{at}.ffn.lin2"), active, [self.inner, width], true)?;
        let sum = net.g.add(down, x)?;
        net.layer_norm(&format!("{at}.output_layer_norm"), sum, width, EPSILON)
    }

    /// Scores of words: those of the table of words, unless the head has a table of its own.
    fn words(&self, net: &mut Net, hidden: NodeId) -> Result<NodeId> {
        let dense = net.linear("vocab_transform", hidden, [self.width, self.width], true)?;
        let active = net.activation(&self.activation, dense)?;
        let normal = net.layer_norm("vocab_layer_norm", active, self.width, EPSILON)?;
        let own = "vocab_projector.weight".to_owned();
        let table = if net.has(&own) { own } else { format!("{}embeddings.word_embeddings.weight", prefix(net)) };
        let table = net.parameter(&table, &[self.vocabulary, self.width])?;
        let scores = net.times_rows(normal, table)?;
        let bias = net.parameter("vocab_projector.bias", &[self.vocabulary])?;
        net.g.add(scores, bias)
    }
}
