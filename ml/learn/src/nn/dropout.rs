//! Dropout: a random part of a layer's units is silent in each step of training.

use gradframe_ml_core::{DType, Graph, NodeId, Result, random};

/// `x / (1 - rate)` where a random number of the unit's place says so, else 0; on average x. `key` is u64 [], new for
/// each step and layer. Source: Srivastava et al. 2014, scaled in training and not at prediction.
pub(super) fn dropout(g: &mut Graph, x: NodeId, rate: f64, key: NodeId) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let chance = random::uniform(g, key, DType::F32, &shape)?;
    let kept = g.scalar(DType::F32, 1.0 - rate)?;
    let keep = g.lt(chance, kept)?;
    let (zero, scale) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0 / (1.0 - rate))?);
    let scaled = g.mul(x, scale)?;
    g.select(keep, scaled, zero)
}
