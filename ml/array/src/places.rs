//! Places and classes whose values are known: one that there is not is an error, not a zero later. It takes a look at each, and
//! computes those that are recorded, nothing else. Of stand-ins of a traced function nothing is known: what a place outside means
//! there is said in [`crate::ops`].

use gradframe_ml_core::{DType, Error, Result, Tensor};

use crate::array::Array;
use crate::node::Args;
use crate::ops::arguments::{axis_of, flag, integer, integers};

/// Which places there are.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// The first: 0, or where they may count from the end, that of the first element.
    first: i64,
    /// The number of places from 0 on.
    size: usize,
    /// What stands for no place.
    none: Option<i64>,
}

impl Range {
    fn from_start(size: usize) -> Self {
        Range { first: 0, size, none: None }
    }

    fn from_either_end(size: usize) -> Self {
        Range { first: -(size as i64), size, none: None }
    }

    fn has(&self, place: i64) -> bool {
        self.first <= place && place < self.size as i64 || self.none == Some(place)
    }
}

/// Places of `take` along an axis, unless its second argument says that they are inside.
pub(crate) fn of_take(operands: &[Array], args: &Args) -> Result<()> {
    match operands {
        [x, places] if !flag("take", args, 1)? => along(x, places, integer("take", args, 0)?.unwrap_or(0), "take"),
        _ => Ok(()),
    }
}

/// Places of `take_along_axis`.
pub(crate) fn of_take_along_axis(operands: &[Array], args: &Args) -> Result<()> {
    let op = "take_along_axis";
    match operands {
        [x, places] => along(x, places, integer(op, args, 0)?.unwrap_or(-1), op),
        _ => Ok(()),
    }
}

fn along(x: &Array, places: &Array, axis: i64, op: &str) -> Result<()> {
    let axis = axis_of(op, axis, x.shape().len())?;
    let size = x.shape()[axis];
    look(places, Range::from_either_end(size), |place| {
        Error::out_of_bounds(op, format!("{place} of `indices` is outside of axis {axis} of size {size}"))
    })
}

/// Places of a part between brackets, an array for each axis that the first argument names.
pub(crate) fn of_gather(operands: &[Array], args: &Args) -> Result<()> {
    let Some((x, places)) = operands.split_first() else { return Ok(()) };
    let axes = integers("index", args, 0)?.unwrap_or_default();
    for (places, axis) in places.iter().zip(axes) {
        let axis = axis_of("index", axis, x.shape().len())?;
        let size = x.shape()[axis];
        look(places, Range::from_either_end(size), |place| outside_of_axis(place, size, axis))?;
    }
    Ok(())
}

/// A place that an axis of the array does not have.
pub(crate) fn outside_of_axis(place: impl std::fmt::Display, size: usize, axis: usize) -> Error {
    Error::out_of_bounds("index", format!("{place} is outside of axis {axis} of size {size}"))
}

/// Rows of a table: the weight, then the indices.
pub(crate) fn of_embedding(operands: &[Array], _: &Args) -> Result<()> {
    let [table, indices] = operands else { return Ok(()) };
    let rows = table.shape().first().copied().unwrap_or(0);
    look(indices, Range::from_start(rows), |index| {
        Error::out_of_bounds("embedding", format!("{index} of `indices` is outside of the {rows} rows of the table{}", to(rows)))
    })
}

/// Classes of a loss: scores [.., classes], then labels; the first argument is a label that stands for none.
pub(crate) fn of_cross_entropy(operands: &[Array], args: &Args) -> Result<()> {
    labels("cross_entropy", operands, args)
}

/// As [`of_cross_entropy`].
pub(crate) fn of_nll_loss(operands: &[Array], args: &Args) -> Result<()> {
    labels("nll_loss", operands, args)
}

fn labels(op: &str, operands: &[Array], args: &Args) -> Result<()> {
    let [scores, labels] = operands else { return Ok(()) };
    let classes = scores.shape().last().copied().unwrap_or(0);
    let none = integer(op, args, 0)?;
    look(labels, Range { none, ..Range::from_start(classes) }, |label| {
        let what = format!("{label} of `target` is outside of the {classes} classes{}", to(classes));
        Error::out_of_bounds(op, what).hint("ignore_index leaves rows of one label out")
    })
}

/// Indices of `one_hot`, whose first argument is the number of classes.
pub(crate) fn of_one_hot(operands: &[Array], args: &Args) -> Result<()> {
    let [indices] = operands else { return Ok(()) };
    let classes = usize::try_from(integer("one_hot", args, 0)?.unwrap_or(0)).unwrap_or(0);
    look(indices, Range::from_start(classes), |index| {
        Error::out_of_bounds("one_hot", format!("{index} of `indices` is outside of the {classes} classes{}", to(classes)))
    })
}

/// The range in words, if there is one.
fn to(size: usize) -> String {
    size.checked_sub(1).map_or_else(String::new, |last| format!(", 0 to {last}"))
}

/// Looks at places that are known. Errors: what `wrong` says of the first that there is not; those of computing them.
fn look(places: &Array, range: Range, wrong: impl Fn(&dyn std::fmt::Display) -> Error) -> Result<()> {
    if places.is_traced() || places.ty().is_empty() || !places.element().is_integer() {
        return Ok(()); // nobody knows them; the operation itself says what is wrong
    }
    let value = places.tensor()?;
    if value.dtype() == DType::U64 {
        let far = value.values::<u64>()?.iter().find(|&&p| i64::try_from(p).map_or(true, |p| !range.has(p)));
        return far.map_or(Ok(()), |place| Err(wrong(place)));
    }
    first_that(&value, |p| !range.has(p))?.map_or(Ok(()), |place| Err(wrong(&place)))
}

/// The first of integers, of any type but uint64, that is so.
fn first_that(value: &Tensor, is_so: impl Fn(i64) -> bool) -> Result<Option<i64>> {
    macro_rules! first {
        ($ty:ty) => {
            value.values::<$ty>()?.iter().map(|&p| i64::from(p)).find(|&p| is_so(p))
        };
    }
    Ok(match value.dtype() {
        DType::I8 => first!(i8),
        DType::I16 => first!(i16),
        DType::I32 => first!(i32),
        DType::I64 => first!(i64),
        DType::U8 => first!(u8),
        DType::U16 => first!(u16),
        DType::U32 => first!(u32),
        other => return Err(Error::internal("index", format!("places of type {other}"))),
    })
}

impl Array {
    /// Whether some element is this number, of integers that are known; false of other types and, as nobody knows, of stand-ins.
    /// Errors: those of computing them.
    pub fn has_integer(&self, number: i64) -> Result<bool> {
        if self.is_traced() || !self.element().is_integer() {
            return Ok(false);
        }
        let value = self.tensor()?;
        match value.dtype() {
            DType::U64 => match u64::try_from(number) {
                Ok(number) => Ok(value.values::<u64>()?.contains(&number)),
                Err(_) => Ok(false),
            },
            _ => Ok(first_that(&value, |element| element == number)?.is_some()),
        }
    }
}
