//! The session's catalog: what a name in FROM means.
//!
//! Schema `public` holds tables, views and models under one set of names, kept in the store and shared with every
//! process on the same home. A view or external table is kept as the SQL that makes it and planned again at each use,
//! so that it sees the newest version of what it names. Schema `gradframe` holds the log tables.

pub(crate) mod batch_rows;
mod cached;
mod events;
mod external;
mod frames;
pub(crate) mod loader_rows;
mod logs;
mod not_null;
mod own_table;
mod public;
mod stored;

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider};
use gradframe_plan::error::from_datafusion;

use crate::Result;

pub(crate) use cached::Source;
pub(crate) use frames::{is_frame, schema_of_frame, with_frames};
pub(crate) use public::{Kind, PublicSchema};
pub(crate) use stored::{DoomedRows, StoredTable, absolute_locations};

/// The catalog's own name, as `information_schema` shows it.
pub(crate) const CATALOG: &str = "main";
/// Where tables, views and models are.
pub(crate) const PUBLIC: &str = "public";
/// Where the log tables are.
const LOGS: &str = "gradframe";

/// The catalog over a `public` schema.
pub(crate) fn catalog(public: Arc<PublicSchema>) -> Result<Arc<dyn CatalogProvider>> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(PUBLIC, public).map_err(from_datafusion)?;
    catalog.register_schema(LOGS, Arc::new(logs::LogSchema)).map_err(from_datafusion)?;
    Ok(Arc::new(catalog))
}
