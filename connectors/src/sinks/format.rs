//! Which formats are written, and DataFusion's writers of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics, not_impl_err};
use datafusion::datasource::file_format::arrow::ArrowFormatFactory;
use datafusion::datasource::file_format::csv::CsvFormatFactory;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormatFactory;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileOutputMode, FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;
use object_store::{ObjectMeta, ObjectStore};

use super::OP;
use super::csv_style::CsvStyle;
use super::sink::atomic;
use super::target::Target;
use super::writers::with_own_serializer;
use crate::files::{ExtensionParquetFormatFactory, compression, error::external, remote};

/// A format of written files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Parquet,
    Csv,
    /// One object a line.
    Json,
    /// IPC files.
    Arrow,
}

/// Names and endings.
const KINDS: [(&str, FileKind); 11] = [
    ("parquet", FileKind::Parquet),
    ("pq", FileKind::Parquet),
    ("parq", FileKind::Parquet),
    ("csv", FileKind::Csv),
    ("tsv", FileKind::Csv),
    ("json", FileKind::Json),
    ("ndjson", FileKind::Json),
    ("jsonl", FileKind::Json),
    ("arrow", FileKind::Arrow),
    ("ipc", FileKind::Arrow),
    ("feather", FileKind::Arrow),
];

impl FileKind {
    /// As DataFusion and errors call it.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Parquet => "parquet",
            FileKind::Csv => "csv",
            FileKind::Json => "json",
            FileKind::Arrow => "arrow",
        }
    }

    /// By a name, in any case. Errors: `Plan` for an unknown one.
    pub fn by_name(name: &str) -> Result<Self> {
        let found = KINDS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, kind)| *kind);
        found.ok_or_else(|| {
            let hint = names::suggest(name, ["parquet", "csv", "json", "arrow"]);
            Error::plan(OP, format!("unknown format `{name}`")).hint(hint)
        })
    }

    /// By the ending of a path, compressed or not. Errors: `Plan` if it names none.
    pub(super) fn of_target(target: &str) -> Result<Self> {
        let plain = compression::plain_name(target);
        let ending = plain.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        ending.and_then(|ending| Self::by_name(ending).ok()).ok_or_else(|| {
            let hint = "write FORMAT parquet, csv, json or arrow: COPY ... TO '...' (FORMAT parquet)";
            Error::plan(OP, format!("the ending of `{target}` names no format")).hint(hint)
        })
    }

    /// True for the name of a file that this project, or another, would read as data.
    pub(super) fn is_data(name: &str) -> bool {
        Self::of_target(name).is_ok()
    }

    fn writers(self) -> Arc<dyn FileFormatFactory> {
        match self {
            FileKind::Parquet => Arc::new(ParquetFormatFactory::new()),
            FileKind::Csv => Arc::new(CsvFormatFactory::new()),
            FileKind::Json => Arc::new(JsonFormatFactory::new()),
            FileKind::Arrow => Arc::new(ArrowFormatFactory::new()),
        }
    }
}

/// The formats by all their names, for the session to know them: `STORED AS NDJSON`, `TO 'x.feather'`.
pub fn named_formats() -> Vec<Arc<dyn FileFormatFactory>> {
    let named = KINDS.iter().filter(|(name, kind)| *name != kind.name());
    let named = named.map(|&(name, kind)| Arc::new(NamedFormat { name, kind }) as Arc<dyn FileFormatFactory>);
    named.chain([Arc::new(ExtensionParquetFormatFactory) as Arc<dyn FileFormatFactory>]).collect()
}

/// A format by another name.
#[derive(Debug)]
struct NamedFormat {
    name: &'static str,
    kind: FileKind,
}

impl FileFormatFactory for NamedFormat {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> DataFusionResult<Arc<dyn FileFormat>> {
        self.kind.writers().create(state, options)
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        self.kind.writers().default()
    }
}

impl GetExt for NamedFormat {
    fn get_ext(&self) -> String {
        self.name.to_string()
    }
}

/// Makes the writers of one COPY.
#[derive(Debug)]
pub(super) struct CopyFormatFactory {
    pub(super) kind: FileKind,
    /// None in an object store, whose writes are whole or nothing by themselves.
    pub(super) target: Option<Target>,
    pub(super) csv: CsvStyle,
}

impl CopyFormatFactory {
    fn over(&self, inner: Arc<dyn FileFormat>) -> CopyFormat {
        CopyFormat { inner, target: self.target.clone(), csv: self.csv.clone() }
    }
}

impl FileFormatFactory for CopyFormatFactory {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> DataFusionResult<Arc<dyn FileFormat>> {
        let inner = self.kind.writers().create(state, options)?;
        Ok(Arc::new(self.over(inner)))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(self.over(self.kind.writers().default()))
    }
}

impl GetExt for CopyFormatFactory {
    fn get_ext(&self) -> String {
        self.kind.name().to_string()
    }
}

/// DataFusion's writers, which write beside the target.
#[derive(Debug)]
struct CopyFormat {
    inner: Arc<dyn FileFormat>,
    target: Option<Target>,
    csv: CsvStyle,
}

#[async_trait]
impl FileFormat for CopyFormat {
    fn get_ext(&self) -> String {
        self.inner.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> DataFusionResult<String> {
        self.inner.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.inner.compression_type()
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        mut config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let Some(target) = &self.target else {
            remote::store(OP, state.runtime_env(), &config.object_store_url).map_err(external)?;
            let plan = self.inner.create_writer_physical_plan(input, state, config, order.clone()).await?;
            return Ok(with_own_serializer(plan, order, &self.csv));
        };
        let staging = target.staging();
        let (location, object_store) = staging.location().map_err(external)?;
        config.table_paths = vec![location];
        config.object_store_url = object_store;
        config.file_output_mode = if target.is_directory { FileOutputMode::Directory } else { FileOutputMode::SingleFile };
        let partition_by = config.table_partition_cols.iter().map(|(name, _)| name.clone()).collect();
        let inner = self.inner.create_writer_physical_plan(input.clone(), state, config, order.clone()).await?;
        let inner = with_own_serializer(inner, order.clone(), &self.csv);
        Ok(atomic(input, inner, target.clone(), staging, (partition_by, &self.inner.get_ext()), order))
    }

    async fn infer_schema(&self, _: &dyn Session, _: &Arc<dyn ObjectStore>, _: &[ObjectMeta]) -> DataFusionResult<SchemaRef> {
        not_impl_err!("reading by a writer")
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        _: &ObjectMeta,
    ) -> DataFusionResult<Statistics> {
        Ok(Statistics::new_unknown(&schema))
    }

    async fn create_physical_plan(&self, _: &dyn Session, _: FileScanConfig) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        not_impl_err!("reading by a writer")
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.inner.file_source(table_schema)
    }
}
