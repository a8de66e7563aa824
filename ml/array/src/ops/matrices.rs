//! Linear algebra of real matrices: factorizations, solvers, norms. All axes but the last two are batch axes.

use gradframe_ml_core::graph::MatrixNorm;
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};
use smallvec::SmallVec;

use super::arguments::{axes, axis, flag, float, integer, text};
use super::products::broadcast;
use super::value::{Value, floats, numbers, operands};
use super::{Row, one, row};
use crate::element::Element;

/// The standard's `linalg`.
pub const ROWS: &[Row] = &[
    row("cholesky", |g, x, args| {
        let a = square(g, "cholesky", x)?;
        let lower = g.cholesky(a)?;
        one(Value::Real(if flag("cholesky", args, 0)? { g.transpose(lower)? } else { lower }))
    }),
    row("det", |g, x, _| {
        let a = square(g, "det", x)?;
        one(Value::Real(g.det(a)?))
    }),
    row("slogdet", |g, x, _| {
        let a = square(g, "slogdet", x)?;
        let (sign, log) = g.slogdet(a)?;
        Ok(SmallVec::from_iter([Value::Real(sign), Value::Real(log)]))
    }),
    row("inv", |g, x, _| {
        let a = square(g, "inv", x)?;
        one(Value::Real(g.inv(a)?))
    }),
    row("solve", |g, x, _| {
        let x = floats(g, "solve", &operands::<2>("solve", x)?)?;
        let (a, b) = (x[0].real("solve", g)?, x[1].real("solve", g)?);
        one(Value::Real(solve(g, a, b)?))
    }),
    row("eigh", |g, x, _| {
        let a = square(g, "eigh", x)?;
        let (w, v) = g.eigh(a)?;
        Ok(SmallVec::from_iter([Value::Real(w), Value::Real(v)]))
    }),
    row("eigvalsh", |g, x, _| {
        let a = square(g, "eigvalsh", x)?;
        one(Value::Real(g.eigh(a)?.0))
    }),
    row("qr", |g, x, args| {
        let a = matrix(g, "qr", x)?;
        if text("qr", args, 0)? == Some("complete") {
            return Err(Error::not_implemented("qr", "mode 'complete'").hint("'reduced' has the columns that span the matrix"));
        }
        let (q, r) = g.qr(a)?;
        Ok(SmallVec::from_iter([Value::Real(q), Value::Real(r)]))
    }),
    row("svd", |g, x, args| {
        let a = matrix(g, "svd", x)?;
        let shape = g.ty(a).shape.clone();
        let is_square = shape.dims()[shape.rank() - 1] == shape.dims()[shape.rank() - 2];
        if flag("svd", args, 0)? && !is_square {
            return Err(Error::not_implemented("svd", format!("full_matrices of {shape}")).hint("pass full_matrices=False"));
        }
        let (u, s, vh) = g.svd(a)?;
        Ok(SmallVec::from_iter([Value::Real(u), Value::Real(s), Value::Real(vh)]))
    }),
    row("svdvals", |g, x, _| {
        let a = matrix(g, "svdvals", x)?;
        one(Value::Real(g.svdvals(a)?))
    }),
    row("pinv", |g, x, args| {
        let a = matrix(g, "pinv", x)?;
        let shape = g.ty(a).shape.clone();
        let precision = if g.ty(a).dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        let largest = shape.dims()[shape.rank() - 2..].iter().filter_map(Dim::as_fixed).max().unwrap_or(0);
        let rtol = float("pinv", args, 0)?.unwrap_or(largest as f64 * precision);
        one(Value::Real(g.pinv(a, rtol)?))
    }),
    row("matrix_rank", |g, x, args| {
        let a = matrix(g, "matrix_rank", x)?;
        one(Value::Real(g.matrix_rank(a, float("matrix_rank", args, 0)?)?))
    }),
    row("matrix_power", |g, x, args| {
        let a = square(g, "matrix_power", x)?;
        one(Value::Real(g.matrix_power(a, integer("matrix_power", args, 0)?.unwrap_or(1))?))
    }),
    row("matrix_norm", |g, x, args| {
        let a = matrix(g, "matrix_norm", x)?;
        let norm = norm_of(text("matrix_norm", args, 0)?, float("matrix_norm", args, 1)?)?;
        let value = g.matrix_norm(a, norm)?;
        one(Value::Real(if flag("matrix_norm", args, 2)? { kept(g, value, a)? } else { value }))
    }),
    row("vector_norm", |g, x, args| {
        let [x] = operands("vector_norm", x)?;
        let x = floats(g, "vector_norm", &[x])?[0];
        let axes = axes("vector_norm", g, x, args, 0)?;
        let p = float("vector_norm", args, 2)?.unwrap_or(2.0);
        let own = x.dims(g);
        let sizes = match x {
            Value::Real(x) => x,
            Value::Complex(z) => z.abs(g)?,
        };
        let value = g.vector_norm(sizes, p, &axes)?;
        if !flag("vector_norm", args, 1)? {
            return one(Value::Real(value));
        }
        let shape =
            Shape::new(own.dims().iter().enumerate().map(|(i, d)| if axes.contains(&i) { Dim::fixed(1) } else { d.clone() }));
        one(Value::Real(g.reshape(value, &shape)?))
    }),
    row("trace", |g, x, args| {
        let x = diagonal_operand(g, "trace", x)?;
        let k = integer("trace", args, 0)?.unwrap_or(0);
        let x = match x.element(g) {
            Element::Real(dtype) if dtype.is_integer() => {
                x.cast(g, if dtype.is_signed() { Element::INT } else { Element::Real(DType::U64) })?
            }
            _ => x,
        };
        one(x.each(g, |g, x| {
            let line = g.diagonal(x, k)?;
            let last = g.ty(line).shape.rank() - 1;
            g.sum(line, &[last])
        })?)
    }),
    row("diagonal", |g, x, args| {
        let [x] = operands("diagonal", x)?;
        let k = integer("diagonal", args, 0)?.unwrap_or(0);
        one(x.each(g, |g, x| g.diagonal(x, k))?)
    }),
    row("cross", |g, x, args| {
        let x = numbers(g, "cross", &operands::<2>("cross", x)?)?;
        let (a, b) = (x[0].real("cross", g)?, x[1].real("cross", g)?);
        let shape = g.broadcast_shape("cross", &[a, b])?;
        let (a, b) = (g.broadcast_to(a, &shape)?, g.broadcast_to(b, &shape)?);
        let axis = axis("cross", g, Value::Real(a), args, 0, -1)?;
        if shape.dims()[axis] != Dim::fixed(3) {
            return Err(Error::shape("cross", format!("expected size 3 in axis {axis}, got {shape}")));
        }
        one(Value::Real(cross(g, a, b, axis)?))
    }),
];

fn matrix(g: &mut Graph, op: &str, x: &[Value]) -> Result<NodeId> {
    let [x] = operands(op, x)?;
    let x = floats(g, op, &[x])?[0];
    if x.rank(g) < 2 {
        return Err(Error::shape(op, format!("expected a matrix [.., m, n], got {}", x.dims(g))));
    }
    x.real(op, g)
}

fn square(g: &mut Graph, op: &str, x: &[Value]) -> Result<NodeId> {
    let a = matrix(g, op, x)?;
    match g.ty(a).shape.dims() {
        [.., m, n] if m == n => Ok(a),
        _ => Err(Error::shape(op, format!("expected a square matrix [.., n, n], got {}", g.ty(a).shape))),
    }
}

fn diagonal_operand(g: &mut Graph, op: &str, x: &[Value]) -> Result<Value> {
    let [x] = operands(op, x)?;
    numbers(g, op, &[x]).map(|x| x[0])
}

/// A [.., n, n] and B [.., n, k], or a line [n]; batch axes broadcast.
fn solve(g: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
    let (left, right) = (g.ty(a).shape.clone(), g.ty(b).shape.clone());
    let misfit = || Error::shape("solve", format!("{left} and {right} do not fit"));
    if left.rank() < 2 || right.rank() == 0 {
        return Err(misfit());
    }
    if right.rank() == 1 {
        let column = g.insert_axis(b, 1)?;
        let solved = solve(g, a, column)?;
        let shape = g.ty(solved).shape.clone();
        return g.reshape(solved, &shape.without(&[shape.rank() - 1]));
    }
    let (m, n) = (left.rank() - 2, right.rank() - 2);
    let batch = broadcast(&left.dims()[..m], &right.dims()[..n]).ok_or_else(misfit)?;
    let with = |matrix: &[Dim]| Shape::new(batch.iter().chain(matrix).cloned());
    let (a, b) = (g.broadcast_to(a, &with(&left.dims()[m..]))?, g.broadcast_to(b, &with(&right.dims()[n..]))?);
    g.solve(a, b)
}

/// A number a matrix, with both axes of the matrix kept as size 1.
fn kept(g: &mut Graph, value: NodeId, matrix: NodeId) -> Result<NodeId> {
    let shape = g.ty(matrix).shape.clone();
    let rank = shape.rank();
    let shape = shape.with(rank - 2, Dim::fixed(1)).with(rank - 1, Dim::fixed(1));
    g.reshape(value, &shape)
}

fn norm_of(name: Option<&str>, p: Option<f64>) -> Result<MatrixNorm> {
    Ok(match (name, p) {
        (None | Some("fro"), None) => MatrixNorm::Frobenius,
        (Some("nuc"), None) => MatrixNorm::Nuclear,
        (None, Some(1.0)) => MatrixNorm::One,
        (None, Some(-1.0)) => MatrixNorm::MinusOne,
        (None, Some(2.0)) => MatrixNorm::Two,
        (None, Some(-2.0)) => MatrixNorm::MinusTwo,
        (None, Some(f64::INFINITY)) => MatrixNorm::Infinity,
        (None, Some(f64::NEG_INFINITY)) => MatrixNorm::MinusInfinity,
        (name, p) => {
            let given = name.map(str::to_owned).or_else(|| p.map(|p| p.to_string())).unwrap_or_default();
            return Err(
                Error::plan("matrix_norm", format!("there is no norm `{given}`")).hint("'fro', 'nuc', 1, -1, 2, -2, inf, -inf")
            );
        }
    })
}

/// `a x b`, each part a difference of products of the next two.
fn cross(g: &mut Graph, a: NodeId, b: NodeId, axis: usize) -> Result<NodeId> {
    let mut part = |x: NodeId, i: usize| g.slice_axis(x, axis, i, Dim::fixed(i + 1));
    let a = [part(a, 0)?, part(a, 1)?, part(a, 2)?];
    let b = [part(b, 0)?, part(b, 1)?, part(b, 2)?];
    let mut parts = Vec::with_capacity(3);
    for i in 0..3 {
        let (j, k) = ((i + 1) % 3, (i + 2) % 3);
        let (left, right) = (g.mul(a[j], b[k])?, g.mul(a[k], b[j])?);
        parts.push(g.sub(left, right)?);
    }
    g.concat(&parts, axis)
}
