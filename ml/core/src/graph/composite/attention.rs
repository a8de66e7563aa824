//! Scaled dot-product attention.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{DotDims, Graph, NodeId};
use crate::shape::{Dim, Shape};

/// What a query may look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attention {
    /// Only at keys not after it; the last query stands beside the last key.
    pub causal: bool,
    /// Factor of the scores; None: 1 / sqrt(D).
    pub scale: Option<f64>,
}

/// True if `a` is larger than `b` for some sizes of their symbols.
fn may_exceed(a: &Dim, b: &Dim) -> bool {
    b.minus(a).is_none_or(|lead| lead.coefficient() < 0 || lead.constant() < 0)
}

impl Graph {
    /// `softmax(q k' * scale) v`: q [B, H, T, D], k [B, K, S, D], v [B, K, S, E] -> [B, H, T, E], where K divides H:
    /// each key head serves H / K query heads. `mask` is bool and broadcasts to [B, H, T, S]; true lets a query look.
    /// A query that may look at nothing (all of its mask false, or causal with S or more queries after it) gives zeros, and takes part
    /// in no gradient: that of its own row is 0, those of keys, values and other queries are as if it were not there.
    /// Errors: `Shape` if ranks or sizes do not fit. Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023.
    pub fn attention(&mut self, q: NodeId, k: NodeId, v: NodeId, mask: Option<NodeId>, how: Attention) -> Result<NodeId> {
        let (query, key) = (self.ty(q).shape.clone(), self.ty(k).shape.clone());
        let no_fit = |g: &Graph| {
            let what = format!("expected [B, H, T, D], [B, K, S, D], [B, K, S, E] with K dividing H, got {query}, {key}, ");
            Error::shape("attention", what + &g.ty(v).shape.to_string())
        };
        let heads = |s: &Shape| s.dims().get(1).and_then(Dim::as_fixed);
        let (Some(of_query), Some(of_key), 4, 4) = (heads(&query), heads(&key), query.rank(), key.rank()) else {
            return Err(no_fit(self));
        };
        if of_key == 0 || of_query % of_key != 0 {
            return Err(no_fit(self));
        }
        if mask.is_none() && self.is_of_heads(q, k, v) {
            return self.attention_by_heads(q, k, v, how);
        }
        let operands: Vec<NodeId> = [q, k, v].into_iter().chain(mask).collect();
        self.call("attention", &operands, |g, x| {
            let (k, v) = (g.repeated_heads(x[1], of_query / of_key)?, g.repeated_heads(x[2], of_query / of_key)?);
            let weights = g.weights(x[0], k, x.get(3).copied(), how)?;
            let dims = DotDims { batch: [(0, 0), (1, 1)].into_iter().collect(), contract: [(3, 2)].into_iter().collect() };
            g.dot(weights, v, dims)
        })
    }

    /// What queries take of keys, [B, H, T, S]: each row sums to 1, but those of queries that see nothing are zeros.
    pub(super) fn weights(&mut self, q: NodeId, k: NodeId, mask: Option<NodeId>, how: Attention) -> Result<NodeId> {
        let scores = self.scores(q, k, how)?;
        let dims = self.ty(scores).shape.dims();
        let may_be_blind = mask.is_some() || (how.causal && may_exceed(&dims[2], &dims[3]));
        let scores = self.masked(scores, mask, how)?;
        if may_be_blind { self.softmax_or_zeros(scores, 3) } else { self.softmax(scores, 3) }
    }

    /// [B, K, S, D] -> [B, K count, S, D].
    fn repeated_heads(&mut self, x: NodeId, count: usize) -> Result<NodeId> {
        if count == 1 {
            return Ok(x);
        }
        let own = self.ty(x).shape.clone();
        let repeated = self.repeat_axis(x, 2, &Dim::fixed(count))?;
        let heads = own.dims()[1].mul(&Dim::fixed(count)).unwrap_or(Dim::fixed(count));
        self.reshape(repeated, &own.with(1, heads))
    }

    fn scores(&mut self, q: NodeId, k: NodeId, how: Attention) -> Result<NodeId> {
        let width = self.ty(q).shape.dims()[3].clone();
        let dims = DotDims { batch: [(0, 0), (1, 1)].into_iter().collect(), contract: [(3, 3)].into_iter().collect() };
        let products = self.dot(q, k, dims)?;
        let scale = match how.scale {
            Some(scale) => self.scalar_like(q, scale)?,
            None => {
                let dtype = self.ty(q).dtype;
                let width = self.dim_value(dtype, &width)?;
                self.rsqrt(width)?
            }
        };
        self.mul(products, scale)
    }

    fn masked(&mut self, scores: NodeId, mask: Option<NodeId>, how: Attention) -> Result<NodeId> {
        let lowest = self.scalar_like(scores, f64::NEG_INFINITY)?;
        let scores = mask.map_or(Ok(scores), |mask| self.select(mask, scores, lowest))?;
        if !how.causal {
            return Ok(scores);
        }
        let dims = self.ty(scores).shape.dims();
        let (queries, keys) = (dims[2].clone(), dims[3].clone());
        let square = Shape::new([queries.clone(), keys.clone()]);
        let (row, column) = (self.iota(DType::I64, &square, 0)?, self.iota(DType::I64, &square, 1)?);
        let (queries, keys) = (self.dim_value(DType::I64, &queries)?, self.dim_value(DType::I64, &keys)?);
        let lead = self.sub(keys, queries)?;
        let last = self.add(row, lead)?;
        let seen = self.le(column, last)?;
        self.select(seen, scores, lowest)
    }
}
