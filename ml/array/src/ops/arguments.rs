//! Arguments of operations by position, and axes that count from either end.

use gradframe_ml_core::{Error, Graph, Result};
use smallvec::SmallVec;

use super::value::Value;
use crate::element::Element;
use crate::node::{Arg, Args, misused};

/// Axes, in the order given.
pub type Axes = SmallVec<[usize; 4]>;

/// The n-th argument as a choice; false if it is left out.
pub fn flag(op: &str, args: &Args, n: usize) -> Result<bool> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(false),
        Some(Arg::Bool(b)) => Ok(*b),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as an integer, if it is given.
pub fn integer(op: &str, args: &Args, n: usize) -> Result<Option<i64>> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(None),
        Some(Arg::Int(i)) => Ok(Some(*i)),
        Some(Arg::Bool(b)) => Ok(Some(i64::from(*b))),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as a number, if it is given.
pub fn float(op: &str, args: &Args, n: usize) -> Result<Option<f64>> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(None),
        Some(Arg::Float(bits)) => Ok(Some(f64::from_bits(*bits))),
        Some(Arg::Int(i)) => Ok(Some(*i as f64)),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as an element type, if it is given.
pub fn element(op: &str, args: &Args, n: usize) -> Result<Option<Element>> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(None),
        Some(Arg::Element(element)) => Ok(Some(*element)),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as a word, if it is given.
pub fn text<'a>(op: &str, args: &'a Args, n: usize) -> Result<Option<&'a str>> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(None),
        Some(Arg::Text(text)) => Ok(Some(text)),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as integers, if it is given; a single one is a list of one.
pub fn integers(op: &str, args: &Args, n: usize) -> Result<Option<SmallVec<[i64; 6]>>> {
    match args.get(n) {
        None | Some(Arg::None) => Ok(None),
        Some(Arg::Int(i)) => Ok(Some(SmallVec::from_iter([*i]))),
        Some(Arg::Ints(ints)) => Ok(Some(ints.clone())),
        other => Err(misused(op, n, other)),
    }
}

/// The n-th argument as sizes. Errors: `Shape` if one is negative, or an array of these sizes has more elements than can be counted.
pub fn sizes(op: &str, args: &Args, n: usize) -> Result<SmallVec<[usize; 4]>> {
    let given = integers(op, args, n)?.unwrap_or_default();
    if given.iter().any(|&size| size < 0) {
        return Err(Error::shape(op, format!("{given:?} has a negative size")));
    }
    let count = given.iter().filter(|&&size| size > 0).try_fold(1i64, |all, &size| all.checked_mul(size));
    match count {
        None => Err(Error::shape(op, format!("the shape {given:?} has more elements than memory has addresses"))),
        Some(_) => Ok(given.iter().map(|&size| size as usize).collect()),
    }
}

/// `count` times a size. Errors: `Shape` if that is more than can be counted.
pub fn times(op: &str, size: usize, count: usize) -> Result<usize> {
    let all = size.checked_mul(count).filter(|&all| i64::try_from(all).is_ok());
    all.ok_or_else(|| {
        Error::shape(op, format!("{count} times an axis of size {size} has more elements than memory has addresses"))
    })
}

/// An axis of an array of `rank` axes, counted from the end if it is negative. Errors: `Shape` if there is none.
pub fn axis_of(op: &str, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(from_start).ok().filter(|&a| a < rank);
    found.ok_or_else(|| Error::shape(op, format!("axis {axis} of an array of {rank} axes")))
}

/// Axes of an array of `rank` axes. Errors: `Shape` if there is none, or one is named twice.
pub fn axes_of(op: &str, axes: &[i64], rank: usize) -> Result<Axes> {
    let found: Axes = axes.iter().map(|&axis| axis_of(op, axis, rank)).collect::<Result<_>>()?;
    match (0..found.len()).find(|&i| found[..i].contains(&found[i])) {
        Some(twice) => Err(Error::shape(op, format!("axis {} is named twice", found[twice]))),
        None => Ok(found),
    }
}

/// The n-th argument as axes of `x`; all of them if it is left out.
pub fn axes(op: &str, g: &Graph, x: Value, args: &Args, n: usize) -> Result<Axes> {
    let rank = x.rank(g);
    match integers(op, args, n)? {
        Some(given) => axes_of(op, &given, rank),
        None => Ok((0..rank).collect()),
    }
}

/// The n-th argument as an axis of `x`; `otherwise` if it is left out.
pub fn axis(op: &str, g: &Graph, x: Value, args: &Args, n: usize, otherwise: i64) -> Result<usize> {
    axis_of(op, integer(op, args, n)?.unwrap_or(otherwise), x.rank(g))
}
