//! Composites of one number, element by element: their tangent is `f'(x)` times the argument's.
//!
//! By the chain rule alone the tangent goes through a body once for each place where the argument stands, and reverse mode keeps what each
//! of these ways needs: for a GELU its argument and its error function. `f'(x)` is a factor of its own, of `x` alone: whoever runs
//! the graph may compute it while `x` is at hand, and keep one array.

use crate::error::Result;
use crate::graph::{Call, Fn2, Function, Graph, Kind, NodeId};

/// Whether the composite has a derivative of which this says something: it is differentiable wherever it is defined, of one argument
/// that stands in it more than once. What chooses between branches is left alone: an infinite tangent times the 0 of the
/// other branch would be NaN.
pub(super) fn applies_to(call: &Call) -> bool {
    let graph = &call.body.graph;
    let [argument] = graph.arguments() else { return false };
    let places = graph.nodes().flat_map(|(_, node)| &node.inputs).filter(|&&input| input == argument.node);
    places.count() > 1 && is_smooth(&call.body)
}

/// Arithmetic of the arguments and of single constants, element by element.
fn is_smooth(body: &Function) -> bool {
    let graph = &body.graph;
    let is_smooth = |(id, kind): (NodeId, &Kind)| match kind {
        Kind::Map2(f) => !matches!(f, Fn2::Max | Fn2::Min) && graph.ty(id).dtype.is_float(),
        Kind::Map1(_) => graph.ty(id).dtype.is_float(),
        Kind::Input { .. } => true,
        Kind::Const(_) | Kind::Expand(_) => graph.as_number(id).is_some(),
        Kind::Call(call) => call.tangent.is_none() && !call.recomputed && is_smooth(&call.body),
        _ => false,
    };
    graph.nodes().map(|(id, node)| (id, &node.kind)).all(is_smooth)
}

/// The composite's value at `x` and its tangent there.
/// Errors: whatever the rules of the kinds inside say.
pub(super) fn push(g: &mut Graph, call: &Call, x: NodeId, tangent: NodeId) -> Result<(NodeId, Option<NodeId>)> {
    let both = with_derivative(&call.body)?;
    let both = g.inline(&both, &[x])?;
    let value = both[0];
    let derivative = both.get(1).copied();
    Ok((value, derivative.map(|derivative| g.mul(tangent, derivative)).transpose()?))
}

/// From the argument: the value and, unless it is 0 everywhere, the derivative.
fn with_derivative(body: &Function) -> Result<Function> {
    let mut g = body.graph.clone();
    let x = g.arguments()[0].node;
    let one = g.full_like(x, 1.0)?;
    let duals = super::push_forward(&mut g, &body.outputs, &[x], &[Some(one)])?;
    let outputs = duals.into_iter().flat_map(|(value, derivative)| std::iter::once(value).chain(derivative)).collect();
    Function::new(g, outputs)
}
