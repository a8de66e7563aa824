//! Whether what was found for every number of rows is so for one of them.
//!
//! A function may ask how many rows it is given, and do for few of them what it did not at those where it was recorded. Recorded once
//! more, at the number itself, it says so.

use super::over_rows::{kind, line, quotient, shape};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Function, Kind, Node};
use crate::shape::{Dim, Symbol};
use crate::tensor::Tensor;

/// Whether a function that was recorded at `count` rows does what [`over_rows`](super::over_rows) makes, for so many, of the same one recorded at each of
/// [`PROBE_ROWS`](super::PROBE_ROWS). Errors: those of [`over_rows`](super::over_rows).
pub fn is_at_rows(functions: [&Function; 3], own: &Function, count: usize) -> Result<bool> {
    let [first, second, third] = functions.map(|f| &f.graph);
    let alike = own.outputs == functions[0].outputs && own.graph.nodes().count() == first.nodes().count();
    if !alike {
        return Ok(false);
    }
    let probes = first.nodes().zip(second.nodes()).zip(third.nodes());
    for ((((_, a), (_, b)), (_, c)), (_, own)) in probes.zip(own.graph.nodes()) {
        if !is_node([a, b, c], own, count)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_node(nodes: [&Node; 3], own: &Node, count: usize) -> Result<bool> {
    if own.inputs != nodes[0].inputs || own.ty.dtype != nodes[0].ty.dtype {
        return Ok(false);
    }
    let rows = Symbol::new("rows");
    let at = |dim: &Dim| dim.substitute(&|_| Some(Dim::fixed(count)));
    match (nodes.map(|node| &node.kind), &own.kind) {
        ([Kind::Input { index }, ..], Kind::Input { index: other }) => {
            let wanted = shape(nodes.map(|node| &node.ty.shape), &rows)?.substitute(&|_| Some(Dim::fixed(count)));
            Ok(index == other && wanted.is_ok_and(|wanted| wanted == own.ty.shape))
        }
        ([Kind::Const(a), Kind::Const(b), Kind::Const(c)], Kind::Const(other)) => Ok(is_constant([a, b, c], other, count)),
        (kinds, other) => {
            let bodies = kinds.map(|kind| kind.clone().bodies_mut().into_iter().map(|f| f.clone()).collect::<Vec<Function>>());
            let mut wanted = kind(kinds, &rows)?;
            let mut own = other.clone();
            for size in wanted.sizes_mut() {
                // A size below 0 is one that nothing was recorded at.
                let Ok(fixed) = at(size) else { return Ok(false) };
                *size = fixed;
            }
            let (mine, theirs) = (wanted.bodies_mut(), own.bodies_mut());
            if mine.len() != theirs.len() {
                return Ok(false);
            }
            for (i, (mine, theirs)) in mine.into_iter().zip(theirs).enumerate() {
                if !is_at_rows([&bodies[0][i], &bodies[1][i], &bodies[2][i]], theirs, count)? {
                    return Ok(false);
                }
                *mine = theirs.clone();
            }
            Ok(wanted == own)
        }
    }
}

/// Whether it is the constant, or the number that [`over_rows`](super::over_rows) has computed from so many rows.
fn is_constant(values: [&Tensor; 3], own: &Tensor, count: usize) -> bool {
    if values[0] == values[1] && values[0] == values[2] {
        return own == values[0];
    }
    if own.len() != 1 || own.shape() != values[0].shape() {
        return false;
    }
    let (numbers, found, count) = (values.map(|value| value.to_f64()[0]), own.to_f64()[0], count as f64);
    let wanted = match (line(numbers), quotient(numbers, own.dtype())) {
        (Some((a, b)), _) => a as f64 * count + b as f64,
        (None, Some((top, a, b))) => top / (a as f64 * count + b as f64),
        (None, None) => return false,
    };
    let rounding = match own.dtype() {
        DType::F64 => 4.0 * f64::EPSILON,
        DType::F32 => f64::from(f32::EPSILON),
        _ => 0.0,
    };
    (wanted - found).abs() <= rounding * found.abs()
}

#[cfg(test)]
mod tests {
    use super::super::{PROBE_ROWS, over_rows};
    use super::*;
    use crate::graph::{Graph, NodeId, Type};
    use crate::shape::Shape;

    /// At which of these numbers of rows a function is the one that is found for all.
    fn held_at<const N: usize>(counts: [usize; N], build: impl Fn(&mut Graph, NodeId, usize) -> Result<NodeId>) -> Vec<usize> {
        let at = |rows: usize| {
            let mut g = Graph::new();
            let x = g.input("x", Type::new(DType::F64, Shape::fixed(&[rows, 2])));
            let y = build(&mut g, x, rows)?;
            Function::new(g, vec![y])
        };
        let probes = PROBE_ROWS.map(|rows| at(rows).unwrap());
        over_rows(probes.each_ref(), &Symbol::new("rows")).unwrap();
        let holds = |count: &usize| is_at_rows(probes.each_ref(), &at(*count).unwrap(), *count).unwrap();
        counts.into_iter().filter(holds).collect()
    }

    #[test]
    fn shapes_and_numbers_that_follow_the_rows_hold_at_each() {
        let mean = |g: &mut Graph, x, rows: usize| {
            let flat = g.reshape(x, &Shape::fixed(&[2 * rows]))?;
            let total = g.sum(flat, &[0])?;
            let share = g.scalar(DType::F64, 0.5 / rows as f64)?;
            g.mul(total, share)
        };
        assert_eq!(held_at([2, 3, 17, 5000], mean), [2, 3, 17, 5000]);
    }

    #[test]
    fn a_branch_on_the_number_of_rows_does_not() {
        let few = |g: &mut Graph, x, rows: usize| if rows < 5 { g.exp(x) } else { g.neg(x) };
        assert_eq!(held_at([2, 4, 5, 6], few), [5, 6]);
        let factor = |g: &mut Graph, x, rows: usize| {
            let factor = g.scalar(DType::F64, if rows == 7 { 3.0 } else { 2.0 })?;
            g.mul(x, factor)
        };
        assert_eq!(held_at([6, 7, 8], factor), [6, 8]);
    }

    #[test]
    fn a_slice_that_is_shorter_does_not() {
        let first_ten = |g: &mut Graph, x, rows: usize| g.slice_axis(x, 0, 0, Dim::fixed(rows.min(10)));
        assert_eq!(held_at([4, 10, 12], first_ten), [12]);
    }
}
