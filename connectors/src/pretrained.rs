//! Pretrained models: found by path, in the hub's cache or on the hub, opened once for all queries that run.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use gradframe_ml_core::{Error, Result};
#[cfg(feature = "hub")]
use gradframe_ml_models::files::Directory;
use gradframe_ml_models::{DtypeChoice, Model, files};
use gradframe_plan::services::{FindOptions, PretrainedModels};
use parking_lot::Mutex;

/// Where names of the hub lead.
#[derive(Clone, Default)]
pub struct HubSettings {
    /// The hub's cache, which holds `models--org--name`; None where there is none.
    pub cache: Option<PathBuf>,
    /// The address of the hub; None to download nothing.
    pub endpoint: Option<String>,
    /// What shows to the hub that its user may read private models.
    pub token: Option<String>,
}

impl fmt::Debug for HubSettings {
    /// Without the token, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSettings").field("cache", &self.cache).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Models opened so far, as long as somebody holds them.
#[derive(Debug, Default)]
pub struct HubModels {
    hub: HubSettings,
    opened: Mutex<HashMap<(PathBuf, DtypeChoice), Weak<Model>>>,
}

impl HubModels {
    /// With this cache, and this hub behind it.
    pub fn new(hub: HubSettings) -> Self {
        HubModels { hub, opened: Mutex::default() }
    }

    /// The directory of a name: what lies here before what is elsewhere. A cached snapshot without weights, as who wanted the
    /// tokenizer alone has it, is made whole where that can be.
    #[cfg(feature = "hub")]
    fn locate(&self, name: &str, options: &FindOptions) -> Result<PathBuf> {
        let here = files::resolve(name, self.hub.cache.as_deref());
        let is_enough = |path: &PathBuf| path == Path::new(name) || Directory::open(path).is_ok_and(|found| found.is_whole());
        if options.local_files_only || here.as_ref().is_ok_and(is_enough) {
            return here;
        }
        match (crate::hub::Download::of(name, &self.hub, options), here) {
            (Some(download), Ok(partial)) => Ok(download.run().unwrap_or(partial)),
            (Some(download), Err(Error::External(_))) => download.run(),
            (_, here) => here, // nothing to download, or a cache that is damaged
        }
    }

    #[cfg(not(feature = "hub"))]
    fn locate(&self, name: &str, _: &FindOptions) -> Result<PathBuf> {
        files::resolve(name, self.hub.cache.as_deref())
    }
}

impl PretrainedModels for HubModels {
    fn find(&self, name: &str, options: &FindOptions) -> Result<PathBuf> {
        let found = self.locate(name, options)?;
        let failed =
            |e: std::io::Error| Error::external("model files", format!("cannot find {}: {e}", found.display())).because(e);
        std::path::absolute(&found).map_err(failed)
    }

    fn open(&self, directory: &Path, dtype: DtypeChoice) -> Result<Arc<Model>> {
        let key = (directory.to_path_buf(), dtype);
        let opened = self.opened.lock().get(&key).and_then(Weak::upgrade);
        if let Some(model) = opened.filter(|model| model.check().is_ok()) {
            return Ok(model); // one whose files were cut short is opened anew
        }
        let model = Arc::new(Model::open_in(directory, dtype)?);
        let mut opened = self.opened.lock();
        opened.retain(|_, model| model.strong_count() > 0);
        opened.insert(key, Arc::downgrade(&model));
        Ok(model)
    }
}
