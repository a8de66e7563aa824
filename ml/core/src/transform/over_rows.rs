//! One function for every number of rows, out of what it is for three of them.
//!
//! A function that was recorded at some number of rows has that number in its shapes, and in constants that were computed
//! from it. Recorded at three numbers it says where: what is the same in all three is fixed, what differs must be a formula
//! of the number of rows, and a formula that fits the first two is believed only if it fits the third.

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Function, Graph, Kind, Node, NodeId, Type};
use crate::shape::{Dim, Shape, Symbol};
use crate::tensor::Tensor;

/// Numbers of rows to record a function at: primes, larger than any constant that is folded, whose formulas cannot be
/// mistaken for each other.
pub const PROBE_ROWS: [usize; 3] = [2053, 4099, 3079];

/// The operation's name in errors.
const OP: &str = "trace";

/// The function of `rows` rows, out of the same one recorded at each of [`PROBE_ROWS`].
/// Errors: `Plan` if they do not have one structure, or something in them depends on the number of rows in a way that is no
/// formula of ours: a size `a * rows + b` or `a * rows^2`, a constant `a * rows + b` or `a / (b * rows + c)`.
pub fn over_rows(functions: [&Function; 3], rows: &Symbol) -> Result<Function> {
    let [first, second, third] = functions.map(|f| &f.graph);
    let counts = [first, second, third].map(|g| g.nodes().count());
    if counts.iter().any(|&count| count != counts[0]) || functions.iter().any(|f| f.outputs != functions[0].outputs) {
        return Err(unlike("it does other things for another number of rows"));
    }
    let mut g = Graph::new();
    let mut made: Vec<NodeId> = Vec::with_capacity(counts[0]);
    for (((_, a), (_, b)), (_, c)) in first.nodes().zip(second.nodes()).zip(third.nodes()) {
        let node = one(&mut g, [a, b, c], &made, first, rows)?;
        made.push(node);
    }
    let outputs = functions[0].outputs.iter().map(|o| made[o.index()]).collect();
    Function::new(g, outputs)
}

fn one(g: &mut Graph, nodes: [&Node; 3], made: &[NodeId], own: &Graph, rows: &Symbol) -> Result<NodeId> {
    if nodes.iter().any(|node| node.inputs != nodes[0].inputs || node.ty.dtype != nodes[0].ty.dtype) {
        return Err(unlike("it does other things for another number of rows"));
    }
    match nodes.map(|node| &node.kind) {
        [Kind::Input { index }, ..] => {
            let ty = Type::new(nodes[0].ty.dtype, shape(nodes.map(|node| &node.ty.shape), rows)?);
            Ok(g.input(&own.arguments()[*index as usize].name, ty))
        }
        [Kind::Const(a), Kind::Const(b), Kind::Const(c)] => constant(g, [a, b, c], rows),
        kinds => {
            let kind = kind(kinds, rows)?;
            let inputs: SmallVec<[NodeId; 3]> = nodes[0].inputs.iter().map(|i| made[i.index()]).collect();
            g.apply(kind, &inputs)
        }
    }
}

/// The kind of three kinds that differ in sizes and bodies alone.
pub(super) fn kind(kinds: [&Kind; 3], rows: &Symbol) -> Result<Kind> {
    let [mut all, mut second, mut third] = kinds.map(Kind::clone);
    let sizes = kinds.map(|k| k.clone().sizes_mut().into_iter().map(|d| d.clone()).collect::<Vec<Dim>>());
    let bodies = kinds.map(|k| k.clone().bodies_mut().into_iter().map(|f| f.clone()).collect::<Vec<Function>>());
    let same_counts = sizes.iter().all(|s| s.len() == sizes[0].len()) && bodies.iter().all(|b| b.len() == bodies[0].len());
    if !same_counts {
        return Err(unlike("a shape has another number of axes for another number of rows"));
    }
    for kind in [&mut all, &mut second, &mut third] {
        for (i, size) in kind.sizes_mut().into_iter().enumerate() {
            *size = dim([&sizes[0][i], &sizes[1][i], &sizes[2][i]], rows)?;
        }
        for (i, body) in kind.bodies_mut().into_iter().enumerate() {
            *body = over_rows([&bodies[0][i], &bodies[1][i], &bodies[2][i]], rows)?;
        }
    }
    if all != second || all != third {
        return Err(unlike(&format!("its `{}` depends on the number of rows", all.name())));
    }
    Ok(all)
}

pub(super) fn shape(shapes: [&Shape; 3], rows: &Symbol) -> Result<Shape> {
    if shapes.iter().any(|s| s.rank() != shapes[0].rank()) {
        return Err(unlike("a shape has another number of axes for another number of rows"));
    }
    let [a, b, c] = shapes.map(Shape::dims);
    a.iter().zip(b).zip(c).map(|((a, b), c)| dim([a, b, c], rows)).collect::<Result<SmallVec<_>>>().map(Shape)
}

fn dim(dims: [&Dim; 3], rows: &Symbol) -> Result<Dim> {
    if dims[0] == dims[1] && dims[0] == dims[2] {
        return Ok(dims[0].clone());
    }
    let formula = || {
        let sizes = [dims[0].as_fixed()?, dims[1].as_fixed()?, dims[2].as_fixed()?];
        let row = Dim::symbol(rows.name());
        if let Some((a, b)) = line(sizes.map(|n| n as f64)) {
            return Some(row.mul(&Dim::fixed(usize::try_from(a).ok()?))?.plus(b));
        }
        let square = PROBE_ROWS[0] * PROBE_ROWS[0];
        let factor = (sizes[0] % square == 0).then_some(sizes[0] / square)?;
        let fits = sizes.iter().zip(PROBE_ROWS).all(|(&size, rows)| size == factor * rows * rows);
        if fits { row.mul(&row)?.mul(&Dim::fixed(factor)) } else { None }
    };
    formula().ok_or_else(|| {
        let [a, b, c] = dims;
        unlike(&format!("a size is {a}, {b} and {c} for {} rows, which is no formula known here", spoken()))
    })
}

/// Whole numbers a and b with `value = a * rows + b` at all three numbers of rows.
pub(super) fn line(values: [f64; 3]) -> Option<(i64, i64)> {
    let [p, q, r] = PROBE_ROWS.map(|n| n as f64);
    let a = (values[1] - values[0]) / (q - p);
    let b = values[0] - a * p;
    let whole = a.fract() == 0.0 && b.fract() == 0.0 && a.abs() < 1e15 && b.abs() < 1e15;
    (whole && a * r + b == values[2]).then_some((a as i64, b as i64))
}

/// A constant that is the same for any number of rows, or a number computed from it at run time.
fn constant(g: &mut Graph, values: [&Tensor; 3], rows: &Symbol) -> Result<NodeId> {
    if values[0] == values[1] && values[0] == values[2] {
        return Ok(g.constant(values[0].clone()));
    }
    let dtype = values[0].dtype();
    if values.iter().any(|v| v.len() != 1 || v.shape() != values[0].shape()) {
        return Err(unlike("an array in it is another one for another number of rows"));
    }
    let numbers = values.map(|v| v.to_f64()[0]);
    let node = match (line(numbers), quotient(numbers, dtype)) {
        (Some((a, b)), _) => number(g, dtype, a, b, rows)?,
        (None, Some((top, a, b))) => {
            let (top, below) = (g.scalar(dtype, top)?, number(g, dtype, a, b, rows)?);
            g.div(top, below)?
        }
        (None, None) => {
            let [a, b, c] = numbers;
            let what = format!("a number is {a}, {b} and {c} for {} rows, which is no formula known here", spoken());
            return Err(unlike(&what));
        }
    };
    g.reshape(node, &Shape::fixed(values[0].shape()))
}

/// `a * rows + b` at run time, in an element type.
fn number(g: &mut Graph, dtype: DType, a: i64, b: i64, rows: &Symbol) -> Result<NodeId> {
    let wide = if dtype.is_float() { DType::F64 } else { DType::I64 };
    let count = g.dim_value(wide, &Dim::symbol(rows.name()))?;
    let (a, b) = (g.scalar(wide, a as f64)?, g.scalar(wide, b as f64)?);
    let scaled = g.mul(count, a)?;
    let moved = g.add(scaled, b)?;
    g.cast(moved, dtype)
}

/// A number and whole numbers a and b with `value = number / (a * rows + b)`, to the rounding of the element type.
pub(super) fn quotient(values: [f64; 3], dtype: DType) -> Option<(f64, i64, i64)> {
    let tolerance = match dtype {
        DType::F64 => 4.0 * f64::EPSILON,
        DType::F32 => f64::from(f32::EPSILON),
        _ => return None,
    };
    if values.iter().any(|v| !v.is_finite() || *v == 0.0) {
        return None;
    }
    let near = |x: f64, y: f64| (x - y).abs() <= tolerance * y.abs();
    let rows = PROBE_ROWS.map(|n| n as f64);
    [(1, 0), (1, -1), (1, 1), (2, 0)].into_iter().find_map(|(a, b)| {
        let below = rows.map(|n| a as f64 * n + b as f64);
        let top = values[0] * below[0];
        let top = if near(top, top.round()) { top.round() } else { top };
        below.iter().zip(values).all(|(below, value)| near(top / below, value)).then_some((top, a, b))
    })
}

fn spoken() -> String {
    let [a, b, c] = PROBE_ROWS;
    format!("{a}, {b} and {c}")
}

fn unlike(what: &str) -> Error {
    let hint = "what is done to rows must not depend on how many there are: use shapes, means and sums of arrays in place of \
                Python's arithmetic and branches on x.shape[0]";
    Error::plan(OP, format!("the function cannot be traced for any number of rows: {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::evaluate;

    /// The function that `build` makes at each number of rows, for any.
    fn generalised(build: impl Fn(&mut Graph, NodeId, usize) -> Result<NodeId>) -> Result<Function> {
        let at = |rows: usize| {
            let mut g = Graph::new();
            let x = g.input("x", Type::new(DType::F64, Shape::fixed(&[rows, 2])));
            let y = build(&mut g, x, rows)?;
            Function::new(g, vec![y])
        };
        let [a, b, c] = PROBE_ROWS.map(at);
        over_rows([&a?, &b?, &c?], &Symbol::new("N"))
    }

    fn at(function: &Function, rows: usize) -> Vec<f64> {
        let x = Tensor::from_vec(&[rows, 2], (0..2 * rows).map(|i| i as f64).collect()).unwrap();
        evaluate(function, &[x]).unwrap()[0].values::<f64>().unwrap().to_vec()
    }

    #[test]
    fn shapes_and_numbers_follow_the_rows() {
        let mean = generalised(|g, x, rows| {
            let flat = g.reshape(x, &Shape::fixed(&[2 * rows]))?;
            let total = g.sum(flat, &[0])?;
            let count = g.scalar(DType::F64, (2 * rows) as f64)?;
            g.div(total, count)
        })
        .unwrap();
        assert_eq!(at(&mean, 3), [2.5]);
        assert_eq!(at(&mean, 5), [4.5]);
    }

    #[test]
    fn quotients_of_the_rows_are_known() {
        let unbiased = generalised(|g, x, rows| {
            let total = g.sum(x, &[0, 1])?;
            let factor = g.scalar(DType::F64, 0.5 / (rows - 1) as f64)?;
            g.mul(total, factor)
        })
        .unwrap();
        assert!((at(&unbiased, 3)[0] - 15.0 * 0.25).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_formula_is_an_error() {
        let root = generalised(|g, x, rows| {
            let root = g.scalar(DType::F64, (rows as f64).sqrt())?;
            g.mul(x, root)
        });
        assert!(root.unwrap_err().to_string().contains("a number is 45.31"));
        let branch = generalised(|g, x, rows| if rows > 3000 { g.neg(x) } else { g.exp(x) });
        assert!(branch.unwrap_err().to_string().contains("depends on the number of rows"));
    }
}
