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

    /// The input in an element type, out of the dense block [N, K] whose columns have these names.
    /// Errors: `Internal` if a column is not among them.
    pub(super) fn of(&self, g: &mut Graph, dense: NodeId, names: &[&str], dtype: DType) -> Result<NodeId> {
        let mut parts = Vec::new();
        for (from, count) in self.runs(names)? {
            parts.push(g.slice_axis(dense, 1, from, Dim::fixed(from + count))?);
        }
        let block = g.concat(&parts, 1)?;
        let block = g.cast(block, dtype)?;
        let sizes = self.shape.iter().map(|&size| Dim::fixed(size));
        g.reshape(block, &Shape::new(std::iter::once(Dim::symbol("N")).chain(sizes)))
    }

    /// The columns' places, neighbours together: from, count.
    fn runs(&self, names: &[&str]) -> Result<Vec<(usize, usize)>> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for column in &self.columns {
            let at = names.iter().position(|name| name == column);
            let at = at.ok_or_else(|| Error::internal("train", format!("the module's column `{column}` is no feature")))?;
            match runs.last_mut() {
                Some((from, count)) if *from + *count == at => *count += 1,
                _ => runs.push((at, 1)),
            }
        }
        Ok(runs)
    }
}
