//! The tables whose rows a session keeps in memory, and what their names stood for when the rows were read.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use gradframe_connectors::store::Entry;
use gradframe_exec::pinned::PinnedTable;
use parking_lot::{Mutex, RwLock};

use crate::Result;

/// What a name stands for that is no model: what its rows are read from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A frame that has the name in this session.
    Frame(Arc<dyn TableProvider>),
    /// A table or view of the store.
    Stored(Entry),
}

impl Source {
    /// Whether rows of the one are rows of the other. A table that takes another's place has another directory, and so another entry.
    pub(super) fn is(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Frame(own), Source::Frame(other)) => Arc::ptr_eq(own, other),
            (Source::Stored(own), Source::Stored(other)) => own == other,
            _ => false,
        }
    }
}

/// Cached tables by name. Who changes what a name stands for does so first and takes its rows out afterwards.
#[derive(Debug, Default)]
pub(super) struct CachedTables {
    tables: RwLock<BTreeMap<String, Arc<PinnedTable>>>,
    /// Held while rows come in or go out. Queries wait for nobody who looks at the store meanwhile.
    changing: Mutex<()>,
}

impl CachedTables {
    pub(super) fn get(&self, name: &str) -> Option<Arc<PinnedTable>> {
        self.tables.read().get(name).cloned()
    }

    /// Puts rows in if their name stands for what they were read from still; false if not. A statement that changes it after this
    /// was asked finds them here, and takes them out.
    pub(super) fn insert_if(&self, name: &str, table: Arc<PinnedTable>, is_still: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let _changing = self.changing.lock();
        let is_still = is_still()?;
        if is_still {
            self.tables.write().insert(name.to_owned(), table);
        }
        Ok(is_still)
    }

    /// Takes rows out; false if there were none.
    pub(super) fn remove(&self, name: &str) -> bool {
        let _changing = self.changing.lock();
        self.tables.write().remove(name).is_some()
    }
}
