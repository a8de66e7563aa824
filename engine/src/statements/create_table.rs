//! CREATE TABLE [AS]: rows stream into Parquet files of the store, which then becomes visible all at once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::JoinSet;
use datafusion::dataframe::DataFrame as Execution;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{CreateMemoryTable, LogicalPlan};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use futures::StreamExt;
use gradframe_connectors::store::{Entry, EntryKind};
use gradframe_plan::error::from_datafusion;

use super::{Creation, check_name, public_name};
use crate::catalog::{DoomedRows, Kind, StoredTable};
use crate::frame::DataFrame;
use crate::{Error, Result, Session, require_in_parquet};

const OP: &str = "create table";
/// A row group is written when it has taken this much memory.
const ROW_GROUP_BYTES_MAX: usize = 64 << 20;

/// Makes the table. Errors: `Plan` if the name is taken, `NotImplemented` for TEMPORARY and DEFAULT, and those of the query;
/// after an error there is no table, and a replaced one is still there.
pub(super) async fn run(session: &Session, command: CreateMemoryTable) -> Result<DataFrame> {
    if command.temporary || !command.column_defaults.is_empty() {
        return Err(Error::not_implemented(OP, "TEMPORARY tables and DEFAULT values"));
    }
    let name = public_name(OP, &command.name)?;
    match check_name(session, OP, &name, Kind::Table, command.if_not_exists, command.or_replace)? {
        Creation::Keep => session.nothing(),
        Creation::Create => create(session, &name, Arc::unwrap_or_clone(command.input)).await,
    }
}

async fn create(session: &Session, name: &str, query: LogicalPlan) -> Result<DataFrame> {
    let (public, owner) = (session.public(), session.public().store().owner());
    let table = StoredTable::begin(public.home(), &owner, name)?;
    let rows = DataFrame::new(session.clone(), query.clone());
    let written = rows.or_lost_row(write(session, query, table.path())).await;
    written.map_err(|error| name_place(error, table.path()))?;
    let doom = |replaced: &Entry| Ok((replaced.sql.clone(), DoomedRows::of(public.home(), &owner, &replaced.sql)?));
    let replaced = public.store().save_entry_after(EntryKind::Table, name, &table.sql(), doom)?;
    table.commit();
    public.uncache(name);
    if let Some((sql, rows)) = replaced {
        public.close(&sql);
        rows.delete()?;
    }
    session.nothing()
}

/// A disk that is full is somewhere.
fn name_place(error: Error, directory: &Path) -> Error {
    match &error {
        Error::Resources(detail) if detail.op == "write" => {
            Error::resources(OP, format!("cannot write `{}`: {}", directory.display(), detail.what)).because(error)
        }
        _ => error,
    }
}

/// Writes the query's partitions side by side, one file each.
async fn write(session: &Session, query: LogicalPlan, directory: &Path) -> Result<()> {
    let schema = stored_schema(&query);
    require_in_parquet(OP, &schema)?;
    let execution = Execution::new(session.state(), query);
    let partitions = execution.execute_stream_partitioned().await.map_err(from_datafusion)?;
    let mut writing = JoinSet::new();
    for (index, rows) in partitions.into_iter().enumerate() {
        let file = directory.join(format!("part-{index:05}.parquet"));
        writing.spawn(write_file(rows, file, Arc::clone(&schema)));
    }
    while let Some(written) = writing.join_next().await {
        written.map_err(|error| from_datafusion(DataFusionError::ExecutionJoin(Box::new(error))))??;
    }
    Ok(())
}

/// The query's columns, all of which may hold nulls in rows to come, whatever this query's rows hold; or exactly the
/// columns that a statement without a query declares. The metadata of the schema as a whole, in which input files may
/// differ, is left out.
fn stored_schema(query: &LogicalPlan) -> SchemaRef {
    let fields = query.schema().fields();
    if matches!(query, LogicalPlan::EmptyRelation(_)) {
        return Arc::new(Schema::new(fields.clone()));
    }
    Arc::new(Schema::new(fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>()))
}

async fn write_file(mut rows: SendableRecordBatchStream, path: PathBuf, schema: SchemaRef) -> Result<()> {
    let file = File::create(&path).map_err(|error| from_datafusion(error.into()))?;
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties())).map_err(parquet_error)?;
    while let Some(batch) = rows.next().await {
        let columns = batch.map_err(from_datafusion)?.columns().to_vec();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| from_datafusion(error.into()))?;
        writer.write(&batch).map_err(parquet_error)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            writer.flush().map_err(parquet_error)?;
        }
    }
    writer.close().map(|_| ()).map_err(parquet_error)
}

fn properties() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build()
}

fn parquet_error(error: datafusion::parquet::errors::ParquetError) -> Error {
    from_datafusion(error.into())
}
