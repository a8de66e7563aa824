//! The reference evaluator: each node by its plain rule, one after the other. What every back end is compared with.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, Node, NodeId, Type};
use crate::ops::Realised;
use crate::shape::Sizes;
use crate::tensor::Tensor;

/// The function's results for these arguments; symbols take their sizes from the arguments' shapes.
/// Errors: `Shape` or `DType` if an argument does not fit its declaration.
pub fn evaluate(function: &Function, arguments: &[Tensor]) -> Result<Vec<Tensor>> {
    evaluate_with(function, arguments, bind(&function.graph, arguments)?)
}

/// The one result of a call's body, whose shape is known: a symbol that no operand has takes its size from there.
pub(crate) fn evaluate_body(body: &Function, arguments: &[Tensor], shape: &[usize]) -> Result<Tensor> {
    let mut sizes = bind(&body.graph, arguments)?;
    for ty in body.output_types() {
        sizes.bind_shape(&ty.shape, shape)?;
    }
    let mut results = evaluate_with(body, arguments, sizes)?;
    results.pop().ok_or_else(|| Error::internal("call", "the body of a call has one result"))
}

fn evaluate_with(function: &Function, arguments: &[Tensor], sizes: Sizes) -> Result<Vec<Tensor>> {
    let graph = &function.graph;
    let needed = graph.needed(&function.outputs, &[]);
    let mut values: Vec<Option<Tensor>> = vec![None; needed.len()];
    for (id, node) in graph.nodes().filter(|(id, _)| needed[id.index()]) {
        values[id.index()] = Some(match node.kind {
            Kind::Input { index } => argument(arguments, index)?.clone(),
            _ => node_value(node, &values, &sizes)?,
        });
    }
    function.outputs.iter().map(|&o| value(&values, o).cloned()).collect()
}

pub(super) fn node_value(node: &Node, values: &[Option<Tensor>], sizes: &Sizes) -> Result<Tensor> {
    let operands: SmallVec<[&Tensor; 3]> = node.inputs.iter().map(|&i| value(values, i)).collect::<Result<_>>()?;
    let shape = node.ty.shape.eval(sizes)?;
    node.kind.rules().evaluate(&operands, &Realised { dtype: node.ty.dtype, shape: &shape })
}

fn value(values: &[Option<Tensor>], id: NodeId) -> Result<&Tensor> {
    values[id.index()].as_ref().ok_or_else(|| Error::internal("evaluate", format!("{id} is used before it is made")))
}

fn argument(arguments: &[Tensor], index: u32) -> Result<&Tensor> {
    arguments.get(index as usize).ok_or_else(|| Error::internal("evaluate", format!("no argument {index}")))
}

pub(super) fn bind(graph: &Graph, arguments: &[Tensor]) -> Result<Sizes> {
    if graph.arguments().len() != arguments.len() {
        let what = format!("expected {} arguments, got {}", graph.arguments().len(), arguments.len());
        return Err(Error::shape("evaluate", what));
    }
    let mut sizes = Sizes::new();
    for (declared, given) in graph.arguments().iter().zip(arguments) {
        let Type { dtype, shape } = graph.ty(declared.node);
        if *dtype != given.dtype() {
            return Err(Error::dtype(
                "evaluate",
                format!("argument `{}`: expected {dtype}, got {}", declared.name, given.dtype()),
            ));
        }
        sizes.bind_shape(shape, given.shape())?;
    }
    for (declared, given) in graph.arguments().iter().zip(arguments) {
        let shape = &graph.ty(declared.node).shape;
        if shape.eval(&sizes)? != given.shape() {
            return Err(Error::shape(
                "evaluate",
                format!("argument `{}`: expected {shape}, got {:?}", declared.name, given.shape()),
            ));
        }
    }
    Ok(sizes)
}
