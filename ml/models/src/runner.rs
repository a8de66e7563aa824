//! A compiled network over many rows: batches by length, one thread each, side by side.

use std::sync::Mutex;

use gradframe_ml_core::{Result, Tensor};
use gradframe_ml_kernels::cpu::OnKernel;
use gradframe_ml_kernels::{Scratch, Threads};
use rayon::prelude::*;

use crate::batches::{Work, by_length, tensors};
use crate::net::Compiled;
use crate::text::Encoded;

/// Told of each batch that is done; an error from it ends the work.
pub type Observe<'a> = dyn Fn(Work) -> Result<()> + Sync + 'a;

/// A compiled network, and the memory that its runs use again.
#[derive(Debug)]
pub struct Runner {
    compiled: Compiled,
    vocabulary: usize,
    /// Places of a batch.
    batch_tokens: usize,
    scratches: Mutex<Vec<Scratch>>,
}

impl Runner {
    pub fn new(compiled: Compiled, vocabulary: usize, batch_tokens: usize) -> Self {
        Runner { compiled, vocabulary, batch_tokens, scratches: Mutex::default() }
    }

    pub fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// What the network gives for each row, in their order: all of it, or of what it gives for each token as much as the row
    /// has tokens. Nothing for a row of no tokens.
    pub fn run(&self, rows: &[Encoded], observe: &Observe) -> Result<Vec<Vec<f32>>> {
        let batches = by_length(rows, self.batch_tokens);
        // A single batch is spread over all threads; of several, each thread takes one after the other.
        let threads = if batches.len() < rayon::current_num_threads() { Threads::Pool } else { Threads::One };
        let one = |batch: &Vec<usize>| {
            let (inputs, work) = tensors(rows, batch, self.vocabulary)?;
            let output = self.one(inputs, threads)?;
            observe(work)?;
            parts(&output, rows, batch)
        };
        let done: Vec<Vec<Vec<f32>>> = match threads {
            Threads::Pool => batches.iter().map(one).collect::<Result<_>>()?,
            Threads::One => batches.par_iter().map(one).collect::<Result<_>>()?,
        };
        let mut results = vec![Vec::new(); rows.len()];
        for (row, values) in batches.into_iter().flatten().zip(done.into_iter().flatten()) {
            results[row] = values;
        }
        Ok(results)
    }

    /// One run on rows of so many tokens, with the time of each kernel.
    pub fn time_kernels(&self, [rows, tokens]: [usize; 2], on_kernel: &mut OnKernel) -> Result<()> {
        let encoded = vec![Encoded { ids: vec![1; tokens], kinds: vec![0; tokens], is_truncated: false }; rows];
        let (inputs, _) = tensors(&encoded, &(0..rows).collect::<Vec<_>>(), self.vocabulary)?;
        let mut scratch = self.scratches.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop().unwrap_or_default();
        self.compiled.run_timed(inputs, &mut scratch, on_kernel)
    }

    fn one(&self, inputs: Vec<Tensor>, threads: Threads) -> Result<Tensor> {
        let lock = || self.scratches.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut scratch = lock().pop().unwrap_or_default();
        let mut outputs = self.compiled.run(inputs, &mut scratch, threads)?;
        lock().push(scratch);
        Ok(outputs.swap_remove(0))
    }
}

/// Each row's part of [B, ..] or of [B, T, ..].
fn parts(output: &Tensor, rows: &[Encoded], batch: &[usize]) -> Result<Vec<Vec<f32>>> {
    let values = output.values::<f32>()?;
    let each = values.len() / batch.len().max(1);
    let longest = batch.first().map_or(0, |&row| rows[row].ids.len());
    let by_token = output.shape().len() == 3 && output.shape()[1] == longest;
    let length = |row: usize| if by_token { each / longest.max(1) * rows[row].ids.len() } else { each };
    Ok(batch.iter().enumerate().map(|(i, &row)| values[i * each..i * each + length(row)].to_vec()).collect())
}
