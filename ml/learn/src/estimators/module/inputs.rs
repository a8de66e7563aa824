//! The columns of the dense block as a module is given them.

use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};
use serde::{Deserialize, Serialize};

/// One array that a module is given: one column by itself, [rows], or some side by side, [rows, shape..].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInput {
    /// The name of the argument; empty for a module's only one.
    pub name: String,
    /// The features, by name, in order.
    pub columns: Vec<String>,
    /// The sizes after the rows, row-major over the columns; none for a single column by itself.
    pub shape: Vec<usize>,
}

impl ModuleInput {
    /// Columns side by side: [rows, columns].
    pub fn stacked<S: Into<String>>(name: impl Into<String>, columns: impl IntoIterator<Item = S>) -> Self {
        let columns: Vec<String> = columns.into_iter().map(Into::into).collect();
        ModuleInput { name: name.into(), shape: vec![columns.len()], columns }
    }

    /// One column: [rows].
    pub fn column(name: impl Into<String>, column: impl Into<String>) -> Self {
        ModuleInput { name: name.into(), columns: vec![column.into()], shape: vec![] }
    }

    /// Whether it is a single column by itself: one that holds tensors is many.
    pub(super) fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// The input in an element type. Errors: `Internal` if a column is not among those given.
    pub(super) fn of(&self, g: &mut Graph, columns: &InputColumns, dtype: DType) -> Result<NodeId> {
        let mut parts = Vec::new();
        for source in self.sources(columns)? {
            let part = match source {
                Source::Dense { block, from, count } => g.slice_axis(block, 1, from, Dim::fixed(from + count))?,
                Source::Whole(column) => g.reshape(column, &Shape::new([Dim::symbol("N"), Dim::fixed(1)]))?,
            };
            parts.push(g.cast(part, dtype)?);
        }
        let block = g.concat(&parts, 1)?;
        let sizes = self.shape.iter().map(|&size| Dim::fixed(size));
        g.reshape(block, &Shape::new(std::iter::once(Dim::symbol("N")).chain(sizes)))
    }

    /// Where the columns are, neighbours in the dense block together.
    fn sources(&self, columns: &InputColumns) -> Result<Vec<Source>> {
        let mut sources: Vec<Source> = Vec::new();
        for column in &self.columns {
            if let Some((_, node)) = columns.whole.iter().find(|(name, _)| name == column) {
                sources.push(Source::Whole(*node));
                continue;
            }
            let found = columns.dense.zip(columns.names.iter().position(|name| name == column));
            let missing = || Error::internal("train", format!("the module's column `{column}` is no feature"));
            let (block, at) = found.ok_or_else(missing)?;
            match sources.last_mut() {
                Some(Source::Dense { from, count, .. }) if *from + *count == at => *count += 1,
                _ => sources.push(Source::Dense { block, from: at, count: 1 }),
            }
        }
        Ok(sources)
    }
}

/// A module's columns in a graph.
pub(super) struct InputColumns {
    /// Floats side by side, [N, K]; None where K is 0.
    pub dense: Option<NodeId>,
    /// The names of the K columns.
    pub names: Vec<String>,
    /// Whole numbers by name, [N] each.
    pub whole: Vec<(String, NodeId)>,
}

/// A part of an input.
enum Source {
    /// Columns of the dense block.
    Dense { block: NodeId, from: usize, count: usize },
    /// A column of whole numbers.
    Whole(NodeId),
}
