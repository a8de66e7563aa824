//! Products of matrices and other contractions.

use gradframe_ml_core::complex::Complex;
use gradframe_ml_core::graph::DotDims;
use gradframe_ml_core::{Dim, Error, Graph, NodeId, Result, Shape};

use super::arguments::{axes_of, integer, integers, text};
use super::value::{Value, numbers, operands};
use super::{Row, one, row};

/// Contractions.
pub const ROWS: &[Row] = &[
    row("matmul", |g, x, _| {
        let x = numbers(g, "matmul", &operands::<2>("matmul", x)?)?;
        one(matmul(g, x[0], x[1])?)
    }),
    row("tensordot", |g, x, args| {
        let x = numbers(g, "tensordot", &operands::<2>("tensordot", x)?)?;
        let (left, right) =
            (integers("tensordot", args, 0)?.unwrap_or_default(), integers("tensordot", args, 1)?.unwrap_or_default());
        let (a, b) = (x[0].dims(g), x[1].dims(g));
        let (left, right) = (axes_of("tensordot", &left, a.rank())?, axes_of("tensordot", &right, b.rank())?);
        let pairs = left.iter().zip(&right);
        if left.len() != right.len() || pairs.clone().any(|(&i, &j)| a.dims()[i] != b.dims()[j]) {
            return Err(Error::shape("tensordot", format!("axes {left:?} of {a} and {right:?} of {b} differ in size")));
        }
        let dims = DotDims { batch: Default::default(), contract: pairs.map(|(&i, &j)| (i, j)).collect() };
        one(contracted(g, x[0], x[1], &dims)?)
    }),
    row("vecdot", |g, x, args| {
        let x = numbers(g, "vecdot", &operands::<2>("vecdot", x)?)?;
        let (a, b) = (x[0].dims(g), x[1].dims(g));
        let axis = integer("vecdot", args, 0)?.unwrap_or(-1);
        if axis >= 0 {
            return Err(Error::shape("vecdot", format!("expected an axis counted from the end, got {axis}")));
        }
        let from_end = axis.unsigned_abs() as usize;
        if from_end > a.rank().min(b.rank()) {
            return Err(Error::shape("vecdot", format!("axis {axis} of {a} and {b}")));
        }
        let sizes = (a.dims()[a.rank() - from_end].clone(), b.dims()[b.rank() - from_end].clone());
        if sizes.0 != sizes.1 {
            return Err(Error::shape("vecdot", format!("axis {axis} of {a} and {b} differs in size")));
        }
        let left = match x[0] {
            Value::Complex(z) => Value::Complex(z.conj(g)?),
            real => real,
        };
        let product = super::elementwise::arithmetic(g, "vecdot", gradframe_ml_core::graph::Fn2::Mul, &[left, x[1]])?[0];
        let summed = product.rank(g) - from_end;
        one(product.each(g, |g, x| g.sum(x, &[summed]))?)
    }),
    row("outer", |g, x, _| {
        let x = numbers(g, "outer", &operands::<2>("outer", x)?)?;
        if x[0].rank(g) != 1 || x[1].rank(g) != 1 {
            return Err(Error::shape("outer", format!("expected two lines, got {} and {}", x[0].dims(g), x[1].dims(g))));
        }
        let column = x[0].each(g, |g, x| g.insert_axis(x, 1))?;
        super::elementwise::arithmetic(g, "outer", gradframe_ml_core::graph::Fn2::Mul, &[column, x[1]])
    }),
    row("einsum", |g, x, args| {
        let x = numbers(g, "einsum", x)?;
        let nodes: Vec<NodeId> = x.iter().map(|v| v.real("einsum", g)).collect::<Result<_>>()?;
        one(Value::Real(g.einsum(text("einsum", args, 0)?.unwrap_or_default(), &nodes)?))
    }),
];

/// [.., m, k] x [.., k, n] with batch axes that broadcast; a line is a row on the left, a column on the right.
fn matmul(g: &mut Graph, a: Value, b: Value) -> Result<Value> {
    let (left, right) = (a.dims(g), b.dims(g));
    let misfit = || Error::shape("matmul", format!("{left} and {right} do not fit: the last axis meets the last but one"));
    if left.rank() == 0 || right.rank() == 0 {
        return Err(
            Error::shape("matmul", format!("expected one axis or more, got {left} and {right}")).hint("use * for numbers")
        );
    }
    if left.dims()[left.rank() - 1] != right.dims()[right.rank().saturating_sub(2)] {
        return Err(misfit());
    }
    let (a, b) = same_batch(g, a, b)?;
    match (a, b) {
        (Value::Complex(a), Value::Complex(b)) => a.matmul(g, b).map(Value::Complex),
        (a, b) => {
            let (a, b) = (a.real("matmul", g)?, b.real("matmul", g)?);
            g.matmul(a, b).map(Value::Real)
        }
    }
}

/// Both with the same batch axes, or one without any.
fn same_batch(g: &mut Graph, a: Value, b: Value) -> Result<(Value, Value)> {
    let (left, right) = (a.dims(g), b.dims(g));
    if left.rank() <= 2 || right.rank() <= 2 {
        return Ok((a, b));
    }
    let (m, n) = (left.rank() - 2, right.rank() - 2);
    let batch = broadcast(&left.dims()[..m], &right.dims()[..n])
        .ok_or_else(|| Error::shape("matmul", format!("batch axes of {left} and {right} do not broadcast")))?;
    let with = |matrix: &[Dim]| Shape::new(batch.iter().chain(matrix).cloned());
    Ok((a.broadcast(g, &with(&left.dims()[m..]))?, b.broadcast(g, &with(&right.dims()[n..]))?))
}

/// The dimensions to which both stretch.
pub fn broadcast(a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[Dim], i: usize| (i + dims.len()).checked_sub(rank).map_or(Dim::fixed(1), |i| dims[i].clone());
    let joined = |i| match (at(a, i), at(b, i)) {
        (x, y) if x == y || y.is_one() => Some(x),
        (x, y) if x.is_one() => Some(y),
        _ => None,
    };
    (0..rank).map(joined).collect()
}

fn contracted(g: &mut Graph, a: Value, b: Value, dims: &DotDims) -> Result<Value> {
    match (a, b) {
        (Value::Complex(a), Value::Complex(b)) => Complex::dot(a, g, b, dims).map(Value::Complex),
        (a, b) => {
            let (a, b) = (a.real("tensordot", g)?, b.real("tensordot", g)?);
            g.dot(a, b, dims.clone()).map(Value::Real)
        }
    }
}
