//! Models as tables of the catalog: what `ML.PREDICT(MODEL m, ...)` resolves and `SELECT * FROM m` reads.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::to_datafusion;
use crate::ops::relations::{weights_batch, weights_schema};
use crate::services::NamedModel;

/// A model; read as a table it is its weights (`ML.WEIGHTS`).
#[derive(Debug, Clone)]
pub struct ModelTable {
    model: Arc<NamedModel>,
}

impl ModelTable {
    /// The table of a model.
    pub fn new(model: Arc<NamedModel>) -> Self {
        ModelTable { model }
    }

    /// The model.
    pub fn model(&self) -> &Arc<NamedModel> {
        &self.model
    }
}

#[async_trait]
impl TableProvider for ModelTable {
    fn schema(&self) -> SchemaRef {
        weights_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.model.needs_training("select").map_err(to_datafusion)?;
        let rows = weights_batch(&self.model.model).map_err(to_datafusion)?;
        MemTable::try_new(weights_schema(), vec![vec![rows]])?.scan(state, projection, filters, limit).await
    }
}
