//! The heads of networks that continue texts: the next token, labels of the last token or of each, answers.

use gradframe_ml_core::{NodeId, Result};

use super::no_head;
use crate::net::Net;
use crate::rows::Rows;
use crate::task::Task;

/// What tells the heads of one architecture from another's.
pub struct Heads<'a> {
    /// For errors.
    pub name: &'static str,
    /// The table of tokens, which also tells the next one where there is no `lm_head`.
    pub table: &'a str,
    /// The product that gives labels of tokens.
    pub tokens: &'static str,
    /// Tokens, and numbers of each.
    pub sizes: [usize; 2],
    /// Whether the table may tell the next token.
    pub tied: bool,
    /// Labels of a classifier.
    pub labels: usize,
}

impl Heads<'_> {
    /// As [`super::Architecture::head`].
    pub fn head(&self, net: &mut Net, rows: &Rows, hidden: NodeId, task: Task) -> Result<NodeId> {
        let width = self.sizes[1];
        match task {
            Task::NextToken => {
                let own = "lm_head.weight";
                net.times_rows(hidden, if net.has(own) || !self.tied { own } else { self.table }, self.sizes)
            }
            Task::Sequence => {
                let last = rows.last_token(&mut net.g, hidden)?;
                net.linear("score", last, [width, self.labels], false)
            }
            Task::Tokens => net.linear(self.tokens, hidden, [width, self.labels], true),
            Task::Answer => net.linear("qa_outputs", hidden, [width, 2], true),
            Task::MaskedTokens => Err(no_head(self.name, task)),
        }
    }
}
