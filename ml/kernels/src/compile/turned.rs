//! Products whose sides change places. The gradient of a weight that is kept as (outputs, inputs) is a product turned over; with its
//! sides the other way round it comes out as it is wanted, and nothing has to be turned.

use gradframe_ml_core::graph::{DotDims, Kind};
use gradframe_ml_core::{Function, Graph, NodeId, Result};

/// The same function, in which a product that is only ever read with the axes of its right side before those of its left is the
/// product of right and left.
pub fn turned(function: Function) -> Result<Function> {
    let uses = uses(&function);
    let is_turned: Vec<bool> =
        function.graph.nodes().map(|(id, _)| product_below(&function.graph, &uses, id).is_some()).collect();
    if !is_turned.contains(&true) {
        return Ok(function);
    }
    let mut graph = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(is_turned.len());
    let mut arguments = function.graph.arguments().iter();
    let declared: Vec<NodeId> = arguments.by_ref().map(|a| graph.input(&a.name, function.graph.ty(a.node).clone())).collect();
    for (id, node) in function.graph.nodes() {
        let next = match (&node.kind, product_below(&function.graph, &uses, id)) {
            (Kind::Input { index }, _) => declared[*index as usize],
            (_, Some((dims, [left, right]))) => {
                let [left, right] = [left, right].map(|side| moved[side.index()]);
                graph.apply(Kind::Dot(swapped(dims)), &[right, left])?
            }
            (kind, None) => {
                let operands: Vec<NodeId> = node.inputs.iter().map(|i| moved[i.index()]).collect();
                graph.apply(kind.clone(), &operands)?
            }
        };
        moved.push(next);
    }
    let outputs = function.outputs.iter().map(|o| moved[o.index()]).collect();
    Function::new(graph, outputs)
}

/// How often each node is read, and given as a result.
fn uses(function: &Function) -> Vec<usize> {
    let mut uses = vec![0; function.graph.nodes().count()];
    let read = function.graph.nodes().flat_map(|(_, node)| &node.inputs);
    read.chain(&function.outputs).for_each(|id| uses[id.index()] += 1);
    uses
}

/// The product that a node turns over, and its sides; None for other nodes, and where somebody else reads the product too.
fn product_below<'g>(graph: &'g Graph, uses: &[usize], id: NodeId) -> Option<(&'g DotDims, [NodeId; 2])> {
    let Kind::Permute(axes) = &graph.node(id).kind else { return None };
    let below = graph.node(id).inputs[0];
    let product = graph.node(below);
    let Kind::Dot(dims) = &product.kind else { return None };
    let [left, right] = [product.inputs[0], product.inputs[1]];
    let rank = |side: NodeId| graph.ty(side).shape.rank();
    let (batch, on_left) = (dims.batch.len(), dims.free_left(rank(left)).len());
    let on_right = dims.free_right(rank(right)).len();
    let turned = (0..batch).chain(batch + on_left..batch + on_left + on_right).chain(batch..batch + on_left);
    let is_whole = on_left > 0 && on_right > 0 && axes.iter().copied().eq(turned);
    (is_whole && uses[below.index()] == 1).then_some((dims, [left, right]))
}

fn swapped(dims: &DotDims) -> DotDims {
    let sides = |pairs: &[(usize, usize)]| pairs.iter().map(|&(left, right)| (right, left)).collect();
    DotDims { batch: sides(&dims.batch), contract: sides(&dims.contract) }
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{DType, Shape, Tensor};

    use super::*;
    use crate::compile;

    fn product(turn: bool, also: bool) -> Function {
        let mut g = Graph::new();
        let matrix = |n: usize, m: usize| Type::new(DType::F64, Shape::new([n, m].map(Into::into)));
        let (a, b) = (g.input("a", matrix(3, 4)), g.input("b", matrix(4, 5)));
        let y = g.matmul(a, b).unwrap();
        let turned = if turn { g.transpose(y).unwrap() } else { y };
        let outputs = if also { vec![turned, y] } else { vec![turned] };
        Function::new(g, outputs).unwrap()
    }

    #[test]
    fn a_product_that_is_only_read_turned_over_is_computed_so() {
        assert_eq!(compile(&product(true, false)).unwrap().kernels().len(), 1);
        assert_eq!(compile(&product(true, true)).unwrap().kernels().len(), 2);
    }

    #[test]
    fn its_values_are_the_same() {
        let numbers = |shape: &[usize]| {
            let count = shape.iter().product::<usize>();
            Tensor::from_vec(shape, (0..count).map(|i| (i as f64 * 0.7).sin()).collect()).unwrap()
        };
        let inputs = [numbers(&[3, 4]), numbers(&[4, 5])];
        let turned = compile(&product(true, false)).unwrap().run(&inputs).unwrap().swap_remove(0);
        let both = compile(&product(true, true)).unwrap().run(&inputs).unwrap().swap_remove(0);
        assert_eq!(turned.shape(), [5, 3]);
        assert_eq!(turned.values::<f64>().unwrap(), both.values::<f64>().unwrap());
    }
}
