//! Other shapes, orders and joins of the same elements.

use gradframe_ml_core::graph::Span;
use gradframe_ml_core::{Dim, Error, Graph, NodeId, Result, Shape};
use smallvec::SmallVec;

use super::arguments::{axes_of, axis, axis_of, integer, integers, sizes, times};
use super::value::{Value, operands, promoted};
use super::{Row, Values, one, row};
use crate::node::Args;

/// Rearrangements.
pub const ROWS: &[Row] = &[
    row("reshape", |g, x, args| {
        let [x] = operands("reshape", x)?;
        let shape = reshaped(g, x, &integers("reshape", args, 0)?.unwrap_or_default())?;
        one(x.each(g, |g, x| g.reshape(x, &shape))?)
    }),
    row("permute_dims", |g, x, args| {
        let [x] = operands("permute_dims", x)?;
        let (given, rank) = (integers("permute_dims", args, 0)?.unwrap_or_default(), x.rank(g));
        if given.len() != rank {
            let what = format!("expected an order of {rank} axes, got {given:?}");
            return Err(Error::shape("permute_dims", what));
        }
        let perm = axes_of("permute_dims", &given, rank)?;
        one(x.each(g, |g, x| g.permute(x, &perm))?)
    }),
    row("matrix_transpose", |g, x, _| {
        let [x] = operands("matrix_transpose", x)?;
        one(x.each(g, |g, x| g.transpose(x))?)
    }),
    row("moveaxis", |g, x, args| {
        let [x] = operands("moveaxis", x)?;
        let perm = moved(x.rank(g), args)?;
        one(x.each(g, |g, x| g.permute(x, &perm))?)
    }),
    row("expand_dims", |g, x, args| {
        let [x] = operands("expand_dims", x)?;
        let given = integers("expand_dims", args, 0)?.unwrap_or_default();
        let mut axes = axes_of("expand_dims", &given, x.rank(g) + given.len())?;
        axes.sort_unstable();
        let shape = axes.iter().fold(x.dims(g), |shape, &axis| shape.insert(axis, Dim::fixed(1)));
        one(x.each(g, |g, x| g.reshape(x, &shape))?)
    }),
    row("squeeze", |g, x, args| {
        let [x] = operands("squeeze", x)?;
        let own = x.dims(g);
        let axes = match integers("squeeze", args, 0)? {
            Some(given) => axes_of("squeeze", &given, own.rank())?,
            None => own.dims().iter().enumerate().filter(|(_, d)| d.is_one()).map(|(i, _)| i).collect(),
        };
        if let Some(&wide) = axes.iter().find(|&&a| !own.dims()[a].is_one()) {
            return Err(Error::shape("squeeze", format!("axis {wide} of {own} has not size 1")));
        }
        let shape = own.without(&axes);
        one(x.each(g, |g, x| g.reshape(x, &shape))?)
    }),
    row("flip", |g, x, args| {
        let [x] = operands("flip", x)?;
        let axes = super::arguments::axes("flip", g, x, args, 0)?;
        one(x.each(g, |g, x| g.flip(x, &axes))?)
    }),
    row("broadcast_to", |g, x, args| {
        let [x] = operands("broadcast_to", x)?;
        let shape = Shape::fixed(&sizes("broadcast_to", args, 0)?);
        check_fits(&x.dims(g), &shape)?;
        one(x.broadcast(g, &shape)?)
    }),
    row("roll", |g, x, args| {
        let [x] = operands("roll", x)?;
        rolled(g, x, args)
    }),
    row("concat", |g, x, args| {
        let x = promoted(g, "concat", x)?;
        let rank = x[0].rank(g);
        if rank == 0 {
            return Err(Error::shape("concat", "arrays of shape [] have no axis to be joined along").hint("use stack"));
        }
        let axis = axis_of("concat", integer("concat", args, 0)?.unwrap_or(0), rank)?;
        one(concatenated(g, "concat", &x, axis)?)
    }),
    row("stack", |g, x, args| {
        let x = promoted(g, "stack", x)?;
        let own = x[0].dims(g);
        if let Some(other) = x.iter().find(|v| v.dims(g) != own) {
            return Err(Error::shape("stack", format!("expected arrays of one shape, got {own} and {}", other.dims(g))));
        }
        let axis = axis_of("stack", integer("stack", args, 0)?.unwrap_or(0), own.rank() + 1)?;
        let mut raised: SmallVec<[Value; 3]> = SmallVec::new();
        for value in x {
            raised.push(value.each(g, |g, x| g.insert_axis(x, axis))?);
        }
        one(concatenated(g, "stack", &raised, axis)?)
    }),
    row("unstack", |g, x, args| {
        let [x] = operands("unstack", x)?;
        let axis = axis("unstack", g, x, args, 0, 0)?;
        let count = x.sizes(g)?[axis];
        let own = x.dims(g).without(&[axis]);
        let part = |i: usize| {
            x.each(g, |g, x| {
                let one = g.slice_axis(x, axis, i, Dim::fixed(i + 1))?;
                g.reshape(one, &own)
            })
        };
        (0..count).map(part).collect()
    }),
    row("tile", |g, x, args| {
        let [x] = operands("tile", x)?;
        let counts = sizes("tile", args, 0)?;
        let rank = x.rank(g).max(counts.len());
        let own = x.sizes(g)?;
        let padded: Vec<usize> = std::iter::repeat_n(1, rank - own.len()).chain(own.iter().copied()).collect();
        let counts: Vec<usize> = std::iter::repeat_n(1, rank - counts.len()).chain(counts.iter().copied()).collect();
        one(x.each(g, |g, x| tiled(g, x, &padded, &counts))?)
    }),
    row("repeat", |g, x, args| {
        let [x] = operands("repeat", x)?;
        let (count, own) = (sizes("repeat", args, 0)?, x.sizes(g)?);
        let count = count.first().copied().unwrap_or(1);
        let (x, own, axis) = match integer("repeat", args, 1)? {
            Some(_) => (x, own, axis("repeat", g, x, args, 1, 0)?),
            None => {
                let flat = Shape::fixed(&[own.iter().product()]);
                (x.each(g, |g, x| g.reshape(x, &flat))?, SmallVec::from_slice(&[own.iter().product()]), 0)
            }
        };
        let mut shape = own.clone();
        shape[axis] = times("repeat", own[axis], count)?;
        one(x.each(g, |g, x| {
            let long = g.repeat_axis(x, axis + 1, &Dim::fixed(count))?;
            g.reshape(long, &Shape::fixed(&shape))
        })?)
    }),
    row("tril", |g, x, args| {
        let [x] = operands("tril", x)?;
        let k = integer("tril", args, 0)?.unwrap_or(0);
        one(x.each(g, |g, x| g.tril(x, k))?)
    }),
    row("triu", |g, x, args| {
        let [x] = operands("triu", x)?;
        let k = integer("triu", args, 0)?.unwrap_or(0);
        one(x.each(g, |g, x| g.triu(x, k))?)
    }),
    row("diff", |g, x, args| {
        let [x] = operands("diff", x)?;
        let axis = axis("diff", g, x, args, 0, -1)?;
        let times = integer("diff", args, 1)?.unwrap_or(1);
        let mut value = x;
        for _ in 0..times {
            let size = value.sizes(g)?[axis];
            let (from, to) = (1.min(size), size.saturating_sub(1));
            let later = value.each(g, |g, x| g.slice_axis(x, axis, from, Dim::fixed(size)))?;
            let earlier = value.each(g, |g, x| g.slice_axis(x, axis, 0, Dim::fixed(to)))?;
            value = match (later, earlier) {
                (Value::Real(a), Value::Real(b)) if g.ty(a).dtype == gradframe_ml_core::DType::Bool => Value::Real(g.ne(a, b)?),
                (a, b) => super::elementwise::arithmetic(g, "diff", gradframe_ml_core::graph::Fn2::Sub, &[a, b])?[0],
            };
        }
        one(value)
    }),
];

/// A shape with at most one size left open (-1), for the elements of `x`.
fn reshaped(g: &Graph, x: Value, given: &[i64]) -> Result<Shape> {
    let own = x.sizes(g)?;
    let count: usize = own.iter().product();
    let misfit = || Error::shape("reshape", format!("{own:?} has {count} elements, which do not fit {given:?}"));
    let known = given.iter().filter(|&&n| n != -1).try_fold(1i64, |all, &n| all.checked_mul(n)).ok_or_else(misfit)?;
    let open = given.iter().filter(|&&n| n == -1).count();
    if open > 1 || given.iter().any(|&n| n < -1) {
        return Err(Error::shape("reshape", format!("expected sizes, one of which may be -1, got {given:?}")));
    }
    let fills = match open {
        0 => known == count as i64,
        _ => known > 0 && count as i64 % known == 0,
    };
    if !fills {
        return Err(misfit());
    }
    let rest = if known > 0 { count as i64 / known } else { 0 };
    Ok(Shape::new(given.iter().map(|&n| Dim::fixed(if n == -1 { rest } else { n } as usize))))
}

fn moved(rank: usize, args: &Args) -> Result<SmallVec<[usize; 4]>> {
    let (from, to) = (integers("moveaxis", args, 0)?.unwrap_or_default(), integers("moveaxis", args, 1)?.unwrap_or_default());
    let (from, to) = (axes_of("moveaxis", &from, rank)?, axes_of("moveaxis", &to, rank)?);
    if from.len() != to.len() {
        return Err(Error::shape("moveaxis", format!("{} axes cannot move to {} places", from.len(), to.len())));
    }
    let mut others = (0..rank).filter(|i| !from.contains(i));
    let axis_at = |place: usize| to.iter().position(|&t| t == place).map(|i| from[i]).or_else(|| others.next());
    Ok((0..rank).filter_map(axis_at).collect())
}

fn check_fits(own: &Shape, shape: &Shape) -> Result<()> {
    let missing = shape.rank().checked_sub(own.rank());
    let fits = missing.is_some_and(|missing| own.dims().iter().zip(&shape.dims()[missing..]).all(|(a, b)| a == b || a.is_one()));
    if fits { Ok(()) } else { Err(Error::shape("broadcast_to", format!("{own} does not stretch to {shape}"))) }
}

/// Operands of one type joined along an axis. Errors: `Shape` naming both shapes if another axis differs.
pub(super) fn concatenated(g: &mut Graph, op: &str, x: &[Value], axis: usize) -> Result<Value> {
    let first = x.first().copied().ok_or_else(|| Error::plan(op, "expected an array"))?;
    let own = first.dims(g);
    for other in x {
        let shape = other.dims(g);
        if shape.rank() != own.rank() || shape.without(&[axis]) != own.without(&[axis]) {
            return Err(Error::shape(op, format!("{own} and {shape} differ elsewhere than in axis {axis}")));
        }
    }
    let parts = |part: fn(&Value) -> NodeId| -> Vec<NodeId> { x.iter().map(part).collect() };
    match first {
        Value::Real(_) => g.concat(&parts(|v| v.node()), axis).map(Value::Real),
        Value::Complex(_) => {
            let re = g.concat(&parts(|v| v.node()), axis)?;
            let im = g.concat(&parts(|v| if let Value::Complex(z) = v { z.im } else { v.node() }), axis)?;
            gradframe_ml_core::complex::Complex::new(g, re, im).map(Value::Complex)
        }
    }
}

fn tiled(g: &mut Graph, x: NodeId, own: &[usize], counts: &[usize]) -> Result<NodeId> {
    let apart: Vec<usize> = own.iter().flat_map(|&n| [1, n]).collect();
    let wide: Vec<usize> = own.iter().zip(counts).flat_map(|(&n, &count)| [count, n]).collect();
    let whole = own.iter().zip(counts).map(|(&n, &count)| times("tile", n, count)).collect::<Result<Vec<_>>>()?;
    let apart = g.reshape(x, &Shape::fixed(&apart))?;
    let wide = g.expand(apart, &Shape::fixed(&wide))?;
    g.reshape(wide, &Shape::fixed(&whole))
}

fn rolled(g: &mut Graph, x: Value, args: &Args) -> Result<Values> {
    let own = x.sizes(g)?;
    let shifts = integers("roll", args, 0)?.unwrap_or_default();
    let Some(given) = integers("roll", args, 1)? else {
        let count: usize = own.iter().product();
        let shift: i64 = shifts.iter().sum();
        return one(x.each(g, |g, x| {
            let flat = g.reshape(x, &Shape::fixed(&[count]))?;
            let turned = turned(g, flat, 0, count, shift)?;
            g.reshape(turned, &Shape::fixed(&own))
        })?);
    };
    if shifts.len() != given.len() && shifts.len() != 1 {
        return Err(Error::shape("roll", format!("{} shifts for {} axes", shifts.len(), given.len())));
    }
    let mut value = x;
    for (i, &axis) in given.iter().enumerate() {
        let axis = axis_of("roll", axis, own.len())?;
        let shift = if shifts.len() == 1 { shifts[0] } else { shifts[i] };
        value = value.each(g, |g, x| turned(g, x, axis, own[axis], shift))?;
    }
    one(value)
}

/// The elements along an axis moved on by `shift`, the last ones to the front.
fn turned(g: &mut Graph, x: NodeId, axis: usize, size: usize, shift: i64) -> Result<NodeId> {
    if size == 0 || shift.rem_euclid(size as i64) == 0 {
        return Ok(x);
    }
    let cut = size - shift.rem_euclid(size as i64) as usize;
    let (tail, head) = (g.slice_axis(x, axis, cut, Dim::fixed(size))?, g.slice_axis(x, axis, 0, Dim::fixed(cut))?);
    g.concat(&[tail, head], axis)
}

/// A range of each axis with a step of 1 or more.
pub fn span(start: usize, count: usize, step: usize) -> Span {
    let stop = if count == 0 { start } else { start + (count - 1) * step + 1 };
    Span { start, stop: Dim::fixed(stop), step }
}
