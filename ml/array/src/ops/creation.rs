//! New arrays. Numbers that fill them are operands, so that another number is not another program.

use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};

use super::arguments::{element, integer, sizes};
use super::value::{Value, full, operands};
use super::{Row, one, row};
use crate::element::{ArrayType, Element};

/// What makes arrays.
pub const ROWS: &[Row] = &[
    row("zeros", |g, _, args| {
        let ty = ArrayType::new(element("zeros", args, 1)?.unwrap_or(Element::FLOAT), &sizes("zeros", args, 0)?);
        one(full(g, &ty, 0.0)?)
    }),
    row("ones", |g, _, args| {
        let ty = ArrayType::new(element("ones", args, 1)?.unwrap_or(Element::FLOAT), &sizes("ones", args, 0)?);
        one(full(g, &ty, 1.0)?)
    }),
    row("full", |g, x, args| {
        let [number] = operands("full", x)?;
        one(number.broadcast(g, &Shape::fixed(&sizes("full", args, 0)?))?)
    }),
    // A number everywhere, made within the function that is traced with the first operand: of as many rows as that has, not as it had.
    row("full_within", |g, x, args| {
        let [_, number] = operands("full", x)?;
        one(number.broadcast(g, &Shape::fixed(&sizes("full", args, 0)?))?)
    }),
    row("eye", |g, _, args| {
        let (shape, k) = (sizes("eye", args, 0)?, integer("eye", args, 1)?.unwrap_or(0));
        let to = element("eye", args, 2)?.unwrap_or(Element::FLOAT);
        if shape.len() != 2 {
            return Err(Error::shape("eye", format!("expected rows and columns, got {shape:?}")));
        }
        let shape = Shape::fixed(&shape);
        let (row, column) = (g.iota(DType::I64, &shape, 0)?, g.iota(DType::I64, &shape, 1)?);
        let k = g.scalar(DType::I64, k as f64)?;
        let shifted = g.add(row, k)?;
        one(Value::Real(g.eq(shifted, column)?).cast(g, to)?)
    }),
    row("arange", |g, x, args| {
        let [start, step] = operands("arange", x)?;
        let count = integer("arange", args, 0)?.unwrap_or(0).max(0) as usize;
        let to = element("arange", args, 1)?.unwrap_or(Element::INT);
        let (start, step) = (start.real("arange", g)?, step.real("arange", g)?);
        one(Value::Real(steps(g, start, step, count)?).cast(g, to)?)
    }),
    row("linspace", |g, x, args| {
        let [start, stop] = operands("linspace", x)?;
        let (count, to) = (sizes("linspace", args, 0)?, element("linspace", args, 1)?.unwrap_or(Element::FLOAT));
        let parts = integer("linspace", args, 2)?.unwrap_or(1);
        one(linspace(g, start, stop, count.first().copied().unwrap_or(0), parts)?.cast(g, to)?)
    }),
];

/// `start + i step` in the type of both: [count].
fn steps(g: &mut Graph, start: NodeId, step: NodeId, count: usize) -> Result<NodeId> {
    let dtype = g.ty(start).dtype;
    let numbers = g.iota(dtype, &Shape::new([Dim::fixed(count)]), 0)?;
    let scaled = g.mul(numbers, step)?;
    g.add(scaled, start)
}

/// `count` numbers from `start` on, `1 / parts` of the way to `stop` apart; the last of as many as that is `stop` itself.
fn linspace(g: &mut Graph, start: Value, stop: Value, count: usize, parts: i64) -> Result<Value> {
    let line = Shape::new([Dim::fixed(count)]);
    let one_part = |g: &mut Graph, a: NodeId, b: NodeId| {
        let way = g.sub(b, a)?;
        let number = g.iota(DType::F64, &line, 0)?;
        let (all, last) = (g.scalar(DType::F64, parts as f64)?, g.scalar(DType::F64, parts as f64)?);
        let done = g.div(number, all)?;
        let moved = g.mul(done, way)?;
        let value = g.add(moved, a)?;
        let ends = g.eq(number, last)?;
        g.select(ends, b, value)
    };
    match (start, stop) {
        (Value::Complex(a), Value::Complex(b)) => {
            let (re, im) = (one_part(g, a.re, b.re)?, one_part(g, a.im, b.im)?);
            gradframe_ml_core::complex::Complex::new(g, re, im).map(Value::Complex)
        }
        (a, b) => {
            let (a, b) = (a.real("linspace", g)?, b.real("linspace", g)?);
            one_part(g, a, b).map(Value::Real)
        }
    }
}

/// The places of the elements of an array of this shape, row-major, i64.
pub fn places(g: &mut Graph, shape: &Shape) -> Result<NodeId> {
    let count = shape.elements().ok_or_else(|| Error::internal("array", format!("the number of elements of {shape}")))?;
    let line = g.iota(DType::I64, &Shape::new([count]), 0)?;
    g.reshape(line, shape)
}
