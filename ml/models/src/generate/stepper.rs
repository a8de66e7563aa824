//! One run of the network over new tokens: their keys and values go to the cache, the scores of what comes next come out.

use std::sync::Mutex;

use gradframe_ml_core::{DType, Dim, Error, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads};

use super::OP;
use super::cache::Cache;
use crate::model::Model;
use crate::net::{Compiled, Net, Task};
use crate::rows::{CacheShape, Rows};

/// The compiled network. It serves any number of rows, new tokens and slots.
#[derive(Debug)]
pub struct Stepper {
    compiled: Compiled,
    pub cache: CacheShape,
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
        Ok(Stepper { compiled: net.compile(outputs)?, cache, scratch: Mutex::default() })
    }

    pub fn parameter_bytes(&self) -> usize {
        self.compiled.parameter_bytes()
    }

    /// The scores [B, V] of what comes after `tokens` [B, T] (row after row), which are the next ones of the cache's rows.
    pub fn step(&self, mut cache: Cache, tokens: &[u32]) -> Result<(Cache, Tensor)> {
        let rows = cache.rows();
        let new = tokens.len() / rows.max(1);
        cache = cache.with_room(new)?;
        let ids = tokens.iter().map(|&id| i64::from(id)).collect();
        let first = cache.first.iter().map(|&slot| slot as i64).collect();
        let mut inputs =
            vec![Tensor::from_vec(&[rows, new], ids)?, Tensor::scalar(cache.at as i64), Tensor::from_vec(&[rows], first)?];
        inputs.append(&mut cache.tensors);
        let mut scratch = self.scratch.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut outputs = self.compiled.run(inputs, &mut scratch, Threads::Pool)?.into_iter();
        let scores = outputs.next().ok_or_else(|| Error::internal(OP, "a step gave no scores"))?;
        cache.tensors = outputs.collect();
        cache.at += new;
        Ok((cache, scores))
    }
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
