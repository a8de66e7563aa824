//! The namespace `str`: functions of text.
//!
//! Whatever a text's layout, a kernel sees views of it; a part of a text (a slice, a split, a match) is a view of the same
//! bytes and copies nothing. Places count bytes, lengths count characters, as in Polars.

mod codec;
mod cutting;
mod extracting;
mod json;
mod json_path;
mod lengths;
mod many;
mod matching;
mod numbers;
mod patterns;
mod replacing;
mod splitting;
mod views;
mod writing;

use super::function::Row;

/// The tables of the namespace.
pub(super) const TABLES: &[&[Row]] = &[
    matching::ROWS,
    lengths::ROWS,
    cutting::ROWS,
    splitting::ROWS,
    extracting::ROWS,
    replacing::ROWS,
    many::ROWS,
    writing::ROWS,
    codec::ROWS,
    numbers::ROWS,
    json::ROWS,
];
