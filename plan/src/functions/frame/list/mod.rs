//! The namespaces `list` and `arr`: functions of the elements of each row.
//!
//! Most of them say which elements a row's result is made of, in which order: [`lists::gathered`] takes them from the values of
//! the whole column at once. Order and equality of elements are those of arrow's row format, which has one for every type.
//! `arr` runs the kernels of `list`; where an array stays one, its result is cast back to the width.

mod arithmetic;
mod choosing;
mod equality;
mod extremes;
mod joining;
mod lists;
mod logic;
mod ordering;
mod sampling;
mod sets;
mod shapes;
mod statistics;

pub(super) use self::shapes::names;
use super::function::Row;

/// The tables of the namespaces.
pub(super) const TABLES: &[&[Row]] = &[
    arithmetic::ROWS,
    choosing::ROWS,
    equality::ROWS,
    extremes::ROWS,
    joining::ROWS,
    logic::ROWS,
    ordering::ROWS,
    sampling::ROWS,
    sets::ROWS,
    shapes::ROWS,
    statistics::ROWS,
];
