//! Schema `gradframe`: the log tables, read anew by each query, and the view over them.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;
use gradframe_exec::ops::run_log::LogTableProvider;
use gradframe_plan::ops::run_log::LogTable;

use super::events;

/// The log tables.
#[derive(Debug)]
pub(super) struct LogSchema;

#[async_trait]
impl SchemaProvider for LogSchema {
    fn table_names(&self) -> Vec<String> {
        LogTable::ALL.iter().map(|table| table.name()).chain([events::EVENTS]).map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name == events::EVENTS {
            return Ok(Some(events::view()?));
        }
        let found = LogTable::ALL.into_iter().find(|table| table.name() == name);
        Ok(found.map(|table| Arc::new(LogTableProvider::new(table)) as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        name == events::EVENTS || LogTable::ALL.iter().any(|table| table.name() == name)
    }
}
