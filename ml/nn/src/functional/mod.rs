//! Functions of networks, without parameters of their own. Names and meanings are those of `gf.nn.functional`.

mod activations;
mod attention;
mod losses;
mod norms;
mod pools;
mod windows;

use gradframe_ml_array::{Arg, Array, Operand};
use gradframe_ml_core::{Error, Result};
use smallvec::SmallVec;

pub use self::activations::*;
pub(crate) use self::attention::attention_weights;
pub use self::attention::{Masks, scaled_dot_product_attention};
pub use self::losses::*;
pub use self::norms::*;
pub use self::pools::*;
pub use self::windows::*;
use crate::random::next_key;

/// The results of an operation by name.
pub(crate) fn call(name: &str, x: &[&Array], args: impl IntoIterator<Item = Arg>) -> Result<SmallVec<[Array; 1]>> {
    let operands: SmallVec<[Operand; 4]> = x.iter().map(|&array| Operand::from(array)).collect();
    Array::call(name, &operands, args.into_iter().collect())
}

/// The one result of an operation by name.
pub(crate) fn one(name: &str, x: &[&Array], args: impl IntoIterator<Item = Arg>) -> Result<Array> {
    call(name, x, args)?.into_iter().next().ok_or_else(|| Error::internal(name, "it has no result"))
}

/// A number that is part of an operation.
pub(crate) fn float(number: f64) -> Arg {
    Arg::Float(number.to_bits())
}

/// Whole numbers that are part of an operation.
pub(crate) fn ints(numbers: impl IntoIterator<Item = usize>) -> Arg {
    Arg::Ints(numbers.into_iter().map(|number| number as i64).collect())
}

/// `a` where the condition is true, else `b`; a number takes the type of the array beside it.
pub(crate) fn select(condition: &Array, a: impl Into<Operand>, b: impl Into<Operand>) -> Result<Array> {
    let (a, b) = (a.into(), b.into());
    let element = [&a, &b].into_iter().find_map(|operand| match operand {
        Operand::Array(array) => Some(array.element()),
        Operand::Number(_) => None,
    });
    let typed = |operand: Operand| match (operand, element) {
        (Operand::Number(number), Some(element)) => Array::number("where", number, element).map(Operand::Array),
        (operand, _) => Ok(operand),
    };
    Array::call_one("where", &[condition.into(), typed(a)?, typed(b)?], SmallVec::new())
}

/// Which elements a condition of two operands is true for, or another operation of both.
pub(crate) fn pair(name: &str, a: impl Into<Operand>, b: impl Into<Operand>) -> Result<Array> {
    Array::call_one(name, &[a.into(), b.into()], SmallVec::new())
}

/// Errors: `Shape` for a weight or a bias of another shape.
pub(crate) fn check_shape(op: &str, name: &str, array: &Array, shape: &[usize]) -> Result<()> {
    if array.shape() == shape {
        return Ok(());
    }
    Err(Error::shape(op, format!("expected a `{name}` of shape {shape:?}, got {:?}", array.shape())))
}

/// `x @ weight^T + bias`: x [.., inputs], weight [outputs, inputs], bias [outputs] -> [.., outputs].
/// Errors: `Shape` naming both shapes if they do not fit.
pub fn linear(x: &Array, weight: &Array, bias: Option<&Array>) -> Result<Array> {
    let fits = weight.shape().len() == 2 && x.shape().last() == weight.shape().last();
    if !fits {
        let what =
            format!("an input of shape {:?} does not fit a weight [outputs, inputs] of shape {:?}", x.shape(), weight.shape());
        return Err(Error::shape("linear", what));
    }
    let y = x.matmul(&one("matrix_transpose", &[weight], [])?)?;
    let Some(bias) = bias else { return Ok(y) };
    check_shape("linear", "bias", bias, &weight.shape()[..1])?;
    y.add(bias)
}

/// Rows of a table by index: indices [..] of integers, weight [rows, size] -> [.., size]. No gradient comes to the row of `padding_idx`.
/// Errors: `OutOfBounds` for an index outside of the table, where it is known, and for such a `padding_idx`; `DType`.
pub fn embedding(indices: &Array, weight: &Array, padding_idx: Option<usize>) -> Result<Array> {
    let rows = one("embedding", &[weight, indices], [])?;
    let Some(padding) = padding_idx else { return Ok(rows) };
    check_row("embedding", padding, weight.shape()[0])?;
    let shape: Vec<i64> = indices.shape().iter().map(|&size| size as i64).chain([1]).collect();
    let is_padding = pair("equal", indices, padding as i64)?.reshape(&shape)?;
    select(&is_padding, &one("stop_gradient", &[&rows], [])?, &rows)
}

/// Errors: `OutOfBounds` if a table has no such row.
pub(crate) fn check_row(op: &str, row: usize, rows: usize) -> Result<()> {
    if row < rows {
        return Ok(());
    }
    Err(Error::out_of_bounds(op, format!("`padding_idx` is {row}, the table has {rows} rows")))
}

/// Elements set to zero with probability p, the others divided by 1 - p, from the global stream ([`crate::random`]); x itself unless in
/// `training`. Errors: `Plan` if p is no probability; `DType` for what are no floats.
pub fn dropout(x: &Array, p: f64, training: bool) -> Result<Array> {
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::plan("dropout", format!("`p` is {p}, expected a probability from 0 to 1")));
    }
    match p {
        _ if !training || p == 0.0 => Ok(x.clone()),
        1.0 => x.multiply(0.0),
        _ => one("dropout", &[x, &next_key()?], [float(p)]),
    }
}

/// 1 at each index along a new last axis, else 0: [..] of integers -> float32 [.., classes].
/// Errors: `OutOfBounds` for an index outside of the classes, where it is known; `DType`.
pub fn one_hot(indices: &Array, num_classes: usize) -> Result<Array> {
    one("one_hot", &[indices], [Arg::Int(num_classes as i64)])
}

/// Axes from `start_dim` to `end_dim` made one; both count from either end. Errors: `OutOfBounds` if there is no such axis, or the last
/// comes before the first.
pub fn flatten(x: &Array, start_dim: i64, end_dim: i64) -> Result<Array> {
    let (shape, rank) = (x.shape(), x.shape().len().max(1) as i64);
    let place = |name: &str, axis: i64| {
        let from_start = if axis < 0 { axis + rank } else { axis };
        let found = usize::try_from(from_start).ok().filter(|_| from_start < rank);
        found.ok_or_else(|| {
            Error::out_of_bounds("flatten", format!("`{name}` is {axis}, the input of shape {shape:?} has {} axes", shape.len()))
        })
    };
    let (first, last) = (place("start_dim", start_dim)?, place("end_dim", end_dim)?);
    if first > last {
        let what = format!("`start_dim` {start_dim} comes after `end_dim` {end_dim} in shape {shape:?}");
        return Err(Error::out_of_bounds("flatten", what));
    }
    if shape.is_empty() {
        return x.reshape(&[1]);
    }
    let sizes = |axes: &[usize]| axes.iter().map(|&size| size as i64).collect::<Vec<_>>();
    // The last of them may be what remains, so that a function that is traced serves every number of rows.
    let middle = if last + 1 == shape.len() && first > 0 { -1 } else { shape[first..=last].iter().product::<usize>() as i64 };
    x.reshape(&[sizes(&shape[..first]), vec![middle], sizes(&shape[last + 1..])].concat())
}
