//! A registry for one training: it takes the model in place of the store, and nobody else sees it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gradframe_ml_learn::Model;
use gradframe_plan::services::{ModelRegistry, NamedModel};
use parking_lot::Mutex;

use crate::Result;

/// How runs and messages call a model without a name.
pub(super) const UNNAMED: &str = "(unnamed)";

/// Holds the model of one training.
#[derive(Debug, Default)]
pub(super) struct Unnamed {
    model: Mutex<Option<Arc<NamedModel>>>,
}

impl ModelRegistry for Unnamed {
    fn get(&self, _name: &str) -> Result<Option<Arc<NamedModel>>> {
        Ok(self.model.lock().clone())
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(vec![])
    }

    /// The model itself has no name, whatever the training called it.
    fn commit(&self, _name: &str, model: Model, _replace: bool) -> Result<Arc<NamedModel>> {
        let created_us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64);
        let model = Arc::new(NamedModel { name: String::new(), version: 1, created_us, model });
        *self.model.lock() = Some(Arc::clone(&model));
        Ok(model)
    }

    fn remove(&self, _name: &str) -> Result<bool> {
        Ok(self.model.lock().take().is_some())
    }
}
