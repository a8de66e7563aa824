//! Parts of arrays.
//!
//! Where a part begins is an operand where it can be: a loop over rows is one program.

use gradframe_ml_core::graph::{Picking, PlaceRange};
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape, Tensor};
use smallvec::SmallVec;

use super::arguments::{axis, axis_of, flag, integers};
use super::value::{Value, operands};
use super::views::span;
use super::{Row, Values, one, picking, row};
use crate::element::Element;
use crate::node::{Arg, Args};
use crate::places::{of_embedding, of_gather, of_take, of_take_along_axis};

/// What the `index` operation does with an axis; coded as integers, it is part of the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// A new axis of size 1.
    New,
    /// All of it.
    Whole,
    /// `count` elements from `start` on; backwards if the step is negative.
    Known { start: usize, count: usize, step: i64 },
    /// The same from a start that is the next operand, i64 [].
    Given { count: usize, step: i64 },
    /// One element, whose place is the next operand; the axis goes away.
    One,
    /// One element, whose place is known.
    OneKnown(usize),
}

impl Pick {
    /// Appends its code.
    pub fn encode(self, code: &mut SmallVec<[i64; 6]>) {
        match self {
            Pick::New => code.push(0),
            Pick::Whole => code.push(1),
            Pick::Known { start, count, step } => code.extend([2, start as i64, count as i64, step]),
            Pick::Given { count, step } => code.extend([3, count as i64, step]),
            Pick::One => code.push(4),
            Pick::OneKnown(place) => code.extend([5, place as i64]),
        }
    }

    fn decode(code: &[i64]) -> Option<(Self, &[i64])> {
        match *code {
            [0, ref rest @ ..] => Some((Pick::New, rest)),
            [1, ref rest @ ..] => Some((Pick::Whole, rest)),
            [2, start, count, step, ref rest @ ..] => {
                Some((Pick::Known { start: start as usize, count: count as usize, step }, rest))
            }
            [3, count, step, ref rest @ ..] => Some((Pick::Given { count: count as usize, step }, rest)),
            [4, ref rest @ ..] => Some((Pick::One, rest)),
            [5, place, ref rest @ ..] => Some((Pick::OneKnown(place as usize), rest)),
            _ => None,
        }
    }
}

/// Picking.
pub const ROWS: &[Row] = &[
    row("index", |g, x, args| {
        let code = integers("index", args, 0)?.unwrap_or_default();
        let (first, starts) = x.split_first().ok_or_else(|| Error::plan("index", "expected an array"))?;
        picked(g, *first, starts, &code)
    }),
    picking("take", of_take, |g, x, args| {
        let [x, places] = operands("take", x)?;
        let axis = axis("take", g, x, args, 0, if x.rank(g) == 1 { 0 } else { i64::MAX })?;
        let size = x.sizes(g)?[axis];
        let picking = (!flag("take", args, 1)?).then_some(Picking::Take); // None: they are known to be inside
        let places = from_start(g, "take", picking, places, size)?;
        one(x.each(g, |g, x| g.gather(x, places, axis))?)
    }),
    picking("take_along_axis", of_take_along_axis, |g, x, args| {
        let [x, places] = operands("take_along_axis", x)?;
        let axis = axis("take_along_axis", g, x, args, 0, -1)?;
        let size = x.sizes(g)?[axis];
        let places = from_start(g, "take_along_axis", Some(Picking::TakeAlongAxis), places, size)?;
        let (own, wanted) = (x.dims(g), g.ty(places).shape.clone());
        if own.rank() != wanted.rank() {
            return Err(Error::shape("take_along_axis", format!("{own} and {wanted} have not as many axes")));
        }
        let (x, places) = along(g, x, places, axis)?;
        one(x.each(g, |g, x| g.take_along(x, places, axis))?)
    }),
    picking("embedding", of_embedding, |g, x, _| {
        let [table, indices] = operands("embedding", x)?;
        if table.rank(g) == 0 {
            return Err(Error::shape("embedding", "expected a table (rows, ..), got shape []"));
        }
        let indices = whole(g, "embedding", "indices", indices)?;
        let rows = table.sizes(g)?[0];
        let indices = g.places(Picking::Embedding, indices, PlaceRange { low: 0, size: rows, none: None })?;
        one(table.each(g, |g, x| g.gather(x, indices, 0))?)
    }),
    picking("gather", of_gather, |g, x, args| {
        let (x, places) = x.split_first().ok_or_else(|| Error::plan("index", "expected an array"))?;
        gathered(g, *x, places, args)
    }),
];

/// The argument of `index` for these picks.
pub fn index_args(picks: &[Pick]) -> Args {
    let mut code = SmallVec::new();
    picks.iter().for_each(|pick| pick.encode(&mut code));
    SmallVec::from_iter([Arg::Ints(code)])
}

fn picked(g: &mut Graph, x: Value, mut starts: &[Value], mut code: &[i64]) -> Result<Values> {
    let (mut value, mut axis) = (x, 0);
    let mut shape: SmallVec<[Dim; 4]> = SmallVec::new();
    let mut next_start = |g: &Graph| {
        let (first, rest) = starts.split_first().ok_or_else(|| Error::internal("index", "a start is missing"))?;
        starts = rest;
        first.real("index", g)
    };
    while let Some((pick, rest)) = Pick::decode(code) {
        code = rest;
        match pick {
            Pick::New => shape.push(Dim::fixed(1)),
            Pick::Whole => {
                shape.push(value.dims(g).dims()[axis].clone());
                axis += 1;
            }
            Pick::Known { start, count, step } => {
                value = value.each(g, |g, x| known_part(g, x, axis, start, count, step))?;
                shape.push(Dim::fixed(count));
                axis += 1;
            }
            Pick::Given { count, step } => {
                let start = next_start(g)?;
                value = value.each(g, |g, x| given_part(g, x, axis, start, count, step))?;
                shape.push(Dim::fixed(count));
                axis += 1;
            }
            Pick::One => {
                let start = next_start(g)?;
                value = value.each(g, |g, x| given_part(g, x, axis, start, 1, 1))?;
                axis += 1;
            }
            Pick::OneKnown(place) => {
                value = value.each(g, |g, x| known_part(g, x, axis, place, 1, 1))?;
                axis += 1;
            }
        }
    }
    let rest = value.dims(g);
    shape.extend(rest.dims()[axis..].iter().cloned());
    one(value.each(g, |g, x| g.reshape(x, &Shape(shape.clone())))?)
}

fn known_part(g: &mut Graph, x: NodeId, axis: usize, start: usize, count: usize, step: i64) -> Result<NodeId> {
    let own = g.ty(x).shape.clone();
    let forward = step.unsigned_abs() as usize;
    let first = if step < 0 && count > 0 { start - (count - 1) * forward } else { start };
    let mut spans: Vec<_> = own.dims().iter().map(gradframe_ml_core::graph::Span::all).collect();
    spans[axis] = span(first, count, forward);
    let part = g.slice(x, &spans)?;
    if step < 0 { g.flip(part, &[axis]) } else { Ok(part) }
}

fn given_part(g: &mut Graph, x: NodeId, axis: usize, start: NodeId, count: usize, step: i64) -> Result<NodeId> {
    let known = g.as_number(start);
    if let Some(start) = known {
        return known_part(g, x, axis, start as usize, count, step);
    }
    if step == 1 {
        return g.dyn_slice(x, start, axis, &Dim::fixed(count));
    }
    let numbers = g.iota(DType::I64, &Shape::fixed(&[count]), 0)?;
    let scaled = g.scaled_by(numbers, step as f64)?;
    let places = g.add(scaled, start)?;
    g.gather(x, places, axis)
}

/// Places, or what they are called, as i64.
fn whole(g: &mut Graph, op: &str, called: &str, places: Value) -> Result<NodeId> {
    let element = places.element(g);
    if !element.is_integer() {
        return Err(Error::dtype(op, format!("expected {called} of an integer type, got {element}")));
    }
    let places = places.real(op, g)?;
    as_places(g, places)
}

/// Integers as i64 places. Those of uint64 that i64 does not have become its largest: no axis is as long, and -1 would be its last place.
pub(super) fn as_places(g: &mut Graph, integers: NodeId) -> Result<NodeId> {
    if g.ty(integers).dtype != DType::U64 {
        return g.cast(integers, DType::I64);
    }
    let most = g.constant(Tensor::scalar(i64::MAX as u64));
    let near = g.min(integers, most)?;
    g.cast(near, DType::I64)
}

/// Places as i64, those that count from the end counted from the start; with a mark for who is to look at them.
fn from_start(g: &mut Graph, op: &str, picking: Option<Picking>, places: Value, size: usize) -> Result<NodeId> {
    let is_signed = matches!(places.element(g), Element::Real(dtype) if dtype.is_signed());
    let mut places = whole(g, op, "places", places)?;
    if let Some(picking) = picking {
        let low = if is_signed { -(size as i64) } else { 0 };
        places = g.places(picking, places, PlaceRange { low, size, none: None })?;
    }
    if !is_signed {
        return Ok(places);
    }
    let (zero, size) = (g.scalar(DType::I64, 0.0)?, g.scalar(DType::I64, size as f64)?);
    let (negative, moved) = (g.lt(places, zero)?, g.add(places, size)?);
    g.select(negative, moved, places)
}

/// Both stretched along the other axes where one has size 1.
fn along(g: &mut Graph, x: Value, places: NodeId, axis: usize) -> Result<(Value, NodeId)> {
    let (own, wanted) = (x.dims(g), g.ty(places).shape.clone());
    let mut common = own.clone();
    for (i, (a, b)) in own.dims().iter().zip(wanted.dims()).enumerate().filter(|(i, _)| *i != axis) {
        match (a.is_one(), a == b || b.is_one()) {
            (_, true) => {}
            (true, false) => common = common.with(i, b.clone()),
            _ => return Err(Error::shape("take_along_axis", format!("{own} and {wanted} differ in axis {i}"))),
        }
    }
    let places_shape = common.with(axis, wanted.dims()[axis].clone());
    Ok((x.broadcast(g, &common)?, g.broadcast_to(places, &places_shape)?))
}

/// Picks by several arrays of places at once, which broadcast: the axes of the first argument give way to theirs, in place if
/// the second says so, else in front.
fn gathered(g: &mut Graph, x: Value, places: &[Value], args: &Args) -> Result<Values> {
    let (axes, rank) = (integers("index", args, 0)?.unwrap_or_default(), x.rank(g));
    let axes: SmallVec<[usize; 4]> = axes.iter().map(|&a| axis_of("index", a, rank)).collect::<Result<_>>()?;
    let in_place = flag("index", args, 1)?;
    let own = x.sizes(g)?;
    let (flat, count) = flat_places(g, &own, &axes, places)?;
    let others: Vec<usize> = (0..rank).filter(|i| !axes.contains(i)).collect();
    let perm: Vec<usize> = axes.iter().copied().chain(others.iter().copied()).collect();
    let merged: Vec<usize> = std::iter::once(count).chain(others.iter().map(|&i| own[i])).collect();
    let drawn = g.ty(flat).shape.rank();
    let before = others.iter().filter(|&&i| i < axes[0]).count();
    let back: Vec<usize> = match in_place {
        true => (drawn..drawn + before).chain(0..drawn).chain(drawn + before..drawn + others.len()).collect(),
        false => (0..drawn + others.len()).collect(),
    };
    one(x.each(g, |g, x| {
        let turned = g.permute(x, &perm)?;
        let merged = g.reshape(turned, &Shape::fixed(&merged))?;
        let drawn = g.gather(merged, flat, 0)?;
        g.permute(drawn, &back)
    })?)
}

/// The places in the axes taken together, row-major, and how many there are. A place outside of its axis becomes -1.
fn flat_places(g: &mut Graph, own: &[usize], axes: &[usize], places: &[Value]) -> Result<(NodeId, usize)> {
    let mut nodes: SmallVec<[NodeId; 3]> = SmallVec::new();
    for (value, &axis) in places.iter().zip(axes) {
        nodes.push(from_start(g, "index", Some(Picking::Index), *value, own[axis])?);
    }
    let shape = g.broadcast_shape("index", &nodes)?;
    let mut flat = g.scalar(DType::I64, 0.0)?;
    let mut outside = g.scalar(DType::Bool, 0.0)?;
    let mut count = 1usize;
    for (&node, &axis) in nodes.iter().zip(axes) {
        let size = g.scalar(DType::I64, own[axis] as f64)?;
        let zero = g.scalar(DType::I64, 0.0)?;
        let (low, high) = (g.lt(node, zero)?, g.ge(node, size)?);
        let wrong = g.or(low, high)?;
        outside = g.or(outside, wrong)?;
        let scaled = g.mul(flat, size)?;
        flat = g.add(scaled, node)?;
        count *= own[axis];
    }
    let nowhere = g.scalar(DType::I64, -1.0)?;
    let flat = g.select(outside, nowhere, flat)?;
    Ok((g.broadcast_to(flat, &shape)?, count))
}
