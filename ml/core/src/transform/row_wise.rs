//! Whether a function treats each row by itself.

use crate::error::{Error, Result};
use crate::graph::{ConvOf, DotDims, Function, Graph, Kind, Node, NodeId, Span};
use crate::shape::{Dim, Shape, Symbol};

/// Errors: `Plan` naming the operation, if a row of a result depends on other rows, on its place, or on how many rows there
/// are. `rows` is the symbol of the rows; it may stand at one axis of each value. What cannot be told is refused.
pub fn check_row_wise(function: &Function, rows: &Symbol) -> Result<()> {
    let graph = &function.graph;
    graph.nodes().try_for_each(|(_, node)| check(graph, node, rows))?;
    let first = |shape: &Shape| axis(shape, rows) == Some(0);
    match function.output_types().find(|ty| !first(&ty.shape)) {
        Some(ty) => Err(Error::plan("trace", format!("expected a result for each row, got {ty}")).hint(HINT)),
        None => Ok(()),
    }
}

/// Whether a node is made of each row by itself, as [`check_row_wise`] says of a function.
pub(super) fn is_row_wise(graph: &Graph, node: NodeId, rows: &Symbol) -> bool {
    let needed = graph.needed(&[node], &[]);
    graph.nodes().filter(|(id, _)| needed[id.index()]).all(|(_, own)| check(graph, own, rows).is_ok())
}

const HINT: &str = "a row's result must not depend on the rows beside it: they are other ones in another batch";

fn axis(shape: &Shape, rows: &Symbol) -> Option<usize> {
    shape.dims().iter().position(|dim| dim.symbols().contains(rows))
}

fn check(graph: &Graph, node: &Node, rows: &Symbol) -> Result<()> {
    let mixes = || {
        let what = format!("`{}` looks at more than one row, or at the number of rows", node.kind.name());
        Err(Error::plan("trace", what).hint(HINT))
    };
    let own = &node.ty.shape;
    let several = own.dims().iter().filter(|dim| dim.symbols().contains(rows)).count() > 1;
    let square = own.dims().iter().any(|dim| dim.symbols().iter().filter(|s| *s == rows).count() > 1);
    if several || square {
        return mixes();
    }
    let operand = |i: usize| node.inputs.get(i).map(|&x| &graph.ty(x).shape);
    let at = |i: usize| operand(i).and_then(|shape| axis(shape, rows));
    let fine = match &node.kind {
        Kind::Iota { axis: along, shape, .. } => axis(shape, rows) != Some(*along),
        Kind::Reshape(_) => at(0).is_none() || operand(0).is_some_and(|from| keeps_rows(from, own, rows)),
        Kind::Flip(axes) => !at(0).is_some_and(|at| axes.contains(&at)),
        Kind::Reduce { axes, .. } => !at(0).is_some_and(|at| axes.contains(&at)),
        Kind::Pad { low, high } => at(0).is_none_or(|at| low[at] == 0 && high[at] == 0),
        Kind::Slice(spans) => at(0).is_none_or(|at| operand(0).is_some_and(|s| spans[at] == Span::all(&s.dims()[at]))),
        Kind::Concat { axis } => (0..node.inputs.len()).all(|i| at(i) != Some(*axis)),
        Kind::Scan { axis, .. }
        | Kind::Sort { axis, .. }
        | Kind::ArgReduce { axis, .. }
        | Kind::DynSlice { axis, .. }
        | Kind::DynUpdate { axis } => at(0) != Some(*axis),
        Kind::Gather { axis } => at(0) != Some(*axis),
        Kind::ScatterReduce { .. } => at(0).is_none() && at(1).is_none(),
        Kind::Dot(dims) => dot_is_fine(dims, at(0), at(1)),
        Kind::Conv(own) => match own.of {
            ConvOf::Output => at(0).is_none_or(|at| at == 0) && at(1).is_none(),
            ConvOf::Input => at(0).is_none() && at(1).is_none_or(|at| at == 0),
            ConvOf::Weight => at(0).is_none() && at(1).is_none(),
        },
        Kind::Linalg(_) | Kind::Fft { .. } => {
            (0..node.inputs.len()).all(|i| at(i).is_none_or(|at| operand(i).is_some_and(|shape| at + 2 < shape.rank())))
        }
        kind => return bodies_are_fine(kind, rows),
    };
    if fine { Ok(()) } else { mixes() }
}

/// Each row's elements stay together, in place: as many elements come before those of the first row as did.
fn keeps_rows(from: &Shape, to: &Shape, rows: &Symbol) -> bool {
    let (Some(a), Some(b)) = (axis(from, rows), axis(to, rows)) else { return false };
    let plain = |dim: &Dim| dim.constant() == 0;
    let product = |dims: &[Dim]| dims.iter().map(Dim::as_fixed).product::<Option<usize>>();
    let (before, after) = (&from.dims()[a], &to.dims()[b]);
    let outside = product(&from.dims()[..a]);
    let stays = outside.is_some() && outside == product(&to.dims()[..b]);
    stays && plain(before) && plain(after) && (before == after || outside == Some(1))
}

fn dot_is_fine(dims: &DotDims, left: Option<usize>, right: Option<usize>) -> bool {
    let contracted = dims.contract.iter().any(|&(l, r)| Some(l) == left || Some(r) == right);
    let batch = dims.batch.iter().any(|&(l, r)| Some(l) == left && Some(r) == right);
    !contracted && (batch || left.is_none() || right.is_none())
}

fn bodies_are_fine(kind: &Kind, rows: &Symbol) -> Result<()> {
    for body in kind.clone().bodies_mut() {
        let graph = &body.graph;
        graph.nodes().try_for_each(|(_, node)| check(graph, node, rows))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::graph::Type;

    fn check(build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Result<()> {
        let mut g = Graph::new();
        let rows = Shape::new([Dim::symbol("N"), Dim::fixed(4)]);
        let x = g.input("x", Type::new(DType::F32, rows));
        let y = build(&mut g, x).unwrap();
        check_row_wise(&Function::new(g, vec![y]).unwrap(), &Symbol::new("N"))
    }

    #[test]
    fn what_stays_in_its_row_is_taken() {
        check(|g, x| g.softmax(x, 1)).unwrap();
        check(|g, x| g.sum(x, &[1])).unwrap();
        check(|g, x| g.reshape(x, &Shape::new([Dim::symbol("N"), Dim::fixed(2), Dim::fixed(2)]))).unwrap();
        check(|g, x| {
            let stacked = g.stack(&[x, x], 0)?;
            let turned =
                g.reshape(stacked, &Shape::new([1, 2].map(Dim::fixed).into_iter().chain([Dim::symbol("N"), Dim::fixed(4)])))?;
            g.sum(turned, &[0, 1])
        })
        .unwrap();
        check(|g, x| {
            let first = g.insert_axis(x, 0)?;
            g.reshape(first, &Shape::new([Dim::symbol("N"), Dim::fixed(2), Dim::fixed(2)]))
        })
        .unwrap();
        check(|g, x| {
            let w = g.input("w", Type::new(DType::F32, Shape::fixed(&[4, 3])));
            g.matmul(x, w)
        })
        .unwrap();
    }

    #[test]
    fn what_looks_at_other_rows_is_refused() {
        let refused = |result: Result<()>| assert!(result.unwrap_err().to_string().contains("looks at more than one row"));
        refused(check(|g, x| g.softmax(x, 0)));
        refused(check(|g, x| {
            let mean = g.mean_keep(x, &[0])?;
            g.sub(x, mean)
        }));
        refused(check(|g, x| {
            let turned = g.permute(x, &[1, 0])?;
            g.reshape(turned, &Shape::new([Dim::symbol("N"), Dim::fixed(4)]))
        }));
        refused(check(|g, x| {
            let stacked = g.stack(&[x, x], 0)?;
            g.reshape(stacked, &Shape::new([Dim::symbol("N"), Dim::fixed(8)]))
        }));
        refused(check(|g, x| g.flip(x, &[0])));
        refused(check(|g, x| g.apply(Kind::Scan { op: crate::graph::ScanOp::Sum, axis: 0 }, &[x])));
    }
}
