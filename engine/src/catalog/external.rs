//! External tables: their files are read as those named in FROM are, with the columns that were declared, if any were. INSERT
//! adds files by DataFusion's listing tables.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::common::{Column, ToDFSchema, not_impl_err};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{
    CreateExternalTable, Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, cast,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::sinks::FileKind;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names;
use gradframe_plan::services::{Services, SourceCall};

use super::not_null;
use super::stored::provider;
use crate::session::UNNAMED;
use crate::{Error, Result};

const OP: &str = "create external table";

/// What DataFusion calls the options of CSV and NDJSON, and what our reading functions call them.
const OPTIONS: [(&str, &str); 9] = [
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

/// A table of files, with all their columns or those declared.
#[derive(Debug)]
pub(super) struct ExternalTable {
    files: Arc<dyn TableProvider>,
    command: CreateExternalTable,
}

impl ExternalTable {
    /// Opens the files; None for a format that nobody knows. Declared columns are found in the files by name, or by position
    /// where a CSV file has no header. Errors: those of the reading function; `NotImplemented` for DEFAULT and WITH ORDER.
    pub(super) async fn open(state: &SessionState, command: &CreateExternalTable) -> Result<Option<Arc<dyn TableProvider>>> {
        let Ok(kind) = FileKind::by_name(&command.file_type) else { return Ok(None) };
        check_clauses(command)?;
        if !is_text(kind) && !command.options.is_empty() {
            // They are of the writers that INSERT takes, which say what is wrong with them.
            provider(state, command).await?;
        }
        let files = Services::of(state.config())?.sources.open(state, &source_call(command, kind)).await?;
        let files = if command.schema.fields().is_empty() { files } else { declared(files, command)? };
        Ok(Some(Arc::new(ExternalTable { files, command: command.clone() })))
    }

    /// The command as if it had named the columns.
    fn with_columns(&self) -> DataFusionResult<CreateExternalTable> {
        let schema = Arc::new(self.files.schema().as_ref().clone().to_dfschema()?);
        Ok(CreateExternalTable { schema, ..self.command.clone() })
    }
}

fn check_clauses(command: &CreateExternalTable) -> Result<()> {
    if !command.column_defaults.is_empty() {
        return Err(Error::not_implemented(OP, "DEFAULT values"));
    }
    if !command.order_exprs.is_empty() {
        let error = Error::not_implemented(OP, "WITH ORDER is not supported: the files would not be checked for it");
        return Err(error.hint("leave it out: the order that Parquet files say they have is used"));
    }
    Ok(())
}

/// True for formats whose reading has options.
fn is_text(kind: FileKind) -> bool {
    matches!(kind, FileKind::Csv | FileKind::Json)
}

/// The call that reads the files. Hive partitions are found by themselves.
fn source_call(command: &CreateExternalTable, kind: FileKind) -> SourceCall {
    let given = command.options.iter().filter(|_| is_text(kind)).map(|(name, value)| {
        let name = name.strip_prefix("format.").unwrap_or(name);
        let ours = OPTIONS.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours);
        (ours.to_string(), ScalarValue::from(value.as_str()))
    });
    let mut options: Vec<_> = given.collect();
    let columns: Vec<_> = command.schema.fields().iter().filter(|field| !is_partition(command, field.name())).collect();
    if !columns.is_empty() {
        let is_headerless = |(name, value): &(String, ScalarValue)| name == "header" && value.to_string() == "false";
        if options.iter().any(is_headerless) {
            let names = columns.iter().map(|field| ScalarValue::from(field.name().as_str())).collect::<Vec<_>>();
            options.push(("names".into(), ScalarValue::List(ScalarValue::new_list_nullable(&names, &DataType::Utf8))));
        }
        options.push(("types".into(), types(&columns)));
    }
    let function = match kind {
        FileKind::Parquet => "read_parquet",
        FileKind::Csv => "read_csv",
        FileKind::Json => "read_json",
        FileKind::Arrow => "read_arrow",
    };
    SourceCall { function: Some(function.to_owned()), paths: command.locations.clone(), options }
}

fn is_partition(command: &CreateExternalTable, column: &str) -> bool {
    command.table_partition_cols.iter().any(|name| name == column)
}

/// `{'column': 'type', ...}`.
fn types(columns: &[&FieldRef]) -> ScalarValue {
    let typed = columns.iter().fold(ScalarStructBuilder::new(), |types, field| {
        let data_type = if field.data_type() == &DataType::Utf8View { &DataType::Utf8 } else { field.data_type() };
        types.with_scalar(Field::new(field.name(), DataType::Utf8, true), ScalarValue::from(data_type.to_string()))
    });
    typed.build().unwrap_or(ScalarValue::Null)
}

/// The declared columns of the files, in their order. Errors: `Plan` for one that is neither in the files nor in their paths.
fn declared(files: Arc<dyn TableProvider>, command: &CreateExternalTable) -> Result<Arc<dyn TableProvider>> {
    let schema = files.schema();
    let columns = command.schema.fields().iter().map(|field| {
        let name = field.name();
        let found = schema.field_with_name(name).map_err(|_| {
            let hint = names::suggest(name, schema.fields().iter().map(|field| field.name().as_str()));
            Error::plan(OP, format!("no column `{name}` in `{}`", command.locations.join("`, `"))).hint(hint)
        })?;
        let column = Expr::Column(Column::from_name(name));
        Ok(if is_partition(command, name) && found.data_type() != field.data_type() {
            cast(column, field.data_type().clone()).alias(name)
        } else {
            column
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let plan = LogicalPlanBuilder::scan(UNNAMED, provider_as_source(files), None).and_then(|scan| scan.project(columns));
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(from_datafusion)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

#[async_trait]
impl TableProvider for ExternalTable {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.files.get_logical_plan()
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
        let input = not_null::checked(input, self.command.schema.inner())?;
        let listing = match factory.create(session, &self.command).await {
            Ok(listing) => listing,
            // It does not find the columns where files have other endings than the format's own; they are known here.
            Err(_) => factory.create(session, &self.with_columns()?).await?,
        };
        listing.insert_into(session, input, op).await
    }
}
