//! A training's whole state, to go on from in another process.

use std::collections::BTreeMap;

use gradframe_ml_core::tensor::Element;
use gradframe_ml_core::{Error, Result, Tensor};

/// Named tensors and notes. Numbers are tensors, so that they come back to the bit; notes are short texts that say what
/// the checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    pub tensors: BTreeMap<String, Tensor>,
    pub notes: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Adds a tensor.
    pub fn put(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.tensors.insert(name.into(), tensor);
    }

    /// Adds a number, shape [].
    pub fn put_number<T: Element>(&mut self, name: &str, value: T) {
        self.put(name, Tensor::scalar(value));
    }

    /// The tensor of this name. Errors: `Execution` if there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| unfit(format!("`{name}` is missing")))
    }

    /// The number of this name. Errors: `Execution` if there is none of this type.
    pub fn number<T: Element>(&self, name: &str) -> Result<T> {
        let tensor = self.tensor(name)?;
        let values = tensor.values::<T>().map_err(|e| unfit(format!("`{name}` has another type")).because(e))?;
        values.first().copied().ok_or_else(|| unfit(format!("`{name}` is empty")))
    }

    /// True if there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}

/// A checkpoint that is not of the training that is to go on.
pub(crate) fn unfit(what: String) -> Error {
    Error::execution("train", format!("the checkpoint does not fit this training: {what}")).hint("train from the start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_missing_ones_are_named() {
        let mut checkpoint = Checkpoint::default();
        checkpoint.put_number("epoch", 7u64);
        assert_eq!(checkpoint.number::<u64>("epoch").unwrap(), 7);
        assert!(checkpoint.number::<f64>("epoch").unwrap_err().to_string().contains("`epoch` has another type"));
        let error = checkpoint.number::<u64>("batch").unwrap_err();
        assert_eq!(error.kind(), "Execution");
        assert!(error.to_string().contains("`batch` is missing"), "{error}");
    }
}
