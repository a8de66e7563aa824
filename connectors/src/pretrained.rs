//! Pretrained models: found by path or in the hub's cache, opened once for all queries that run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use gradframe_ml_core::{Error, Result};
use gradframe_ml_models::{DtypeChoice, Model, files};
use gradframe_plan::services::PretrainedModels;
use parking_lot::Mutex;

/// Models opened so far, as long as somebody holds them.
#[derive(Debug, Default)]
pub struct HubModels {
    /// The hub's cache, which holds `models--org--name`; None where there is none.
    cache: Option<PathBuf>,
    opened: Mutex<HashMap<(PathBuf, DtypeChoice), Weak<Model>>>,
}

impl HubModels {
    /// With this cache of the hub.
    pub fn new(cache: Option<PathBuf>) -> Self {
        HubModels { cache, opened: Mutex::default() }
    }
}

impl PretrainedModels for HubModels {
    fn find(&self, name: &str) -> Result<PathBuf> {
        let found = files::resolve(name, self.cache.as_deref())?;
        let failed =
            |e: std::io::Error| Error::external("model files", format!("cannot find {}: {e}", found.display())).because(e);
        std::path::absolute(&found).map_err(failed)
    }

    fn open(&self, directory: &Path, dtype: DtypeChoice) -> Result<Arc<Model>> {
        let key = (directory.to_path_buf(), dtype);
        if let Some(model) = self.opened.lock().get(&key).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let model = Arc::new(Model::open_in(directory, dtype)?);
        let mut opened = self.opened.lock();
        opened.retain(|_, model| model.strong_count() > 0);
        opened.insert(key, Arc::downgrade(&model));
        Ok(model)
    }
}
