//! One run of the network over new tokens: their keys and values go to the cache, the scores of what comes next come out.

use std::sync::Mutex;

use gradframe_ml_core::{DType, Dim, Error, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::cpu::OnKernel;
use gradframe_ml_kernels::{Program, Scratch, Threads};

use super::OP;
use super::cache::Cache;
use crate::model::Model;
use crate::net::{Compiled, Net};
use crate::rows::{CacheShape, Rows, kept_in};
use crate::task::Task;

/// The compiled network. It serves any number of rows, new tokens and slots.
#[derive(Debug)]
pub struct Stepper {
    compiled: Compiled,
    /// What is kept of each token, and in what.
    pub cache: (CacheShape, DType),
    scratch: Mutex<Scratch>,
}

impl Stepper {
    pub fn new(model: &Model, cache: CacheShape) -> Result<Self> {
        let mut net = Net::new(model.weights(), model.precision());
        let mut rows = Rows::after(&mut net, cache)?;
        let hidden = model.architecture().hidden(&mut net, &mut rows)?;
        let last = last_place(&mut net, hidden)?;
        let scores = model.architecture().head(&mut net, &rows, last, Task::NextToken)?;
        let outputs: Vec<NodeId> = std::iter::once(scores).chain(rows.kept()).collect();
        let cache = (cache, kept_in(model.precision()));
        Ok(Stepper { compiled: net.compile(outputs)?, cache, scratch: Mutex::default() })
    }

    pub fn parameter_bytes(&self) -> usize {
        self.compiled.parameter_bytes()
    }

    /// The scores [B, V] of what comes after `tokens` [B, T] (row after row), which are the next ones of the cache's rows.
    pub fn step(&self, mut cache: Cache, tokens: &[u32]) -> Result<(Cache, Tensor)> {
        let new = tokens.len() / cache.rows().max(1);
        cache = cache.with_room(new)?;
        let inputs = inputs(&mut cache, tokens)?;
        let mut scratch = self.scratch.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut outputs = self.compiled.run(inputs, &mut scratch, Threads::Pool)?.into_iter();
        let scores = outputs.next().ok_or_else(|| Error::internal(OP, "a step gave no scores"))?;
        cache.tensors = outputs.collect();
        cache.at += new;
        Ok((cache, scores))
    }

    /// A step of so many rows after so many tokens, on this thread, with the time of each kernel.
    pub fn time_kernels(&self, rows: usize, after: usize, on_kernel: &mut OnKernel) -> Result<()> {
        let mut cache = Cache::empty(self.cache, rows, after + 1)?;
        cache.at = after;
        let mut scratch = self.scratch.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.compiled.run_timed(inputs(&mut cache, &vec![1; rows])?, &mut scratch, on_kernel)
    }

    /// The compiled form.
    pub fn program(&self) -> &Program {
        self.compiled.program()
    }
}

/// What a run over these tokens is given beside weights; the keys and values are taken out of the cache.
fn inputs(cache: &mut Cache, tokens: &[u32]) -> Result<Vec<Tensor>> {
    let rows = cache.rows();
    let ids = tokens.iter().map(|&id| i64::from(id)).collect();
    let first = cache.first.iter().map(|&slot| slot as i64).collect();
    let ids = Tensor::from_vec(&[rows, tokens.len() / rows.max(1)], ids)?;
    let mut inputs = vec![ids, Tensor::scalar(cache.at as i64), Tensor::from_vec(&[rows], first)?];
    inputs.append(&mut cache.tensors);
    Ok(inputs)
}

/// Of each row what belongs to its last token: [B, T, C] -> [B, 1, C].
fn last_place(net: &mut Net, hidden: NodeId) -> Result<NodeId> {
    let g = &mut net.g;
    let length = g.ty(hidden).shape.dims()[1].clone();
    let count = g.dim_value(DType::I64, &length)?;
    let one = g.scalar_like(count, 1.0)?;
    let last = g.sub(count, one)?;
    let last = g.reshape(last, &Shape::scalar())?;
    g.dyn_slice(hidden, last, 1, &Dim::fixed(1))
}
