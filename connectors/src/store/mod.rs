//! The store: models, runs and catalog entries in one directory, `.gradframe/`.
//!
//! ```text
//! store.db                                  SQLite in WAL mode: runs, params, metrics, models, entries
//! models/<name>/<version>/model.json        what a model is, readable
//! models/<name>/<version>/weights.safetensors
//! ```
//!
//! Any number of processes share a store. The directory is made at the first write; reading a missing store gives
//! empty tables and makes nothing. Several things together become visible in one SQLite transaction, or not at all.

mod batches;
mod database;
mod entries;
mod filters;
mod model_files;
mod models;
mod names;
mod process;
mod run_id;
mod runs;
mod schema;
mod weights;

pub use entries::{Entry, EntryKind};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NamedModel;
use parking_lot::Mutex;

use database::Database;

/// The embedded store. Cheap to share; safe to use from many threads and many processes.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    /// Where models live; None in memory, where `loaded` is all there is.
    models: Option<PathBuf>,
    /// The newest version of each model that was read or written here.
    loaded: Mutex<HashMap<String, Arc<NamedModel>>>,
}

impl Store {
    /// The store in directory `home`, which need not exist yet: the store is opened when it is used.
    /// Errors: `External` if `home` is relative and there is no working directory.
    pub fn open(home: PathBuf) -> Result<Arc<Store>> {
        let home = std::path::absolute(&home)
            .map_err(|e| Error::external("store", format!("no such directory `{}`: {e}", home.display())).because(e))?;
        let database = Database::in_directory(home.clone());
        Ok(Arc::new(Store::new(database, Some(home.join("models")))))
    }

    /// A store that ends with this value: nothing on disk.
    pub fn in_memory() -> Result<Arc<Store>> {
        Ok(Arc::new(Store::new(Database::in_memory()?, None)))
    }

    /// The directory, unless the store is in memory.
    pub fn home(&self) -> Option<&Path> {
        self.database.home()
    }

    fn new(database: Database, models: Option<PathBuf>) -> Self {
        Store { database: Arc::new(database), models, loaded: Mutex::default() }
    }
}

/// Microseconds since 1970, UTC.
fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64)
}
