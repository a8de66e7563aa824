//! Attention of texts in f32, head by head: the scores of a few queries stay in the first caches until values are weighed by them.

use std::ops::Range;

use gradframe_ml_core::{Error, Result};

use super::bytes::{typed, typed_mut};
use super::fold::{LANES, together};
use super::gemm::{Matrix, Scalar, Tile};
use super::math::single::exp_inside;
use super::simd::vectorized;
use super::{Env, tasks};
use crate::schedule::Library;

/// Queries that go together, at most.
const QUERIES: usize = 64;
/// The least exponent of a weight. What is smaller counts for nothing beside the largest weight, which is 1.
const LEAST: f32 = -79.0;

/// The operands with their sizes known. Rows are as long as all heads together.
struct Texts<'a> {
    /// Of queries, keys and values.
    rows: [&'a [f32]; 3],
    lengths: &'a [i64],
    tokens: usize,
    width: usize,
    scale: f32,
}

/// What a thread keeps from task to task.
#[derive(Default)]
struct Memory {
    scores: Vec<f32>,
    sums: Vec<f32>,
}

/// Runs the kernel: `scale` is the factor of the scores.
pub fn run(kernel: &Library, scale: f32, env: &Env, output: &mut [u8]) -> Result<()> {
    let bytes = |operand: usize| env.bytes(kernel.operands[operand].0.index());
    let shape = kernel.operands[0].1.eval(env.sizes)?;
    let [_, tokens, heads, each] = shape[..] else { return Err(Error::internal("attention", "expected four axes")) };
    let rows = [0, 1, 2].map(|operand| typed(bytes(operand)));
    let texts = Texts { rows, lengths: typed(bytes(3)), tokens, width: heads * each, scale };
    let output = typed_mut::<f32>(output);
    if output.is_empty() {
        return Ok(());
    }
    let queries = tokens.div_ceil(tokens.div_ceil(QUERIES));
    let mut work = Vec::new();
    for (text, output) in output.chunks_exact_mut(tokens * texts.width).enumerate() {
        work.extend(Tile::all(output, texts.width, (queries, each)).map(|tile| (text, tile)));
    }
    tasks::for_each_with(env.workers, work, Memory::default, |memory, (text, mut tile)| {
        texts.seen_by(text, &mut tile, memory);
        Ok(())
    })
}

impl Texts<'_> {
    /// What some queries of one head see: their rows and the head's columns are the tile's.
    fn seen_by(&self, text: usize, tile: &mut Tile<f32>, memory: &mut Memory) {
        let (queries, columns) = (tile.row_range(), tile.column_range());
        let keys = usize::try_from(self.lengths[text]).unwrap_or(0).min(self.tokens);
        if keys == 0 {
            return (0..queries.len()).for_each(|row| tile.row(row).fill(f32::NAN)); // a softmax of nothing
        }
        let (count, width) = (queries.len(), keys.next_multiple_of(LANES));
        memory.scores.resize(memory.scores.len().max(QUERIES * width), 0.0);
        let scores = &mut memory.scores[..count * width];
        let [query, key, value] = [(0, queries), (1, 0..keys), (2, 0..keys)].map(|(operand, tokens)| {
            let first = text * self.tokens + tokens.start;
            self.matrix(operand, first..first + tokens.len(), &columns)
        });
        f32::product(&query, &key, &mut Tile::of_columns(scores, width, (0, keys)), false);
        weigh(scores, (width, keys), self.scale, &mut memory.sums);
        let weights = Matrix { columns: keys, ..Matrix::dense(scores, [1, count, width]) };
        f32::product(&weights, &value.turned(), tile, false);
        for (row, sum) in memory.sums.iter().enumerate() {
            let part = 1.0 / sum;
            tile.row(row).iter_mut().for_each(|x| *x *= part);
        }
    }

    /// Some rows of an operand, and of them a head's columns.
    fn matrix(&self, operand: usize, rows: Range<usize>, columns: &Range<usize>) -> Matrix<'_, f32> {
        let first = rows.start * self.width + columns.start;
        let sizes = [1, rows.len(), columns.len()];
        Matrix { first, row: self.width as isize, ..Matrix::dense(self.rows[operand], sizes) }
    }
}

/// Scores become weights whose sums are given beside: rows of `width`, of which `keys` count.
fn weigh(scores: &mut [f32], (width, keys): (usize, usize), scale: f32, sums: &mut Vec<f32>) {
    sums.clear();
    vectorized(
        #[inline(always)]
        || {
            for row in scores.chunks_exact_mut(width) {
                row[keys..].fill(f32::NEG_INFINITY);
                let (lanes, _) = row.as_chunks_mut::<LANES>();
                let mut largest = [f32::NEG_INFINITY; LANES];
                for scores in &*lanes {
                    for i in 0..LANES {
                        largest[i] = larger(scores[i], largest[i]);
                    }
                }
                let largest = together(largest, &larger);
                let mut sum = [0.0; LANES];
                for scores in lanes {
                    for i in 0..LANES {
                        let power = scale * (scores[i] - largest);
                        scores[i] = exp_inside(if power < LEAST { LEAST } else { power });
                        sum[i] += scores[i];
                    }
                }
                sums.push(together(sum, &|a, b| a + b));
            }
        },
    );
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}
