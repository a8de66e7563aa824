//! Composites that stay whole, as the processor or a device has one kernel for all of them.

use gradframe_ml_core::graph::{Call, Heads, Kind, Node, Whole};
use gradframe_ml_core::{DType, Graph, Shape};

/// Widths of heads that the kernels know.
const WIDTHS: [usize; 3] = [32, 64, 128];

/// True of a call that keeps its body closed. The processor has attention of texts in f32.
pub fn stays(graph: &Graph, node: &Node, call: &Call, on_device: bool) -> bool {
    match call.whole {
        Some(Whole::AttentionOfTexts { scale_bits }) => {
            let are_single = node.inputs[..3].iter().all(|&operand| graph.ty(operand).dtype == DType::F32);
            !on_device && are_single && is_scale(f64::from_bits(scale_bits))
        }
        _ => on_device && stays_on_device(graph, node, call),
    }
}

/// Devices have attention of short floats, and its cotangents where the value was computed so.
fn stays_on_device(graph: &Graph, node: &Node, call: &Call) -> bool {
    match call.whole {
        Some(Whole::Attention(heads)) => is_known(graph, node, heads),
        Some(Whole::AttentionCotangent { heads, .. }) => {
            let value = graph.node(node.inputs[3]);
            let is_own = value.inputs[..] == node.inputs[..3];
            is_own && is_whole(graph, value) && is_known(graph, node, heads)
        }
        Some(Whole::AttentionOfTexts { .. }) | None => false,
    }
}

fn is_whole(graph: &Graph, node: &Node) -> bool {
    matches!(&node.kind, Kind::Call(call) if stays_on_device(graph, node, call))
}

fn is_known(graph: &Graph, node: &Node, heads: Heads) -> bool {
    let [q, k, v] = [0, 1, 2].map(|operand| graph.ty(node.inputs[operand]));
    let width = |shape: &Shape| shape.dims().get(3).and_then(|dim| dim.as_fixed());
    let is_wide = |shape: &Shape| shape.rank() == 4 && width(shape).is_some_and(|width| WIDTHS.contains(&width));
    let is_half = [q, k, v].iter().all(|ty| ty.dtype == q.dtype) && matches!(q.dtype, DType::F16 | DType::BF16);
    is_half && [q, k, v].iter().all(|ty| is_wide(&ty.shape)) && is_scale(heads.scale())
}

/// True of what a kernel multiplies scores with, in float32: a normal number, for powers of two, too.
fn is_scale(scale: f64) -> bool {
    scale > 0.0 && [scale, scale * std::f64::consts::LOG2_E].iter().all(|factor| (*factor as f32).is_normal())
}

#[cfg(test)]
mod tests {
    use super::is_scale;

    #[test]
    fn a_scale_is_a_normal_number() {
        assert!([0.125, 1e-30, 2e38].into_iter().all(is_scale));
        let others = [0.0, -1.0, 1e-40, 3e38, 1e39, f64::INFINITY, f64::NAN];
        assert!(!others.into_iter().any(is_scale));
    }
}
