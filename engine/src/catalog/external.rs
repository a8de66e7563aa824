//! External tables: their files are read as those named in FROM are, and INSERT adds files by DataFusion's listing tables.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ToDFSchema, not_impl_err};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{CreateExternalTable, Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::sinks::FileKind;
use gradframe_plan::services::{Services, SourceCall};

use crate::Result;

/// What DataFusion calls the options of CSV, and what `read_csv` calls them.
const CSV_OPTIONS: [(&str, &str); 9] = [
    ("has_header", "header"),
    ("delimiter", "delim"),
    ("quote", "quote"),
    ("escape", "escape"),
    ("comment", "comment"),
    ("compression", "compression"),
    ("file_compression_type", "compression"),
    ("null_value", "null_value"),
    ("schema_infer_max_rec", "schema_infer_rows"),
];

/// A table of files.
#[derive(Debug)]
pub(super) struct ExternalTable {
    files: Arc<dyn TableProvider>,
    command: CreateExternalTable,
}

impl ExternalTable {
    /// Opens the files; None for a command that only DataFusion's listing tables know: with columns, an order, or options that
    /// our reading functions do not have. Errors: those of the reading function.
    pub(super) async fn open(state: &SessionState, command: &CreateExternalTable) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(call) = source_call(command) else { return Ok(None) };
        let files = Services::of(state.config())?.sources.open(state, &call).await?;
        Ok(Some(Arc::new(ExternalTable { files, command: command.clone() })))
    }

    /// The command as if it had named the columns.
    fn with_columns(&self) -> DataFusionResult<CreateExternalTable> {
        let schema = Arc::new(self.files.schema().as_ref().clone().to_dfschema()?);
        Ok(CreateExternalTable { schema, ..self.command.clone() })
    }
}

/// The call that reads the files. Hive partitions are found by themselves.
fn source_call(command: &CreateExternalTable) -> Option<SourceCall> {
    let plain = command.schema.fields().is_empty() && command.order_exprs.is_empty() && command.constraints.is_empty();
    let kind = FileKind::by_name(&command.file_type).ok().filter(|_| plain && command.column_defaults.is_empty())?;
    let options = command.options.iter().map(|(name, value)| {
        let name = name.strip_prefix("format.").unwrap_or(name);
        let (_, ours) = CSV_OPTIONS.iter().find(|(theirs, _)| kind == FileKind::Csv && *theirs == name)?;
        Some((ours.to_string(), ScalarValue::from(value.as_str())))
    });
    let function = match kind {
        FileKind::Parquet => "read_parquet",
        FileKind::Csv => "read_csv",
        FileKind::Json => "read_json",
        FileKind::Arrow => "read_arrow",
    };
    Some(SourceCall {
        function: Some(function.to_owned()),
        paths: command.locations.clone(),
        options: options.collect::<Option<Vec<_>>>()?,
    })
}

#[async_trait]
impl TableProvider for ExternalTable {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        self.files.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.files.scan(session, projection, filters, limit).await
    }

    async fn insert_into(
        &self,
        session: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        op: InsertOp,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let kind = FileKind::by_name(&self.command.file_type).map(FileKind::name).unwrap_or_default();
        let state = session.as_any().downcast_ref::<SessionState>();
        let Some(factory) = state.and_then(|state| state.table_factories().get(&kind.to_uppercase())) else {
            return not_impl_err!("INSERT into tables of this format");
        };
        let listing = match factory.create(session, &self.command).await {
            Ok(listing) => listing,
            // It does not find the columns where files have other endings than the format's own; they are known here.
            Err(_) => factory.create(session, &self.with_columns()?).await?,
        };
        listing.insert_into(session, input, op).await
    }
}
