//! Questions answered by a part of a text: models with a head for the first and the last token of an answer.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Mutex;

use gradframe_ml_core::{Error, Result};
use rayon::prelude::*;

use crate::batches::Work;
use crate::model::Model;
use crate::runner::{Observe, Runner};
use crate::task::Task;
use crate::text::{Encoded, Span, Windows};

const OP: &str = "answer";
const BATCH_TOKENS: usize = 1024;
/// Tokens of a question with a part of its text, at most, and how many of them the next part repeats: transformers' numbers.
const WINDOW_TOKENS: usize = 384;
const SHARED_TOKENS: usize = 128;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerOptions {
    /// Answers of a question, the best first.
    pub top: usize,
    /// Tokens of an answer, at most.
    pub max_tokens: usize,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        AnswerOptions { top: 1, max_tokens: 15 }
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerSpan {
    /// The part itself.
    pub text: String,
    /// The probability of its first token times that of its last.
    pub score: f64,
    /// Its first character, and the one behind its last.
    pub characters: Range<usize>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Answered {
    /// Of each question the best answers; none where the text has no tokens. Errors: `Execution` for a question that leaves no room for
    /// its text.
    pub answers: Vec<Result<Vec<AnswerSpan>>>,
    /// What it took.
    pub work: Work,
}

/// A model that answers questions.
#[derive(Debug)]
pub struct Answerer {
    runner: Runner,
    windows: Windows,
}

impl Answerer {
    /// Errors: `Plan` if the model has no head for answers; those of a checkpoint that does not fit its configuration.
    pub fn new(model: &Model) -> Result<Self> {
        if model.task() != Some(Task::Answer) {
            let has = model.task().map_or("none", Task::name);
            return Err(Error::plan(
                OP,
                format!("expected a model with a head for {}, its head is for {has}", Task::Answer.name()),
            ));
        }
        let compiled = model.compiled(|net, rows, hidden| model.architecture().head(net, rows, hidden, Task::Answer))?;
        let tokens = model.length_max()?.min(WINDOW_TOKENS);
        Ok(Answerer {
            runner: Runner::new(compiled, model.architecture().vocabulary(), BATCH_TOKENS),
            windows: model.tokenizer()?.windows(tokens, SHARED_TOKENS.min(tokens / 2))?,
        })
    }

    /// The best answers to each question in its text, (question, text). A long text is read in parts that overlap.
    /// Errors: `Execution` for a token that the model does not have; what `observe` says.
    pub fn answer(&self, rows: &[(&str, &str)], options: AnswerOptions, observe: &Observe) -> Result<Answered> {
        let parts: Vec<Result<Vec<Vec<Span>>>> =
            rows.par_iter().map(|(question, text)| self.windows.of(question, text)).collect();
        let encoded: Vec<Encoded> = parts.iter().flatten().flatten().map(|part| encoded(part)).collect();
        let work = Mutex::new(Work::default());
        let counted = |batch: Work| {
            *work.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += batch;
            observe(batch)
        };
        let scores = self.runner.run(&encoded, &counted)?;
        let mut scores = scores.iter();
        let mut answers = Vec::with_capacity(rows.len());
        for ((_, text), parts) in rows.iter().zip(parts) {
            answers.push(parts.map(|parts| {
                let scored = parts.iter().zip(scores.by_ref());
                let found = scored.flat_map(|(part, scores)| best(part, scores, options)).collect();
                best_of(found, options.top).into_iter().map(|found| found.in_text(text)).collect()
            }));
        }
        Ok(Answered { answers, work: work.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) })
    }
}

fn encoded(part: &[Span]) -> Encoded {
    let (ids, kinds) = part.iter().map(|span| (span.id, span.kind)).unzip();
    Encoded { ids, kinds, is_truncated: false }
}

/// A part of a text by its characters.
struct Found {
    score: f64,
    characters: Range<usize>,
}

impl Found {
    fn in_text(self, text: &str) -> AnswerSpan {
        let part = text.chars().skip(self.characters.start).take(self.characters.len()).collect();
        AnswerSpan { text: part, score: self.score, characters: self.characters }
    }
}

/// The best answers in a part; `scores` [T, 2] are of each token as the first and as the last.
fn best(part: &[Span], scores: &[f32], options: AnswerOptions) -> Vec<Found> {
    let side = |which: usize| -> Vec<f64> { part.iter().enumerate().map(|(i, _)| f64::from(scores[2 * i + which])).collect() };
    let [first, last] = [0, 1].map(|which| probabilities(part, &side(which)));
    let mut found = Vec::new();
    for from in inside(part) {
        let ends = (from..part.len().min(from + options.max_tokens)).take_while(|&to| part[to].text == Some(1));
        found.extend(ends.map(|to| Found { score: first[from] * last[to], characters: whole_words(part, from, to) }));
        if found.len() > 64 * options.top.max(16) {
            found = best_of(found, options.top);
        }
    }
    best_of(found, options.top)
}

/// The best answers, each part of the text once: tokens of the same words are one answer, and so is what two parts that overlap have.
fn best_of(mut found: Vec<Found>, top: usize) -> Vec<Found> {
    found.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal));
    let mut known = HashSet::new();
    found.retain(|one| known.len() < top && known.insert(one.characters.clone()));
    found
}

fn inside(part: &[Span]) -> impl Iterator<Item = usize> {
    part.iter().enumerate().filter(|(_, span)| span.text == Some(1)).map(|(i, _)| i)
}

/// Softmax over the text's tokens and the special one at the beginning, which says that there is no answer.
fn probabilities(part: &[Span], scores: &[f64]) -> Vec<f64> {
    let counts = |i: usize| part[i].text == Some(1) || (i == 0 && part[i].text.is_none());
    let most = (0..part.len()).filter(|&i| counts(i)).map(|i| scores[i]).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = (0..part.len()).map(|i| if counts(i) { (scores[i] - most).exp() } else { 0.0 }).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// From the first character of the first token's word to the last of the last one's.
fn whole_words(part: &[Span], from: usize, to: usize) -> Range<usize> {
    let same = |a: usize, b: usize| part[a].text == part[b].text && part[a].word.is_some() && part[a].word == part[b].word;
    let first = (0..=from).rev().take_while(|&i| same(i, from)).last().unwrap_or(from);
    let last = (to..part.len()).take_while(|&i| same(i, to)).last().unwrap_or(to);
    part[first].characters.start..part[last].characters.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: Option<usize>, word: u32, characters: Range<usize>) -> Span {
        Span { id: 1, kind: 0, characters, text, word: Some(word) }
    }

    /// A special token, a question's, a special one, then `ab cd` in three tokens: a, ##b, cd.
    fn part() -> Vec<Span> {
        let special = || Span { word: None, ..span(None, 0, 0..0) };
        vec![special(), span(Some(0), 0, 0..3), special(), span(Some(1), 0, 0..1), span(Some(1), 0, 1..2), span(Some(1), 1, 3..5)]
    }

    #[test]
    fn an_answer_is_of_whole_words_in_the_text() {
        let scores = [9.0, 0.0, 9.0, 9.0, 9.0, 9.0, 0.0, 0.0, 12.0, 0.0, 0.0, 12.0];
        let found = best(&part(), &scores, AnswerOptions { top: 2, max_tokens: 15 });
        assert_eq!(found[0].characters, 0..5);
        assert!(found[0].score > 0.9 && found[0].score < 1.0 && found[1].score < found[0].score);
        let short = best(&part(), &scores, AnswerOptions { top: 9, max_tokens: 1 });
        let mut short: Vec<Range<usize>> = short.into_iter().map(|one| one.characters).collect();
        short.sort_by_key(|part| part.start);
        assert_eq!(short, [0..2, 3..5], "each part once, though the first word has two tokens");
    }

    #[test]
    fn a_text_of_no_tokens_has_no_answer() {
        assert!(best(&part()[..3], &[1.0; 6], AnswerOptions::default()).is_empty());
    }
}
