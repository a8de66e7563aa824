//! Views as index maps: where on a kernel's domain each index of a node's value comes from.

use std::ops::Range;

use gradframe_ml_core::graph::{Kind, Span};
use gradframe_ml_core::{Dim, Shape};

use crate::schedule::AxisMap;

/// For each axis of a node's value, its index as a function of the position on the domain.
pub type View = Vec<AxisMap>;

/// Why a value cannot be seen through a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opaque {
    /// Its index is no sum of positions: it has to be in memory.
    Mixed,
    /// It would be, if this axis of the domain were two, of which the second is so long.
    Joined { axis: usize, inner: usize },
}

/// Each axis of the value is the domain's axis of the same number.
pub fn identity(rank: usize) -> View {
    (0..rank).map(AxisMap::identity).collect()
}

/// The view of the operand of a view node, from the view of its value on a domain.
/// Errors: where the operand's indices are not sums of positions.
pub fn through(kind: &Kind, operand: &Shape, value: &Shape, view: &View, domain: &Shape) -> Result<View, Opaque> {
    let found = match kind {
        Kind::Permute(perm) => Some(permuted(perm, view)),
        Kind::Expand(_) => Some(expanded(operand, value, view)),
        Kind::Flip(axes) => flipped(axes, operand, view),
        Kind::Slice(spans) => spans.iter().zip(view).map(|(s, m)| sliced(s, m)).collect(),
        Kind::Reshape(_) => return reshaped(operand, value, view, domain),
        _ => None,
    };
    found.ok_or(Opaque::Mixed)
}

/// True of a reshape that joins or splits axes.
pub fn mixes_axes(operand: &Shape, value: &Shape) -> bool {
    !long(operand).map(|a| &operand.dims()[a]).eq(long(value).map(|a| &value.dims()[a]))
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
        let last = AxisMap { start: operand.dims()[axis].plus(-1), ..AxisMap::zero() };
        flipped[axis] = last.plus(&flipped[axis].times(-1)?)?;
    }
    Some(flipped)
}

fn sliced(span: &Span, map: &AxisMap) -> Option<AxisMap> {
    let map = map.times(span.step as i64)?;
    Some(AxisMap { start: map.start.plus(span.start as i64), ..map })
}

/// The axes that are not of size 1.
fn long(shape: &Shape) -> impl Iterator<Item = usize> {
    (0..shape.rank()).filter(|&axis| !shape.dims()[axis].is_one())
}

/// Group by group of axes with the same number of elements: those of the value joined to one index, that index split into those of
/// the operand.
fn reshaped(operand: &Shape, value: &Shape, view: &View, domain: &Shape) -> Result<View, Opaque> {
    let (from, to): (Vec<usize>, Vec<usize>) = (long(operand).collect(), long(value).collect());
    let mut maps = vec![AxisMap::zero(); operand.rank()];
    for (of_operand, of_value) in groups((operand, &from), (value, &to)).ok_or(Opaque::Mixed)? {
        let map = joined(value, &to[of_value], view).ok_or(Opaque::Mixed)?;
        split(operand, &from[of_operand], map, domain, &mut maps)?;
    }
    Ok(maps)
}

/// The smallest groups of neighbouring axes that have as many elements on both sides, the last ones first.
fn groups((operand, from): (&Shape, &[usize]), (value, to): (&Shape, &[usize])) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let (mut i, mut j) = (from.len(), to.len());
    let mut groups = Vec::new();
    while i > 0 && j > 0 {
        let (last_i, last_j) = (i, j);
        (i, j) = (i - 1, j - 1);
        let (mut left, mut right) = (operand.dims()[from[i]].clone(), value.dims()[to[j]].clone());
        while left != right {
            if is_shorter(&left, &right) {
                i = i.checked_sub(1)?;
                left = left.mul(&operand.dims()[from[i]])?;
            } else {
                j = j.checked_sub(1)?;
                right = right.mul(&value.dims()[to[j]])?;
            }
        }
        groups.push((i..last_i, j..last_j));
    }
    (i == 0 && j == 0).then_some(groups)
}

/// Whether the first needs another factor to equal the second.
fn is_shorter(left: &Dim, right: &Dim) -> bool {
    match (left.as_fixed(), right.as_fixed()) {
        (Some(left), Some(right)) => left < right,
        (left, right) if left.is_some() != right.is_some() => left.is_some(),
        _ => (left.symbols().len(), left.coefficient()) < (right.symbols().len(), right.coefficient()),
    }
}

/// The index along these axes as if they were one.
fn joined(value: &Shape, axes: &[usize], view: &View) -> Option<AxisMap> {
    let (&first, rest) = axes.split_first()?;
    rest.iter().try_fold(view[first].clone(), |all, &axis| all.times(value.dims()[axis].as_fixed()? as i64)?.plus(&view[axis]))
}

/// The indices along these axes from that of all of them as one.
fn split(operand: &Shape, axes: &[usize], mut map: AxisMap, domain: &Shape, maps: &mut View) -> Result<(), Opaque> {
    let Some((&first, rest)) = axes.split_first() else { return Ok(()) };
    for &axis in rest.iter().rev() {
        let size = operand.dims()[axis].as_fixed().ok_or(Opaque::Mixed)?;
        (map, maps[axis]) = divided(&map, size, domain)?;
    }
    maps[first] = map;
    Ok(())
}

/// Quotient and remainder of an index, if both are sums of positions.
fn divided(map: &AxisMap, by: usize, domain: &Shape) -> Result<(AxisMap, AxisMap), Opaque> {
    let start = map.start.as_fixed().filter(|&start| isize::try_from(start).is_ok()).ok_or(Opaque::Mixed)?;
    let (mut quotient, mut rest) = (AxisMap::zero(), AxisMap::zero());
    (quotient.start, rest.start) = (Dim::fixed(start / by), Dim::fixed(start % by));
    let mut most = start % by;
    for &(axis, step) in &map.terms {
        let Ok(step) = usize::try_from(step) else { return Err(Opaque::Mixed) };
        if step.is_multiple_of(by) {
            quotient.terms.push((axis, (step / by) as i64));
            continue;
        }
        let size = domain.dims()[axis].as_fixed().unwrap_or(usize::MAX);
        most = size.saturating_sub(1).saturating_mul(step).saturating_add(most);
        rest.terms.push((axis, step as i64));
        if most >= by {
            let inner = by / step.max(1);
            let outer = domain.dims()[axis].divided(inner);
            let fits = by.is_multiple_of(step) && inner > 1 && outer.is_some_and(|outer| !outer.is_one());
            return Err(if fits { Opaque::Joined { axis, inner } } else { Opaque::Mixed });
        }
    }
    Ok((quotient, rest))
}

/// The shape and the maps under which a buffer is read, with an axis in place of each that runs over several of the domain from end
/// to end: so that who reads all of it in order is seen to do so.
pub fn spread(shape: Shape, view: &View, domain: &Shape) -> (Shape, View) {
    if view.iter().all(|map| map.terms.len() < 2) {
        return (shape, view.clone());
    }
    let (mut dims, mut maps) = (Vec::new(), Vec::new());
    for (dim, map) in shape.dims().iter().zip(view) {
        let sizes = map.terms.iter().map(|term| domain.dims()[term.0].clone());
        let mut all = Some(Dim::fixed(1));
        let in_order = map.terms.iter().rev().all(|&(axis, step)| {
            let fits = all.as_ref().and_then(Dim::as_fixed) == usize::try_from(step).ok();
            all = all.as_ref().and_then(|all| all.mul(&domain.dims()[axis]));
            fits
        });
        if map.terms.len() > 1 && map.start.as_fixed() == Some(0) && in_order && all.as_ref() == Some(dim) {
            dims.extend(sizes);
            maps.extend(map.terms.iter().map(|term| AxisMap::identity(term.0)));
        } else {
            dims.push(dim.clone());
            maps.push(map.clone());
        }
    }
    (Shape::new(dims), maps)
}

/// The same view on a domain of which an axis has become two, the second of them `inner` long.
pub fn on_split_axis(view: &View, split: usize, inner: usize) -> View {
    let term = |&(axis, step): &(usize, i64)| match axis {
        axis if axis < split => vec![(axis, step)],
        axis if axis > split => vec![(axis + 1, step)],
        _ => vec![(axis, step * inner as i64), (axis + 1, step)],
    };
    view.iter().map(|map| AxisMap { terms: map.terms.iter().flat_map(term).collect(), ..map.clone() }).collect()
}

/// The view of the operand of a pad: indices may fall outside.
pub fn padded(low: &[usize], view: &View) -> View {
    low.iter().zip(view).map(|(&low, map)| AxisMap { start: map.start.plus(-(low as i64)), ..map.clone() }).collect()
}
