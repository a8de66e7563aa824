//! The parameters of a linear model: named tensors, and one flat vector for the optimiser.

use std::collections::BTreeMap;

use gradframe_ml_core::{Error, Result, Tensor};

use crate::estimator::Layout;

/// Name of the dense columns' weights.
pub(super) const DENSE: &str = "dense";
/// Name of the intercept.
pub(super) const INTERCEPT: &str = "intercept";

/// Name of a one-hot column's weights.
pub(super) fn category(i: usize) -> String {
    format!("category.{i}")
}

/// Names and shapes of the parameters, in order: dense (if any), categories, intercept.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub parts: Vec<Part>,
}

/// One named tensor.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub name: String,
    pub shape: Vec<usize>,
}

impl Part {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Parameters {
    /// The parameters for this layout; `outputs` is C where there are C scores a row, None for one.
    pub(super) fn of(layout: &Layout, outputs: Option<usize>) -> Self {
        let part = |name: String, sizes: &[usize]| Part { name, shape: sizes.iter().copied().chain(outputs).collect() };
        let mut parts = Vec::with_capacity(layout.categories.len() + 2);
        if layout.dense > 0 {
            parts.push(part(DENSE.to_string(), &[layout.dense]));
        }
        parts.extend(layout.categories.iter().enumerate().map(|(i, &n)| part(category(i), &[n])));
        parts.push(part(INTERCEPT.to_string(), &[]));
        Parameters { parts }
    }

    /// Length of the flat vector.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Length of its front that the penalty covers: all but the intercept.
    pub(super) fn penalised(&self) -> usize {
        self.len() - self.parts.last().map_or(0, Part::len)
    }

    /// The flat vector cut into tensors.
    pub(super) fn tensors(&self, flat: &[f64]) -> Result<Vec<Tensor>> {
        let mut rest = flat;
        let cut = |part: &Part| {
            let (values, tail) = rest.split_at(part.len());
            rest = tail;
            Tensor::from_vec(&part.shape, values.to_vec())
        };
        self.parts.iter().map(cut).collect()
    }

    /// The flat vector as named weights.
    pub(super) fn named(&self, flat: &[f64]) -> Result<BTreeMap<String, Tensor>> {
        let names = self.parts.iter().map(|part| part.name.clone());
        Ok(names.zip(self.tensors(flat)?).collect())
    }

    /// Tensors of the parameters' shapes as one flat vector. Errors: `Internal` if the length differs.
    pub(super) fn flatten(&self, tensors: &[Tensor]) -> Result<Vec<f64>> {
        let mut flat = Vec::with_capacity(self.len());
        for tensor in tensors {
            flat.extend_from_slice(tensor.values::<f64>()?);
        }
        if flat.len() != self.len() {
            return Err(Error::internal("train", format!("expected {} gradient components, got {}", self.len(), flat.len())));
        }
        Ok(flat)
    }
}
