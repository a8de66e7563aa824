//! A table whose rows the store keeps, which another process may replace or drop at any moment: then a query that has
//! begun to look at it says so, and never reads a part of the rows.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Constraints, Statistics};
use datafusion::error::Result;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use gradframe_plan::error::to_datafusion;

use super::not_null;
use crate::Error;

/// DataFusion's table over a directory of the store.
#[derive(Debug)]
pub(super) struct OwnTable {
    inner: Arc<dyn TableProvider>,
    directory: PathBuf,
}

impl OwnTable {
    pub(super) fn new(inner: Arc<dyn TableProvider>, directory: PathBuf) -> Self {
        OwnTable { inner, directory }
    }

    /// Asked after the files were listed: a directory goes out of its place before its first file does.
    fn is_still_there(&self) -> Result<()> {
        if self.directory.is_dir() {
            return Ok(());
        }
        let error = Error::execution("query", "a table was replaced or dropped by another process while the query was planned");
        Err(to_datafusion(error.hint("run the query again")))
    }
}

#[async_trait]
impl TableProvider for OwnTable {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.inner.constraints()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.inner.get_table_definition()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.inner.get_column_default(column)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.inner.scan(state, projection, filters, limit).await?;
        self.is_still_there().map(|()| plan)
    }

    async fn scan_with_args<'a>(&self, state: &dyn Session, args: ScanArgs<'a>) -> Result<ScanResult> {
        let scan = self.inner.scan_with_args(state, args).await?;
        self.is_still_there().map(|()| scan)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.inner.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.inner.statistics()
    }

    async fn insert_into(
        &self,
        state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        insert_op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = not_null::checked(input, &self.schema())?;
        let plan = self.inner.insert_into(state, input, insert_op).await?;
        self.is_still_there().map(|()| plan)
    }
}
