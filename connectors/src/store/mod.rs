//! The store: models, runs and catalog entries in one directory, `.gradframe/`.
//!
//! ```text
//! store.db                                  SQLite in WAL mode: runs, params, metrics of ended runs, models, entries
//! points/<run>.<random>.points              metrics of runs that go on (see `points`)
//! models/<name>/<version>/model.json        what a model is, readable
//! models/<name>/<version>/weights.safetensors
//! objects/<2 digits>/<62 digits>            contents of artifacts, by their SHA-256
//! runs/<run>/checkpoint.safetensors         where a run that has not finished can go on
//! processes/<random>.lock                   locked by a process that is writing, for as long as it lives
//! tables/<name>-<random>/                   rows of CREATE TABLE, written by `engine`
//! scratch/.writing-<lock>-<random>/         an archive on its way in or out, as long as its process lives
//! ```
//!
//! With `GRADFRAME_STORE=postgresql://...` runs, models and artifacts are in a database that machines share (see [`postgres`]); the
//! directory keeps tables and views, and below `shared/` what is on its way to the server (see [`outbox`], `points::ship`).
//!
//! Any number of processes share a store. The directory is made at the first write; reading a missing store gives
//! empty tables and makes nothing. Several things together become visible in one SQLite transaction, or not at all.

mod aliases;
mod artifacts;
mod batches;
mod checkpoints;
mod connection;
mod copy;
mod copy_checks;
mod copy_traces;
mod database;
mod datasets;
mod embedded;
mod ends;
mod entries;
mod errors;
mod experiments;
mod filters;
mod float_order;
mod framed;
mod layouts;
mod lease;
mod leftovers;
mod logged_models;
mod logged_rows;
mod lost;
mod mentions;
mod model_files;
mod models;
mod names;
mod open_run;
mod outbox;
mod places;
mod points;
mod postgres;
mod process;
mod registered;
mod registered_rows;
mod run_end;
mod run_id;
mod run_place;
mod run_rows;
mod runs;
mod schema;
mod scratch;
mod server_checkpoints;
mod server_models;
mod server_objects;
mod spans;
mod sql;
mod table_marks;
mod take_in;
mod take_in_models;
mod take_in_traces;
mod traces;
mod tracking;
mod varint;
mod weights;

pub use aliases::is_alias;
pub use artifacts::{all_below, check_path, files_below, open_file};
pub use copy::PROGRAM_TAG;
pub use datasets::DatasetRecord;
pub use entries::{Entry, EntryKind};
pub use experiments::Experiment;
pub use logged_models::{LoggedMetric, LoggedModel, PointsOf};
pub use registered::{NewVersion, RegisteredModel, RegisteredVersion, VersionChanges};
pub use runs::RunStart;
pub use spans::Span;
pub use table_marks::{DOOMED_TABLE_PREFIX, TABLE_WRITER_PREFIX, mark_table, new_table_directory};
pub use take_in::{Gathered, Sources, TakenMore, TakenRun};
pub use take_in_models::{TakenModel, TakenVersion};
pub use traces::Trace;
pub use tracking::{ArtifactRecord, RunChanges, RunRecord, SCHEDULED_TAG};

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::NamedModel;
use parking_lot::Mutex;

use artifacts::objects::Objects;
use checkpoints::Checkpoints;
use database::Database;
use ends::Ends;
use outbox::{Outbox, Waiting};
use points::segments::Segments;
use postgres::Address;
use run_place::RunPlace;
use runs::selected;
use server_checkpoints::ServerCheckpoints;

/// How long one process waits for another's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A store, embedded or shared. Safe to use from many threads and many processes.
#[derive(Debug)]
pub struct Store {
    /// Runs and models.
    database: Arc<Database>,
    /// Where that is, if machines share it.
    address: Option<Address>,
    /// Tables and views: in the same database, unless that is shared by machines.
    catalog: Arc<Database>,
    /// Where models live; None in memory, where `loaded` is all there is, and on a server.
    models: Option<PathBuf>,
    checkpoints: Arc<Checkpoints>,
    segments: Arc<Segments>,
    objects: Arc<Objects>,
    /// Versions of models that were read or written here.
    loaded: Mutex<HashMap<(String, u64), Arc<NamedModel>>>,
    ends: Arc<Ends>,
    /// What waits for a database that machines share.
    outbox: Option<Arc<Outbox>>,
    /// Whether what dead processes left has been looked for.
    cleaned: AtomicBool,
}

impl Store {
    /// The store in directory `home`, which need not exist yet: the store is opened when it is used.
    /// Errors: `External` if `home` is relative and there is no working directory.
    pub fn open(home: PathBuf) -> Result<Arc<Store>> {
        Self::open_waiting(home, BUSY_TIMEOUT)
    }

    /// The same, waiting no longer than `busy_timeout` for another process that writes.
    pub fn open_waiting(home: PathBuf, busy_timeout: Duration) -> Result<Arc<Store>> {
        let home = absolute(&home)?;
        Ok(Arc::new(Store::new(Database::in_directory(home.clone(), busy_timeout), Some(&home))))
    }

    /// The store in the database at `address`, such as `postgresql://ann:secret@db/runs`, which is connected to when it is used.
    /// `home` is a directory of this machine: tables and views are there, and what is on its way to the server.
    /// Errors: `Plan` for what is no such address; as [`Store::open`].
    pub fn open_shared(address: &str, home: PathBuf) -> Result<Arc<Store>> {
        Self::open_shared_waiting(address, home, BUSY_TIMEOUT)
    }

    /// The same, waiting no longer than `busy_timeout` for a server that is away, or another process that writes.
    pub fn open_shared_waiting(address: &str, home: PathBuf, busy_timeout: Duration) -> Result<Arc<Store>> {
        let address = Address::parse(address)?;
        let home = absolute(&home)?;
        let spool = home.join("shared").join(address.directory_name());
        let database = Arc::new(Database::on_server(address.clone(), spool.clone(), busy_timeout));
        let waiting = Waiting::new(&spool);
        let place = RunPlace {
            checkpoints: Arc::new(Checkpoints::of_server(spool.join("runs"), ServerCheckpoints::new(Arc::clone(&database)))),
            segments: Arc::new(Segments::of_server(Arc::clone(&database), &spool, waiting.clone())),
            objects: Arc::new(Objects::of_server(Arc::clone(&database), &spool)),
            ends: Arc::new(Ends::new(Some(spool.join("ends")))),
            database,
        };
        let outbox = Outbox::new(place.clone(), waiting, address.shown());
        let catalog = Arc::new(Database::in_directory(home, busy_timeout));
        Ok(Arc::new(Store { address: Some(address), outbox: Some(outbox), ..Store::at(place, catalog, None) }))
    }

    /// A store that ends with this value: nothing on disk.
    pub fn in_memory() -> Result<Arc<Store>> {
        Ok(Arc::new(Store::new(Database::in_memory()?, None)))
    }

    /// The directory of this machine, unless the store is in memory.
    pub fn home(&self) -> Option<&Path> {
        self.catalog.home()
    }

    /// The address of a database that machines share, as it was given, with its password: for processes that are started for it.
    pub fn address(&self) -> Option<&str> {
        self.address.as_ref().map(Address::text)
    }

    /// True where nothing was ever written. Errors: `External` if the store cannot be opened.
    pub fn is_none(&self) -> Result<bool> {
        Ok(self.database.read(|_| Ok(()))?.is_none())
    }

    /// True of a database that machines share.
    pub fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    /// This process, as text by which other processes tell whether it has ended: for marking what must
    /// not outlive it in the directory.
    pub fn owner(&self) -> String {
        self.catalog.owner()
    }

    fn run_place(&self) -> RunPlace {
        RunPlace {
            database: Arc::clone(&self.database),
            segments: Arc::clone(&self.segments),
            checkpoints: Arc::clone(&self.checkpoints),
            objects: Arc::clone(&self.objects),
            ends: Arc::clone(&self.ends),
        }
    }

    fn new(database: Database, home: Option<&Path>) -> Self {
        let database = Arc::new(database);
        let place = RunPlace {
            database: Arc::clone(&database),
            checkpoints: Arc::new(Checkpoints::new(home.map(|home| home.join("runs")))),
            segments: Arc::new(Segments::new(home)),
            objects: Arc::new(Objects::new(home)),
            ends: Arc::default(),
        };
        Store::at(place, database, home.map(|home| home.join("models")))
    }

    fn at(place: RunPlace, catalog: Arc<Database>, models: Option<PathBuf>) -> Self {
        let RunPlace { database, segments, checkpoints, objects, ends } = place;
        Store {
            address: None,
            database,
            catalog,
            models,
            checkpoints,
            segments,
            objects,
            loaded: Mutex::default(),
            ends,
            outbox: None,
            cleaned: AtomicBool::new(false),
        }
    }
}

fn absolute(home: &Path) -> Result<PathBuf> {
    std::path::absolute(home)
        .map_err(|e| Error::external("store", format!("no such directory `{}`: {e}", home.display())).because(e))
}

/// Microseconds since 1970, UTC.
fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64)
}

/// Sixteen digits. Random, because processes of several machines may share the store.
fn random_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("{:016x}", RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed)))
}
