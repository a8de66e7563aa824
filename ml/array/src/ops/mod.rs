//! What operations on arrays mean: one row each, its meaning a graph of its operands.
//!
//! A row's builder is given values and arguments by position, checks them, and writes nodes. Types of results, programs
//! and derivatives all come from that graph: there is nothing else to say about an operation, but where it picks by places or
//! classes. Those are looked at (`places`) if their values are known, and one that there is not is an error. While a
//! function is traced they are not known. There a part between brackets, `take`, `take_along_axis` and `embedding` have zeros for a
//! place outside, `at` leaves it out, `one_hot` gives a row of zeros, `nll_loss` 0 and `cross_entropy` the logarithm of the sum alone,
//! with its gradient; from the others none comes. The graph says of such places what they are to be ([`Graph::places`]), for who can ask
//! the values before.

mod alignments;
pub(crate) mod arguments;
mod creation;
mod elementwise;
mod indexing;
mod matrices;
mod networks;
mod padding;
mod power;
mod products;
mod putting;
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

use crate::array::Array;
use crate::node::Args;
pub use indexing::{Pick, index_args};
pub use value::Value;

/// The results of an operation.
pub type Values = SmallVec<[Value; 1]>;

/// The meaning of an operation, as a graph.
pub type Build = fn(&mut Graph, &[Value], &Args) -> Result<Values>;

/// What must hold of values that are known.
pub(crate) type Look = fn(&[Array], &Args) -> Result<()>;

/// An operation.
pub struct Row {
    /// Its name, as in the Array API where that has it.
    pub name: &'static str,
    /// Its meaning.
    pub build: Build,
    /// A look at places among the operands.
    pub(crate) look: Option<Look>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn row(name: &'static str, build: Build) -> Row {
    Row { name, build, look: None }
}

/// An operation that picks by places or classes.
const fn picking(name: &'static str, look: Look, build: Build) -> Row {
    Row { name, build, look: Some(look) }
}

/// All operations, by topic.
const TABLES: &[&[Row]] = &[
    alignments::ROWS,
    creation::ROWS,
    elementwise::FLOATS,
    elementwise::ROWS,
    indexing::ROWS,
    matrices::ROWS,
    networks::ROWS,
    padding::ROWS,
    products::ROWS,
    putting::ROWS,
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

/// Whether the operation of this name picks by places or classes, and so looks at them when it is called.
pub fn picks(name: &str) -> bool {
    named(name).is_some_and(|row| row.look.is_some())
}

/// The names of all operations.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().flat_map(|table| table.iter()).map(|row| row.name)
}

/// A single result.
fn one(value: Value) -> Result<Values> {
    Ok(SmallVec::from_iter([value]))
}
