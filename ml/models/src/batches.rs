//! Rows of tokens in batches: those of about the same length together, so that little is filled up.

use std::ops::AddAssign;

use gradframe_ml_core::{Error, Result, Tensor};

use crate::text::Encoded;

/// What was computed, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Rows that went through the network.
    pub rows: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Places that were filled up behind shorter rows.
    pub padding: usize,
    /// Runs of the network.
    pub batches: usize,
}

impl Work {
    /// The share of filled up places, from 0 to 1.
    pub fn padding_share(&self) -> f64 {
        let all = self.tokens + self.padding;
        if all == 0 { 0.0 } else { self.padding as f64 / all as f64 }
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.tokens += other.tokens;
        self.padding += other.padding;
        self.batches += other.batches;
    }
}

/// A batch of so many places is large enough to be computed well; a larger one is not worth more padding.
const PLACES_ENOUGH: usize = 384;
/// The share of padding, one in so many, above which a row begins a batch of its own.
const PADDING_SHARE: usize = 8;

/// Rows by number in batches of at most `tokens_max` places, the longest rows first: where a batch is large enough and a row would be
/// padded much, the row begins another. Rows of no tokens are in none.
pub fn by_length(rows: &[Encoded], tokens_max: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|&row| !rows[row].ids.is_empty()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(rows[row].ids.len()), row));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut longest = 0;
    for row in order {
        let length = rows[row].ids.len();
        let fits = |batch: &Vec<usize>| {
            let is_close = (longest - length) * PADDING_SHARE <= longest;
            (batch.len() + 1) * longest <= tokens_max && (is_close || batch.len() * longest < PLACES_ENOUGH)
        };
        match batches.last_mut() {
            Some(batch) if fits(batch) => batch.push(row),
            _ => {
                longest = length;
                batches.push(vec![row]);
            }
        }
    }
    batches
}

/// The inputs of whole rows for one batch: tokens, kinds [B, T] and lengths [B], and what it is of work.
/// Errors: `Execution` naming a token that the network does not have.
pub fn tensors(rows: &[Encoded], batch: &[usize], vocabulary: usize) -> Result<(Vec<Tensor>, Work)> {
    let longest = batch.iter().map(|&row| rows[row].ids.len()).max().unwrap_or(0);
    let shape = [batch.len(), longest];
    let (mut ids, mut kinds) = (vec![0i64; batch.len() * longest], vec![0i64; batch.len() * longest]);
    let mut lengths = Vec::with_capacity(batch.len());
    for (place, &row) in batch.iter().enumerate() {
        let row = &rows[row];
        check_tokens(&row.ids, vocabulary)?;
        let start = place * longest;
        ids[start..].iter_mut().zip(&row.ids).for_each(|(to, &id)| *to = i64::from(id));
        kinds[start..].iter_mut().zip(&row.kinds).for_each(|(to, &kind)| *to = i64::from(kind));
        lengths.push(row.ids.len() as i64);
    }
    let tokens = lengths.iter().sum::<i64>() as usize;
    let work = Work { rows: batch.len(), tokens, padding: batch.len() * longest - tokens, batches: 1 };
    let lengths = Tensor::from_vec(&[batch.len()], lengths)?;
    Ok((vec![Tensor::from_vec(&shape, ids)?, Tensor::from_vec(&shape, kinds)?, lengths], work))
}

/// Errors: `Execution` naming the first token that the network does not have.
pub fn check_tokens(ids: &[u32], vocabulary: usize) -> Result<()> {
    match ids.iter().find(|&&id| id as usize >= vocabulary) {
        None => Ok(()),
        Some(id) => {
            let what = format!("the tokenizer gives token {id}, the model has {vocabulary}");
            Err(Error::execution("model", what).hint("tokenizer.json and config.json do not belong together"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(length: usize) -> Encoded {
        Encoded { ids: vec![1; length], kinds: vec![0; length], is_truncated: false }
    }

    #[test]
    fn rows_of_a_length_are_together_and_none_is_lost() {
        let rows: Vec<Encoded> = [3, 9, 0, 3, 8, 20].into_iter().map(row).collect();
        assert_eq!(by_length(&rows, 18), [vec![5], vec![1, 4], vec![0, 3]]);
    }

    #[test]
    fn a_batch_that_is_large_enough_takes_no_row_that_is_padded_much() {
        let rows: Vec<Encoded> = [vec![20; 20], vec![19; 3], vec![5; 7]].concat().into_iter().map(row).collect();
        assert_eq!(by_length(&rows, 1024).iter().map(Vec::len).collect::<Vec<_>>(), [23, 7]);
    }

    #[test]
    fn padding_is_counted() {
        let rows = [row(2), row(4)];
        let (tensors, work) = tensors(&rows, &[1, 0], 5).unwrap();
        assert_eq!(tensors[0].values::<i64>().unwrap(), [1, 1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(work, Work { rows: 2, tokens: 6, padding: 2, batches: 1 });
        assert_eq!(work.padding_share(), 0.25);
        assert!(super::tensors(&rows, &[0], 1).is_err());
    }
}
