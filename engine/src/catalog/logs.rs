//! Schema `gradframe`: runs, params, metrics and models as tables, read anew by each query.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;
use gradframe_exec::ops::run_log::LogTableProvider;
use gradframe_plan::ops::run_log::LogTable;

const TABLES: [LogTable; 4] = [LogTable::Runs, LogTable::Params, LogTable::Metrics, LogTable::Models];

/// The log tables.
#[derive(Debug)]
pub(super) struct LogSchema;

#[async_trait]
impl SchemaProvider for LogSchema {
    fn table_names(&self) -> Vec<String> {
        TABLES.iter().map(|table| table.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let found = TABLES.into_iter().find(|table| table.name() == name);
        Ok(found.map(|table| Arc::new(LogTableProvider::new(table)) as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        TABLES.iter().any(|table| table.name() == name)
    }
}
