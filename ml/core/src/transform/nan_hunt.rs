//! The NaN hunt: which operation made the first NaN.

use smallvec::SmallVec;

use super::eval::{bind, node_value};
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, Node, NodeId};
use crate::shape::Sizes;
use crate::tensor::Tensor;

/// Evaluates a function as [`super::evaluate`] does, and stops at the first operation that makes a NaN of operands that
/// have none: its name, its place in the printed graph, the shapes, and the operands at one element. It looks into
/// composites. Slow: it is for finding out, not for training.
/// Errors: `Execution` naming that operation, or the argument that held a NaN; otherwise as [`super::evaluate`].
pub fn hunt_nan(function: &Function, arguments: &[Tensor]) -> Result<Vec<Tensor>> {
    let sizes = bind(&function.graph, arguments)?;
    for (argument, value) in function.graph.arguments().iter().zip(arguments) {
        if let Some(at) = first_nan(value) {
            return Err(Error::execution("nan_hunt", format!("argument `{}` holds a NaN at element {at}", argument.name)));
        }
    }
    hunted(function, arguments, &sizes, &mut Vec::new())
}

/// `within`: the composites around, the outermost first.
fn hunted(function: &Function, arguments: &[Tensor], sizes: &Sizes, within: &mut Vec<&'static str>) -> Result<Vec<Tensor>> {
    let graph = &function.graph;
    let needed = graph.needed(&function.outputs, &[]);
    let mut values: Vec<Option<Tensor>> = vec![None; needed.len()];
    for (id, node) in graph.nodes().filter(|(id, _)| needed[id.index()]) {
        let value = match &node.kind {
            Kind::Input { index } => arguments.get(*index as usize).cloned().ok_or_else(|| missing(id))?,
            _ => node_value(node, &values, sizes)?,
        };
        if let (Some(at), false) = (first_nan(&value), matches!(node.kind, Kind::Input { .. })) {
            let operands: SmallVec<[&Tensor; 3]> = node.inputs.iter().filter_map(|i| values[i.index()].as_ref()).collect();
            // A NaN of an operand is told where it was made; a constant that is one is the operation itself.
            if operands.iter().all(|x| first_nan(x).is_none()) {
                descend(node, &operands, &value, within)?;
                return Err(found(graph, id, node, &operands, at, within));
            }
        }
        values[id.index()] = Some(value);
    }
    function.outputs.iter().map(|o| values[o.index()].clone().ok_or_else(|| missing(*o))).collect()
}

/// Looks into a composite, whose body has made the NaN.
fn descend(node: &Node, operands: &[&Tensor], value: &Tensor, within: &mut Vec<&'static str>) -> Result<()> {
    let Kind::Call(call) = &node.kind else { return Ok(()) };
    let arguments: Vec<Tensor> = operands.iter().map(|&x| x.clone()).collect();
    let mut sizes = bind(&call.body.graph, &arguments)?;
    for ty in call.body.output_types() {
        sizes.bind_shape(&ty.shape, value.shape())?;
    }
    within.push(call.name);
    hunted(&call.body, &arguments, &sizes, within)?;
    within.pop();
    Ok(())
}

fn found(graph: &Graph, id: NodeId, node: &Node, operands: &[&Tensor], at: usize, within: &[&'static str]) -> Error {
    let same_size = |x: &&&Tensor| x.len() > at;
    let shown: Vec<String> = operands.iter().filter(same_size).map(|x| x.to_f64()[at].to_string()).collect();
    let shapes: Vec<String> = node.inputs.iter().map(|&i| graph.ty(i).to_string()).collect();
    let place = if within.is_empty() { String::new() } else { format!(" in {}", within.join(" > ")) };
    let what = format!(
        "the first NaN is made here{place}: {} at element {at}, of {} ({})",
        graph.line(id, node),
        shown.join(", "),
        shapes.join(", ")
    );
    Error::execution(node.kind.rules().name(), what)
}

fn missing(id: NodeId) -> Error {
    Error::internal("nan_hunt", format!("{id} is used before it is made"))
}

fn first_nan(x: &Tensor) -> Option<usize> {
    if !x.dtype().is_float() {
        return None;
    }
    x.to_f64().iter().position(|v| v.is_nan())
}
