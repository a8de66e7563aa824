//! The functions between two layers, by transformers' names.

use gradframe_ml_core::{Error, Graph, NodeId, Result};

const KNOWN: &str = "gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, gelu_10, quick_gelu, relu, relu2, leaky_relu, sigmoid, silu, swish, \
                     tanh, mish, linear";

/// Errors: `NotImplemented` listing the names known.
pub fn by_name(g: &mut Graph, name: &str, x: NodeId) -> Result<NodeId> {
    match name {
        "gelu" | "gelu_python" => g.gelu(x),
        "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => g.gelu_tanh(x),
        "gelu_10" => {
            let [low, high] = [g.scalar_like(x, -10.0)?, g.scalar_like(x, 10.0)?];
            let y = g.gelu(x)?;
            g.clip(y, Some(low), Some(high))
        }
        "quick_gelu" => {
            let factor = g.scalar_like(x, 1.702)?;
            let scaled = g.mul(x, factor)?;
            let share = g.sigmoid(scaled)?;
            g.mul(x, share)
        }
        "relu" => g.relu(x),
        "relu2" => {
            let y = g.relu(x)?;
            g.mul(y, y)
        }
        "leaky_relu" => g.leaky_relu(x, 0.01),
        "sigmoid" => g.sigmoid(x),
        "silu" | "swish" => g.silu(x),
        "tanh" => g.tanh(x),
        "mish" => g.mish(x),
        "linear" => Ok(x),
        other => Err(Error::not_implemented("model", format!("unknown activation `{other}`, expected one of {KNOWN}"))),
    }
}
