//! What a function picks by, as a function: so that places that there are not can be told before it is run.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, NodeId, Picking, ReduceOp, Type};
use crate::shape::{Shape, Symbol};
use crate::transform::row_wise::is_row_wise;

/// Something that picks by places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// What it is.
    pub picking: Picking,
    /// The arguments that its places are made of, ascending.
    pub arguments: Vec<usize>,
}

/// Marked places ([`Graph::places`]), found in a graph.
struct Found {
    picking: Picking,
    places: NodeId,
    /// The first place, the one after the last, and what stands for none.
    numbers: Vec<NodeId>,
}

/// The picks whose places are made of `wanted` arguments, with a function of the same arguments that says which places those are:
/// i64 [picks, 4], the smallest, the largest, the first that there is and the one after the last. None if there are no such picks. Places that
/// depend on which `rows` are beside one another, as ranks in a batch do, are left out: another batch has others. It looks into composites;
/// bodies of loops and choices may not be run at all, and are left out.
/// Errors: none but `Internal`.
pub fn picks(function: &Function, rows: &Symbol, wanted: impl Fn(&[usize]) -> bool) -> Result<Option<(Function, Vec<Pick>)>> {
    let mut g = Graph::new();
    let arguments = function.graph.arguments().iter().zip(function.argument_types());
    let operands: Vec<NodeId> = arguments.map(|(argument, ty)| g.input(&argument.name, ty.clone())).collect();
    let mut found = Vec::new();
    written(&mut g, function, &operands, &mut found)?;
    let (mut picks, mut numbers) = (Vec::new(), Vec::new());
    for one in found {
        let arguments = arguments_of(&g, one.places);
        if wanted(&arguments) && is_row_wise(&g, one.places, rows) {
            numbers.push(row(&mut g, &one)?);
            picks.push(Pick { picking: one.picking, arguments });
        }
    }
    if picks.is_empty() {
        return Ok(None);
    }
    let all = g.concat(&numbers, 0)?;
    Ok(Some((Function::new(g, vec![all])?, picks)))
}

/// The function's results over these operands, composites written out, and the marks in it.
fn written(g: &mut Graph, function: &Function, operands: &[NodeId], found: &mut Vec<Found>) -> Result<Vec<NodeId>> {
    let mut made: Vec<NodeId> = Vec::new();
    for (_, node) in function.graph.nodes() {
        let inputs: SmallVec<[NodeId; 3]> = node.inputs.iter().map(|input| made[input.index()]).collect();
        made.push(match &node.kind {
            Kind::Input { index } => operands[*index as usize],
            Kind::Const(value) => g.constant(value.as_ref().clone()),
            Kind::Call(call) => match (Picking::of_mark(call.name), inputs.as_slice()) {
                (Some(picking), [places, numbers @ ..]) => {
                    found.push(Found { picking, places: *places, numbers: numbers.to_vec() });
                    *places
                }
                _ => {
                    let types: Vec<Type> = inputs.iter().map(|&input| g.ty(input).clone()).collect();
                    let body = call.body.bound_to(call.name, &types.iter().collect::<Vec<_>>())?;
                    let value = written(g, &body, &inputs, found)?.first().copied();
                    value.ok_or_else(|| Error::internal("picks", "a composite without a result"))?
                }
            },
            kind => g.apply(kind.clone(), &inputs)?,
        });
    }
    Ok(function.outputs.iter().map(|output| made[output.index()]).collect())
}

/// i64 [1, 4]. A number that stands for none is as good as the first place.
fn row(g: &mut Graph, found: &Found) -> Result<NodeId> {
    let [low, high, none @ ..] = found.numbers.as_slice() else {
        return Err(Error::internal("picks", "marked places without a range"));
    };
    let mut places = g.cast(found.places, DType::I64)?;
    if let Some(&none) = none.first() {
        let (shape, own) = (g.ty(places).shape.clone(), places);
        let (none, low) = (g.broadcast_to(none, &shape)?, g.broadcast_to(*low, &shape)?);
        let is_none = g.eq(own, none)?;
        places = g.select(is_none, low, own)?;
    }
    let axes: SmallVec<[usize; 4]> = (0..g.ty(places).shape.rank()).collect();
    let mut numbers = Vec::with_capacity(4);
    for op in [ReduceOp::Min, ReduceOp::Max] {
        numbers.push(if axes.is_empty() { places } else { g.apply(Kind::Reduce { op, axes: axes.clone() }, &[places])? });
    }
    numbers.extend([*low, *high]);
    let cell = Shape::fixed(&[1, 1]);
    let cells = numbers.into_iter().map(|number| g.reshape(number, &cell)).collect::<Result<Vec<_>>>()?;
    g.concat(&cells, 1)
}

/// The arguments that a node is made of, ascending.
fn arguments_of(g: &Graph, node: NodeId) -> Vec<usize> {
    let places: FxHashMap<NodeId, usize> = g.arguments().iter().enumerate().map(|(i, own)| (own.node, i)).collect();
    let needed = g.needed(&[node], &[]);
    let mut found: Vec<usize> = places.into_iter().filter(|(own, _)| needed[own.index()]).map(|(_, i)| i).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::PlaceRange;
    use crate::shape::Dim;
    use crate::tensor::Tensor;
    use crate::transform::evaluate;

    fn range(low: i64, size: usize, none: Option<i64>) -> PlaceRange {
        PlaceRange { low, size, none }
    }

    /// Rows of a table [3, 2] by `i % 5`, inside of a composite; and a label that is none where it is -100.
    fn function() -> Function {
        let mut g = Graph::new();
        let rows = Type::new(DType::I64, Shape::new([Dim::symbol("N")]));
        let table = g.input("table", Type::new(DType::F32, Shape::fixed(&[3, 2])));
        let (i, label) = (g.input("i", rows.clone()), g.input("label", rows));
        let picked = g
            .call("rows", &[table, i], |g, x| {
                let five = g.scalar_like(x[1], 5.0)?;
                let places = g.rem(x[1], five)?;
                let places = g.places(Picking::Embedding, places, range(0, 3, None))?;
                g.gather(x[0], places, 0)
            })
            .unwrap();
        let label = g.places(Picking::NllLoss, label, range(0, 2, Some(-100))).unwrap();
        Function::new(g, vec![picked, label]).unwrap()
    }

    fn numbers(values: &[i64]) -> Tensor {
        Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
    }

    #[test]
    fn places_are_found_in_composites_with_what_they_are_made_of() {
        let (checks, found) = picks(&function(), &Symbol::new("N"), |_| true).unwrap().unwrap();
        let of: Vec<_> = found.iter().map(|pick| (pick.picking.name(), pick.arguments.as_slice())).collect();
        assert_eq!(of, [("embedding", &[1][..]), ("nll_loss", &[2][..])]);
        let table = Tensor::from_vec(&[3, 2], vec![0f32; 6]).unwrap();
        let given = [table, numbers(&[7, 5, 9]), numbers(&[-100, 1, 1])];
        let result = evaluate(&checks, &given).unwrap().remove(0);
        assert_eq!(result.shape(), [2, 4]);
        assert_eq!(result.values::<i64>().unwrap(), [0, 4, 0, 3, 0, 1, 0, 2]);
    }

    #[test]
    fn what_is_not_wanted_is_left_out() {
        let (checks, found) = picks(&function(), &Symbol::new("N"), |arguments| arguments == [2]).unwrap().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(checks.output_types().next().unwrap().shape, Shape::fixed(&[1, 4]));
        assert!(picks(&function(), &Symbol::new("N"), |_| false).unwrap().is_none());
    }

    #[test]
    fn places_that_depend_on_the_rows_beside_are_left_out() {
        let mut g = Graph::new();
        let rows = Type::new(DType::I64, Shape::new([Dim::symbol("N")]));
        let (i, j) = (g.input("i", rows.clone()), g.input("j", rows.clone()));
        let own = g.add(i, j).unwrap();
        let sums = g.apply(Kind::Scan { op: crate::graph::ScanOp::Sum, axis: 0 }, &[own]).unwrap();
        let number = g.iota(DType::I64, &rows.shape, 0).unwrap();
        let marked = [own, sums, number].map(|places| g.places(Picking::Take, places, range(0, 3, None)).unwrap());
        let function = Function::new(g, marked.to_vec()).unwrap();
        let (_, found) = picks(&function, &Symbol::new("N"), |_| true).unwrap().unwrap();
        assert_eq!(found, [Pick { picking: Picking::Take, arguments: vec![0, 1] }]);
    }

    #[test]
    fn a_mark_changes_no_value_and_a_constant_has_none() {
        let mut g = Graph::new();
        let known = g.constant(numbers(&[7]));
        assert_eq!(g.places(Picking::Take, known, range(0, 3, None)).unwrap(), known);
        let table = Tensor::from_vec(&[3, 2], vec![1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let result = evaluate(&function(), &[table, numbers(&[2, 9]), numbers(&[0, 0])]).unwrap();
        assert_eq!(result[0].to_f64(), [5.0, 6.0, 0.0, 0.0]);
    }
}
