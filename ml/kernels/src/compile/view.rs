//! Views as index maps: where on a kernel's domain each index of a node's value comes from.

use gradframe_ml_core::graph::{Kind, Span};
use gradframe_ml_core::{Dim, Shape};

use crate::schedule::AxisMap;

/// For each axis of a node's value, its index as a function of the position on the domain.
pub type View = Vec<AxisMap>;

/// Each axis of the value is the domain's axis of the same number.
pub fn identity(rank: usize) -> View {
    (0..rank).map(AxisMap::identity).collect()
}

/// The view of the operand of a view node, from the view of its value. None where it is not a map of each axis by
/// itself, so that the operand has to be in memory.
pub fn through(kind: &Kind, operand: &Shape, value: &Shape, view: &View) -> Option<View> {
    match kind {
        Kind::Permute(perm) => Some(permuted(perm, view)),
        Kind::Expand(_) => Some(expanded(operand, value, view)),
        Kind::Flip(axes) => flipped(axes, operand, view),
        Kind::Slice(spans) => spans.iter().zip(view).map(|(s, m)| sliced(s, m)).collect(),
        Kind::Reshape(_) => reshaped(operand, value, view),
        _ => None,
    }
}

fn permuted(perm: &[usize], view: &View) -> View {
    let mut operand = view.clone();
    for (i, &p) in perm.iter().enumerate() {
        operand[p] = view[i].clone();
    }
    operand
}

fn expanded(operand: &Shape, value: &Shape, view: &View) -> View {
    let repeated = |(o, v): (&Dim, &Dim)| o.is_one() && !v.is_one();
    let pairs = operand.dims().iter().zip(value.dims());
    pairs.zip(view).map(|(dims, map)| if repeated(dims) { AxisMap::zero() } else { map.clone() }).collect()
}

fn flipped(axes: &[usize], operand: &Shape, view: &View) -> Option<View> {
    let mut flipped = view.clone();
    for &axis in axes {
        let map = &mut flipped[axis];
        map.start = operand.dims()[axis].plus(-1).minus(&map.start)?;
        map.step = -map.step;
    }
    Some(flipped)
}

fn sliced(span: &Span, map: &AxisMap) -> Option<AxisMap> {
    let start = map.start.mul(&Dim::fixed(span.step))?.plus(span.start as i64);
    Some(AxisMap { axis: map.axis, start, step: map.step * span.step as i64 })
}

/// Only where axes of size 1 come or go; any other reshape mixes indices.
fn reshaped(operand: &Shape, value: &Shape, view: &View) -> Option<View> {
    let long = |shape: &Shape| (0..shape.rank()).filter(|&i| !shape.dims()[i].is_one()).collect::<Vec<usize>>();
    let (from, to) = (long(operand), long(value));
    let fits = from.len() == to.len() && from.iter().zip(&to).all(|(&f, &t)| operand.dims()[f] == value.dims()[t]);
    fits.then(|| {
        let mut maps = vec![AxisMap::zero(); operand.rank()];
        from.iter().zip(&to).for_each(|(&f, &t)| maps[f] = view[t].clone());
        maps
    })
}

/// The view of the operand of a pad: indices may fall outside.
pub fn padded(low: &[usize], view: &View) -> View {
    low.iter().zip(view).map(|(&low, map)| AxisMap { start: map.start.plus(-(low as i64)), ..map.clone() }).collect()
}
