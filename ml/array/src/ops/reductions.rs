//! Folds over axes, running folds, and where the extremes are.

use gradframe_ml_core::complex::Complex;
use gradframe_ml_core::graph::{Kind, ReduceOp, ScanOp};
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};

use super::arguments::{Axes, axes, axis, element, flag, float, integer};
use super::value::{Value, floats, operands};
use super::{Row, Values, one, row};
use crate::element::Element;
use crate::node::Args;

/// Folds: their arguments are axes, whether those stay with size 1, and the type to fold in.
pub const ROWS: &[Row] = &[
    row("sum", |g, x, args| {
        let x = widened(g, "sum", x, args)?;
        folded(g, "sum", x, args, |g, x, axes| x.each(g, |g, x| g.sum(x, axes)))
    }),
    row("prod", |g, x, args| {
        let x = widened(g, "prod", x, args)?;
        folded(g, "prod", x, args, |g, x, axes| match x {
            Value::Real(x) => g.prod(x, axes).map(Value::Real),
            Value::Complex(mut z) => {
                for &axis in sorted(axes).iter().rev() {
                    z = z.prod(g, axis)?;
                }
                Ok(Value::Complex(z))
            }
        })
    }),
    row("max", |g, x, args| extreme(g, "max", x, args, ReduceOp::Max)),
    row("min", |g, x, args| extreme(g, "min", x, args, ReduceOp::Min)),
    row("mean", |g, x, args| {
        let [x] = operands("mean", x)?;
        let x = floats(g, "mean", &[x])?[0];
        folded(g, "mean", x, args, |g, x, axes| x.each(g, |g, x| g.mean(x, axes)))
    }),
    row("var", |g, x, args| {
        let [x] = operands("var", x)?;
        let x = floats(g, "var", &[x])?[0];
        let correction = float("var", args, 2)?.unwrap_or(0.0);
        folded(g, "var", x, args, |g, x, axes| {
            let x = x.real("var", g)?;
            g.in_f32(x, |g, x| variance(g, x, axes, correction)).map(Value::Real)
        })
    }),
    row("std", |g, x, args| {
        let [x] = operands("std", x)?;
        let x = floats(g, "std", &[x])?[0];
        let correction = float("std", args, 2)?.unwrap_or(0.0);
        folded(g, "std", x, args, |g, x, axes| {
            let x = x.real("std", g)?;
            let root = |g: &mut Graph, x| {
                let squares = variance(g, x, axes, correction)?;
                g.sqrt(squares)
            };
            g.in_f32(x, root).map(Value::Real)
        })
    }),
    row("all", |g, x, args| truth(g, "all", x, args, ReduceOp::All)),
    row("any", |g, x, args| truth(g, "any", x, args, ReduceOp::Any)),
    row("count_nonzero", |g, x, args| {
        let [x] = operands("count_nonzero", x)?;
        let x = x.cast(g, Element::BOOL)?.cast(g, Element::INT)?;
        folded(g, "count_nonzero", x, args, |g, x, axes| x.each(g, |g, x| g.sum(x, axes)))
    }),
    row("argmax", |g, x, args| place_of(g, "argmax", x, args, |g, x, axis| g.argmax(x, axis))),
    row("argmin", |g, x, args| place_of(g, "argmin", x, args, |g, x, axis| g.argmin(x, axis))),
    row("logsumexp", |g, x, args| {
        let [x] = operands("logsumexp", x)?;
        let x = floats(g, "logsumexp", &[x])?[0];
        folded(g, "logsumexp", x, args, |g, x, axes| {
            let (line, _) = together(g, x.real("logsumexp", g)?, axes)?;
            let last = g.ty(line).shape.rank() - 1;
            g.logsumexp(line, last).map(Value::Real)
        })
    }),
    row("softmax", |g, x, args| {
        let [x] = operands("softmax", x)?;
        let (axis, x) = (axis("softmax", g, x, args, 0, -1)?, floats(g, "softmax", &[x])?[0].real("softmax", g)?);
        one(Value::Real(g.softmax(x, axis)?))
    }),
    row("log_softmax", |g, x, args| {
        let [x] = operands("log_softmax", x)?;
        let (axis, x) = (axis("log_softmax", g, x, args, 0, -1)?, floats(g, "log_softmax", &[x])?[0].real("log_softmax", g)?);
        one(Value::Real(g.log_softmax(x, axis)?))
    }),
    row("cumulative_sum", |g, x, args| running(g, "cumulative_sum", x, args, ScanOp::Sum)),
    row("cumulative_prod", |g, x, args| running(g, "cumulative_prod", x, args, ScanOp::Prod)),
];

fn sorted(axes: &[usize]) -> Axes {
    let mut axes: Axes = axes.into();
    axes.sort_unstable();
    axes
}

/// The operand in the type to fold in: the one asked for, else its own, small integers in the default one.
fn widened(g: &mut Graph, op: &str, x: &[Value], args: &Args) -> Result<Value> {
    let [x] = operands(op, x)?;
    let own = x.element(g);
    let to = match (element(op, args, 2)?, own) {
        (Some(asked), _) => asked,
        (None, Element::Real(DType::U8 | DType::U16 | DType::U32 | DType::U64)) => Element::Real(DType::U64),
        (None, Element::Real(dtype)) if !dtype.is_float() => Element::INT,
        (None, own) => own,
    };
    if to == Element::BOOL {
        return Err(Error::dtype(op, "expected a type of numbers, got bool"));
    }
    x.cast(g, to)
}

/// A fold over the axes of the first argument, which stay with size 1 if the second says so.
fn folded(
    g: &mut Graph,
    op: &str,
    x: Value,
    args: &Args,
    fold: impl FnOnce(&mut Graph, Value, &[usize]) -> Result<Value>,
) -> Result<Values> {
    let axes = sorted(&axes(op, g, x, args, 0)?);
    let own = x.dims(g);
    let result = fold(g, x, &axes)?;
    if !flag(op, args, 1)? {
        return one(result);
    }
    let kept = own.dims().iter().enumerate().map(|(i, d)| if axes.contains(&i) { Dim::fixed(1) } else { d.clone() });
    let shape = Shape::new(kept);
    one(result.each(g, |g, x| g.reshape(x, &shape))?)
}

fn extreme(g: &mut Graph, op: &str, x: &[Value], args: &Args, fold: ReduceOp) -> Result<Values> {
    let [x] = operands(op, x)?;
    let sizes = x.sizes(g)?;
    if let Some(&empty) = axes(op, g, x, args, 0)?.iter().find(|&&a| sizes[a] == 0) {
        return Err(Error::shape(op, format!("axis {empty} of {sizes:?} is empty: nothing has no {op}")));
    }
    folded(g, op, x, args, |g, x, axes| {
        let x = x.real(op, g)?;
        g.reduce(fold, x, axes).map(Value::Real)
    })
}

fn truth(g: &mut Graph, op: &str, x: &[Value], args: &Args, fold: ReduceOp) -> Result<Values> {
    let [x] = operands(op, x)?;
    let x = x.cast(g, Element::BOOL)?;
    folded(g, op, x, args, |g, x, axes| x.each(g, |g, x| g.reduce(fold, x, axes)))
}

/// `sum (x - mean)^2 / (n - correction)`.
fn variance(g: &mut Graph, x: NodeId, axes: &[usize], correction: f64) -> Result<NodeId> {
    let count: usize = axes.iter().filter_map(|&a| g.ty(x).shape.dims()[a].as_fixed()).product();
    let mean = g.mean_keep(x, axes)?;
    let apart = g.sub(x, mean)?;
    let square = g.mul(apart, apart)?;
    let sum = g.sum(square, axes)?;
    let freedom = g.scalar_like(sum, count as f64 - correction)?;
    g.div(sum, freedom)
}

/// The axes moved to the end and made one: [others.., n].
fn together(g: &mut Graph, x: NodeId, axes: &[usize]) -> Result<(NodeId, Shape)> {
    let own = g.ty(x).shape.clone();
    let others: Vec<usize> = (0..own.rank()).filter(|i| !axes.contains(i)).collect();
    let perm: Vec<usize> = others.iter().chain(axes).copied().collect();
    let moved = g.permute(x, &perm)?;
    let count: usize = axes.iter().filter_map(|&a| own.dims()[a].as_fixed()).product();
    let shape = Shape::new(others.iter().map(|&i| own.dims()[i].clone()).chain([Dim::fixed(count)]));
    Ok((g.reshape(moved, &shape)?, shape))
}

/// Where the extreme is along an axis, or among all elements if none is named.
fn place_of(
    g: &mut Graph,
    op: &str,
    x: &[Value],
    args: &Args,
    find: fn(&mut Graph, NodeId, usize) -> Result<NodeId>,
) -> Result<Values> {
    let [value] = operands(op, x)?;
    let (x, rank) = (value.real(op, g)?, value.rank(g));
    let named = integer(op, args, 0)?.map(|_| axis(op, g, value, args, 0, 0)).transpose()?;
    let (line, axis) = match named {
        Some(axis) => (x, axis),
        None => {
            let all: Vec<usize> = (0..rank).collect();
            (together(g, x, &all)?.0, 0)
        }
    };
    if g.ty(line).shape.dims()[axis].as_fixed() == Some(0) {
        return Err(Error::shape(op, format!("axis {axis} of {} is empty: there is no place", g.ty(x).shape)));
    }
    let found = find(g, line, axis)?;
    if !flag(op, args, 1)? {
        return one(Value::Real(found));
    }
    let own = g.ty(x).shape.clone();
    let kept = |(i, d): (usize, &Dim)| if named.is_none_or(|a| a == i) { Dim::fixed(1) } else { d.clone() };
    let shape = Shape::new(own.dims().iter().enumerate().map(kept));
    one(Value::Real(g.reshape(found, &shape)?))
}

/// Running folds: axis, whether the neutral element comes first, type.
fn running(g: &mut Graph, op: &str, x: &[Value], args: &Args, fold: ScanOp) -> Result<Values> {
    let axis = axis(op, g, operands::<1>(op, x)?[0], args, 0, if x[0].rank(g) == 1 { 0 } else { i64::MAX });
    let axis = axis.map_err(|e| if integer(op, args, 0).ok().flatten().is_none() { unnamed(op) } else { e })?;
    let initial = flag(op, args, 1)?;
    let x = widened(g, op, x, args)?;
    let neutral = if fold == ScanOp::Sum { 0.0 } else { 1.0 };
    let scanned = match x {
        Value::Complex(z) if fold == ScanOp::Prod => Value::Complex(running_product(g, z, axis)?),
        x => x.each(g, |g, x| g.apply(Kind::Scan { op: fold, axis }, &[x]))?,
    };
    if !initial {
        return one(scanned);
    }
    let mut ty = x.ty(g)?;
    ty.shape[axis] = 1;
    let first = super::value::full(g, &ty, neutral)?;
    one(super::views::concatenated(g, op, &[first, scanned], axis)?)
}

fn unnamed(op: &str) -> Error {
    Error::shape(op, "expected an axis for an array that has not exactly one").hint("pass axis=...")
}

/// The running product, by doubling: after k rounds each place holds the product of the last 2^k.
fn running_product(g: &mut Graph, mut z: Complex, axis: usize) -> Result<Complex> {
    let shape = z.shape(g).clone();
    let size = shape.dims()[axis].as_fixed().unwrap_or(0);
    let mut step = 1;
    while step < size {
        let (head, tail) = (
            z.each(g, |g, x| g.slice_axis(x, axis, 0, Dim::fixed(step)))?,
            z.each(g, |g, x| g.slice_axis(x, axis, step, Dim::fixed(size)))?,
        );
        let before = z.each(g, |g, x| g.slice_axis(x, axis, 0, Dim::fixed(size - step)))?;
        let product = tail.mul(g, before)?;
        z = Complex { re: g.concat(&[head.re, product.re], axis)?, im: g.concat(&[head.im, product.im], axis)? };
        step *= 2;
    }
    Ok(z)
}
