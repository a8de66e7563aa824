//! What is done to the gradients of a step before they move parameters.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

/// The sum of squares of all elements: f64 [].
pub(super) fn squared_norm(g: &mut Graph, gradients: &[NodeId]) -> Result<NodeId> {
    let mut total = g.scalar(DType::F64, 0.0)?;
    for &gradient in gradients {
        let wide = g.cast(gradient, DType::F64)?;
        let squares = g.mul(wide, wide)?;
        let sum = g.sum_all(squares)?;
        total = g.add(total, sum)?;
    }
    Ok(total)
}

/// The gradients, scaled down together to a Euclidean norm of at most `limit`; 0 leaves them as they are.
pub(super) fn clipped(g: &mut Graph, gradients: Vec<NodeId>, squared_norm: NodeId, limit: f64) -> Result<Vec<NodeId>> {
    if limit == 0.0 {
        return Ok(gradients);
    }
    let norm = g.sqrt(squared_norm)?;
    let (limit, one) = (g.scalar(DType::F64, limit)?, g.scalar(DType::F64, 1.0)?);
    let tiny = g.scalar(DType::F64, 1e-6)?;
    let held = g.add(norm, tiny)?;
    let ratio = g.div(limit, held)?;
    let factor = g.min(ratio, one)?;
    let mut scaled = Vec::with_capacity(gradients.len());
    for gradient in gradients {
        let own = g.cast(factor, g.ty(gradient).dtype)?;
        let own = g.barrier(own)?;
        scaled.push(g.mul(gradient, own)?);
    }
    Ok(scaled)
}
