//! Rows of the proof table for composites: their derivatives, batching and narrow types.

use super::{Attention, CellWeights, Padding, Window};
use crate::ops::proof::{Row, floats, given, ints, others};

pub fn rows() -> Vec<Row> {
    [
        activations(),
        losses(),
        edges(),
        softmaxes(),
        norms(),
        attention(),
        windows(),
        paddings(),
        cells(),
        super::einsum::rows::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn activations() -> Vec<Row> {
    vec![
        Row::new("call", "gelu", [floats(&[5])], |g, x| g.gelu(x[0])),
        Row::new("call", "gelu by tanh", [floats(&[5])], |g, x| g.gelu_tanh(x[0])),
        Row::new("call", "silu", [floats(&[5])], |g, x| g.silu(x[0])),
        Row::new("call", "mish", [floats(&[5])], |g, x| g.mish(x[0])),
        Row::new("call", "elu", [floats(&[5])], |g, x| g.elu(x[0], 0.7)),
        Row::new("call", "leaky relu", [given(&[-2.0, 0.0, 3.0])], |g, x| g.leaky_relu(x[0], 0.1)).slopes(&[0.1, 0.1, 1.0]),
    ]
}

fn losses() -> Vec<Row> {
    vec![
        Row::new("call", "cross entropy", [floats(&[3, 4]), ints(&[3], &[2, 0, 3])], |g, x| g.cross_entropy(x[0], x[1])),
        Row::new("call", "binary cross entropy", [floats(&[4]), others(&[4])], |g, x| g.binary_cross_entropy(x[0], x[1])),
        Row::new("call", "huber", [given(&[0.0, 3.0]), given(&[0.5, 0.5])], |g, x| g.huber(x[0], x[1], 1.0))
            .expect(&[0.125, 2.0])
            .slopes(&[-0.5, 1.0, 0.5, -1.0]),
    ]
}

/// Where functions have corners and ends; `bindings/python/tests/arrays/edge_gradients.py` has more, beside PyTorch and JAX.
fn edges() -> Vec<Row> {
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    vec![
        Row::new("call", "leaky relu of a NaN", [given(&[nan])], |g, x| g.leaky_relu(x[0], 0.1)).expect(&[nan]).slopes(&[0.1]),
        Row::new("call", "a steep norm", [given(&[0.0, -4.0])], |g, x| g.vector_norm(x[0], 0.5, &[0]))
            .expect(&[4.0])
            .slopes(&[0.0, -1.0]),
        Row::new("call", "a norm of what is infinite", [given(&[infinite, infinite])], |g, x| g.vector_norm(x[0], -1.0, &[0]))
            .expect(&[infinite]),
        Row::new("call", "max pool of NaNs", [given(&[1.0, nan, nan, 3.0, nan, nan])], |g, x| {
            let x = g.reshape(x[0], &crate::Shape::fixed(&[1, 1, 6]))?;
            g.max_pool(x, &[Window::apart(2)])
        })
        .expect(&[nan, nan, nan])
        .slopes(&[0.0, 1.0, 1.0, 0.0, 1.0, 0.0]),
    ]
}

/// Along each axis, and where something is left out.
fn softmaxes() -> Vec<Row> {
    let left_out = || [given(&[f64::NEG_INFINITY, 0.0, 0.0]), given(&[1.0, 10.0, 100.0])];
    vec![
        Row::new("call", "softmax along the first axis", [floats(&[3, 2])], |g, x| g.softmax(x[0], 0)),
        Row::new("call", "softmax along an axis between", [floats(&[2, 3, 2])], |g, x| g.softmax(x[0], 1)),
        Row::new("call", "softmax of one", [floats(&[2, 1])], |g, x| g.softmax(x[0], 1)),
        Row::new("call", "softmax of what is left out", left_out(), |g, x| {
            let weights = g.softmax(x[0], 0)?;
            g.mul(weights, x[1])
        })
        .expect(&[0.0, 5.0, 50.0])
        .slopes(&[0.0, -22.5, 22.5, 0.0, 0.5, 0.5]),
        Row::new("call", "log softmax along an axis between", [floats(&[2, 3, 2])], |g, x| g.log_softmax(x[0], 1)),
        Row::new("call", "logsumexp along the first axis", [floats(&[3, 2])], |g, x| g.logsumexp(x[0], 0)),
    ]
}

fn norms() -> Vec<Row> {
    vec![
        Row::new("call", "layer norm", [floats(&[2, 3]), others(&[3]), floats(&[3])], |g, x| {
            g.layer_norm(x[0], 1, Some(x[1]), Some(x[2]), 1e-2)
        }),
        Row::new("call", "layer norm of two axes", [floats(&[2, 2, 3]), others(&[2, 3])], |g, x| {
            g.layer_norm(x[0], 2, Some(x[1]), None, 1e-2)
        }),
        Row::new("call", "layer norm of one element", [floats(&[3, 1])], |g, x| g.layer_norm(x[0], 1, None, None, 1e-2)),
        Row::new("call", "rms norm", [floats(&[2, 3]), others(&[3])], |g, x| g.rms_norm(x[0], 1, Some(x[1]), 1e-2)),
        Row::new("call", "batch norm", [floats(&[3, 2, 2]), others(&[2]), floats(&[2])], |g, x| {
            g.batch_norm(x[0], 1, Some(x[1]), Some(x[2]), 1e-2)
        }),
        Row::new("call", "batch norm along the first axis", [floats(&[2, 4]), others(&[2])], |g, x| {
            g.batch_norm(x[0], 0, Some(x[1]), None, 1e-2)
        }),
        Row::new("call", "batch norm along the last axis", [floats(&[2, 2, 2]), others(&[2])], |g, x| {
            g.batch_norm(x[0], 2, None, Some(x[1]), 1e-2)
        }),
        Row::new("call", "group norm of single channels", [floats(&[1, 3, 3]), others(&[3]), floats(&[3])], |g, x| {
            g.group_norm(x[0], 3, Some(x[1]), Some(x[2]), 1e-2)
        }),
        Row::new("call", "group norm of all channels", [floats(&[2, 2, 3]), others(&[2])], |g, x| {
            g.group_norm(x[0], 1, Some(x[1]), None, 1e-2)
        }),
        Row::new("call", "group norm", [floats(&[2, 4, 2]), others(&[4])], |g, x| g.group_norm(x[0], 2, Some(x[1]), None, 1e-2)),
    ]
}

fn attention() -> Vec<Row> {
    let grouped = || [floats(&[1, 4, 2, 3]), others(&[1, 2, 3, 3]), floats(&[1, 2, 3, 2])];
    vec![
        Row::new("call", "attention of grouped heads", grouped(), |g, x| {
            g.attention(x[0], x[1], x[2], None, Attention::default())
        }),
        Row::new("call", "causal attention", grouped(), |g, x| {
            g.attention(x[0], x[1], x[2], None, Attention { causal: true, scale: Some(0.7) })
        }),
    ]
}

fn windows() -> Vec<Row> {
    let strided = Window { size: 2, stride: 2, dilation: 2, padding: 1 };
    vec![
        Row::new("call", "windows", [floats(&[2, 5, 2])], move |g, x| g.unfold(x[0], 1, strided)),
        Row::new("call", "convolution in one axis", [floats(&[2, 2, 5]), others(&[3, 2, 2])], move |g, x| {
            g.conv(x[0], x[1], &[strided], 1)
        }),
        Row::new("call", "convolution in two axes", [floats(&[1, 2, 3, 4]), others(&[2, 2, 2, 2])], |g, x| {
            g.conv(x[0], x[1], &[Window::of(2), Window { padding: 1, ..Window::of(2) }], 1)
        }),
        Row::new("call", "convolution in groups", [floats(&[1, 4, 3]), others(&[2, 2, 2])], |g, x| {
            g.conv(x[0], x[1], &[Window::of(2)], 2)
        }),
        Row::new("call", "max pool", [floats(&[1, 2, 4, 4])], |g, x| g.max_pool(x[0], &[Window::apart(2), Window::apart(2)])),
        Row::new("call", "max pool with padding", [given(&[-1.0, -2.0, -2.0])], |g, x| {
            let x = g.reshape(x[0], &crate::Shape::fixed(&[1, 1, 3]))?;
            g.max_pool(x, &[Window { size: 2, stride: 2, dilation: 1, padding: 1 }])
        })
        .expect(&[-1.0, -2.0])
        .slopes(&[1.0, 1.0, 0.0]),
        Row::new("call", "average pool", [floats(&[1, 2, 5])], |g, x| {
            g.avg_pool(x[0], &[Window { size: 3, stride: 2, dilation: 1, padding: 1 }])
        }),
        Row::new("call", "elements by place", [floats(&[2, 3]), ints(&[2, 2], &[2, 0, 1, 3])], |g, x| {
            g.take_along(x[0], x[1], 1)
        }),
        Row::new("call", "a slice from a start", [floats(&[2, 4]), ints(&[], &[1])], |g, x| {
            g.dyn_slice(x[0], x[1], 1, &crate::Dim::fixed(2))
        }),
        Row::new("call", "an update from a start", [floats(&[2, 4]), others(&[2, 2]), ints(&[], &[1])], |g, x| {
            g.dyn_update(x[0], x[1], x[2], 1)
        }),
    ]
}

fn paddings() -> Vec<Row> {
    let padded = |how: Padding| move |g: &mut crate::Graph, x: &[crate::NodeId]| g.pad_by(x[0], 1, 2, 1, how);
    vec![
        Row::new("call", "padding in reverse order", [floats(&[2, 3, 2])], padded(Padding::Reflect)),
        Row::new("call", "padding by the ends", [floats(&[2, 3, 2])], padded(Padding::Replicate)),
        Row::new("call", "padding from the other end", [floats(&[2, 3, 2])], padded(Padding::Circular)),
    ]
}

/// x [2, 3], h [2, 2], and weights of `gates` gates.
fn cells() -> Vec<Row> {
    let arguments = |gates: usize| [floats(&[2, 3]), others(&[2, 2]), others(&[2 * gates, 3]), floats(&[2 * gates, 2])];
    let weights = |x: &[crate::NodeId]| CellWeights { input: x[2], state: x[3], input_bias: None, state_bias: None };
    vec![
        Row::new("call", "elman cell", arguments(1), move |g, x| g.rnn_cell(x[0], x[1], &weights(x))),
        Row::new("call", "elman cell of rectified sums", arguments(1), move |g, x| g.rnn_relu_cell(x[0], x[1], &weights(x))),
        Row::new("call", "gated recurrent unit", arguments(3), move |g, x| g.gru_cell(x[0], x[1], &weights(x))),
        Row::new("call", "long short-term memory", arguments(4), move |g, x| {
            let (h, c) = g.lstm_cell(x[0], x[1], x[1], &weights(x))?;
            g.mul(h, c)
        }),
    ]
}
