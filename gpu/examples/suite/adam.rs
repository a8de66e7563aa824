//! Adam, with or without decay of the weights.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

const RATE: f64 = 1e-3;

/// The share of a weight that goes with each step, in proportion to the rate; 0 for none.
pub struct Decay(pub f64);

/// The next state: parameters, both moments, the number of the step. Sources: Kingma and Ba 2015, the end of section 2;
/// Loshchilov and Hutter 2019.
pub fn adam(g: &mut Graph, state: &[NodeId], gradients: &[NodeId], number: NodeId, decay: Decay) -> Result<Vec<NodeId>> {
    let parameters = gradients.len();
    let (one, rate) = (g.scalar(DType::F32, 1.0)?, g.scalar(DType::F32, RATE)?);
    let next = g.add(number, one)?;
    let mut left = Vec::new();
    for beta in [0.9, 0.999] {
        let beta = g.scalar(DType::F32, beta)?;
        let power = g.pow(beta, next)?;
        left.push(g.sub(one, power)?);
    }
    let root = g.sqrt(left[1])?;
    let scaled = g.mul(rate, root)?;
    let rate = g.div(scaled, left[0])?;
    let mut outputs = [Vec::new(), Vec::new(), Vec::new()];
    for (i, &gradient) in gradients.iter().enumerate() {
        let m = moved(g, state[parameters + i], gradient, 0.9)?;
        let square = g.mul(gradient, gradient)?;
        let v = moved(g, state[2 * parameters + i], square, 0.999)?;
        let spread = g.sqrt(v)?;
        let below = g.plus_number(spread, 1e-8)?;
        let above = g.mul(m, rate)?;
        let change = g.div(above, below)?;
        let kept = if decay.0 > 0.0 { g.scaled_by(state[i], 1.0 - RATE * decay.0)? } else { state[i] };
        let parameter = g.sub(kept, change)?;
        [parameter, m, v].into_iter().zip(&mut outputs).for_each(|(node, outputs)| outputs.push(node));
    }
    Ok(outputs.into_iter().flatten().chain([next]).collect())
}

fn moved(g: &mut Graph, mean: NodeId, value: NodeId, kept: f64) -> Result<NodeId> {
    let (old, new) = (g.scaled_by(mean, kept)?, g.scaled_by(value, 1.0 - kept)?);
    g.add(old, new)
}
