//! What operations on arrays mean: one row each, its meaning a graph of its operands.
//!
//! A row's builder is given values and arguments by position, checks them, and writes nodes. Types of results, programs
//! and derivatives all come from that graph: there is nothing else to say about an operation.

mod arguments;
mod creation;
mod elementwise;
mod indexing;
mod matrices;
mod networks;
mod power;
mod products;
mod random;
mod recurrent;
mod reductions;
mod sorting;
mod spectral;
mod value;
mod views;

use std::sync::LazyLock;

use gradframe_ml_core::{Graph, Result};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::node::Args;
pub use indexing::{Pick, index_args};
pub use value::Value;

/// The results of an operation.
pub type Values = SmallVec<[Value; 1]>;

/// The meaning of an operation, as a graph.
pub type Build = fn(&mut Graph, &[Value], &Args) -> Result<Values>;

/// An operation.
pub struct Row {
    /// Its name, as in the Array API where that has it.
    pub name: &'static str,
    /// Its meaning.
    pub build: Build,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn row(name: &'static str, build: Build) -> Row {
    Row { name, build }
}

/// All operations, by topic.
const TABLES: &[&[Row]] = &[
    creation::ROWS,
    elementwise::FLOATS,
    elementwise::ROWS,
    indexing::ROWS,
    matrices::ROWS,
    networks::ROWS,
    products::ROWS,
    random::ROWS,
    recurrent::ROWS,
    reductions::ROWS,
    sorting::ROWS,
    spectral::ROWS,
    views::ROWS,
];

/// The operation of this name.
pub fn named(name: &str) -> Option<&'static Row> {
    static ROWS: LazyLock<FxHashMap<&'static str, &'static Row>> =
        LazyLock::new(|| TABLES.iter().flat_map(|table| table.iter()).map(|row| (row.name, row)).collect());
    ROWS.get(name).copied()
}

/// The names of all operations.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|table| table.iter()).map(|row| row.name)
}

/// A single result.
fn one(value: Value) -> Result<Values> {
    Ok(SmallVec::from_iter([value]))
}
