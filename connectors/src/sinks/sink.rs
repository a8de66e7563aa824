//! A sink whose files appear all at once.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::common::format::{MetricCategory, MetricType};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, Time};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::StreamExt;
use gradframe_ml_core::Error;
use gradframe_plan::error::from_datafusion;
use url::Url;

use super::OP;
use super::error::disk_failed;
use super::format::FileKind;
use super::one_dictionary::{has_dictionary, with_one_dictionary};
use super::partitions::as_texts;
use super::staging::Staging;
use super::store::WriteStore;
use super::target::Target;
use super::through::Special;
use crate::files::error::external;

/// The plan that writes `input` by `inner`, which writes into `staging`, and then puts that in the target's place.
pub(super) fn atomic(
    input: Arc<dyn ExecutionPlan>,
    inner: Arc<dyn ExecutionPlan>,
    target: Target,
    staging: Staging,
    (partition_by, kind): (Vec<String>, &str),
    order: Option<LexRequirement>,
) -> Arc<dyn ExecutionPlan> {
    let (schema, metrics) = (input.schema(), ExecutionPlanMetricsSet::new());
    let one_dictionary = kind == FileKind::Arrow.name() && has_dictionary(&schema);
    let sink = AtomicSink { schema, inner, target, staging, partition_by, one_dictionary, metrics };
    Arc::new(DataSinkExec::new(input, Arc::new(sink), order))
}

#[derive(Debug)]
struct AtomicSink {
    schema: SchemaRef,
    /// DataFusion's own, of which only the sink is used.
    inner: Arc<dyn ExecutionPlan>,
    target: Target,
    staging: Staging,
    partition_by: Vec<String>,
    /// Whether the file holds the dictionary of a column once.
    one_dictionary: bool,
    metrics: ExecutionPlanMetricsSet,
}

impl AtomicSink {
    fn inner(&self) -> Result<&dyn DataSink> {
        let exec = self.inner.downcast_ref::<DataSinkExec>();
        exec.map(DataSinkExec::sink).ok_or_else(|| external(Error::internal(OP, "DataFusion's writer is no sink")))
    }

    /// Writes into the staging place. The store that does it knows what the disk said, if it said anything.
    async fn write(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64, Error> {
        let (runtime, store) = (context.runtime_env(), Arc::new(WriteStore::default()));
        let url = self.staging.store_url()?;
        runtime.register_object_store(&url, store.clone());
        let registered = Registered { runtime, url };
        let written = match self.inner() {
            Ok(sink) => sink.write_all(self.rows(data, context), context).await,
            Err(error) => Err(error),
        };
        drop(registered);
        written.map_err(|error| match store.first_error() {
            Some(kind) => disk_failed(&self.target.path, kind, error),
            None => query_or_writer_failed(error),
        })
    }

    /// The rows as the inner sink is to see them. A directory gets a file even if there are no rows: it says the columns.
    fn rows(&self, rows: SendableRecordBatchStream, context: &TaskContext) -> SendableRecordBatchStream {
        let rows = if self.one_dictionary { with_one_dictionary(rows, context) } else { rows };
        if !self.partition_by.is_empty() {
            return as_texts(rows, &self.partition_by);
        }
        if self.one_dictionary {
            return rows;
        }
        let schema = rows.schema();
        let first = futures::stream::iter([Ok(RecordBatch::new_empty(schema.clone()))]);
        Box::pin(RecordBatchStreamAdapter::new(schema, first.chain(rows)))
    }
}

#[async_trait]
impl DataSink for AtomicSink {
    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        self.target.check().map_err(external)?;
        let written = Written::new(&self.metrics);
        let started = Instant::now();
        let data = written.timed(data);
        let begun = self.staging.begin().map_err(|e| external(disk_failed(&self.target.path, e.kind(), e.into())))?;
        let count = self.write(data, context).await.map_err(external)?;
        written.finish(count, self.staging.bytes(), started);
        let committed = match Special::at(&self.target.path) {
            Some(_) => begun.pour_into(&self.target.path).await,
            // Not a moment for others to run: what is written is put in place, or nothing is.
            None => begun.commit(&self.target),
        };
        committed.map_err(|e| external(commit_failed(&self.target, e)))?;
        Ok(count)
    }
}

/// What EXPLAIN ANALYZE shows of a write.
struct Written {
    rows: Count,
    bytes: Count,
    /// All but waiting for rows.
    elapsed_compute: Time,
    data_wait: Time,
}

impl Written {
    fn new(set: &ExecutionPlanMetricsSet) -> Self {
        let builder = || MetricBuilder::new(set).with_type(MetricType::Summary);
        Written {
            rows: builder().with_category(MetricCategory::Rows).counter("rows_written", 0),
            bytes: builder().with_category(MetricCategory::Bytes).counter("bytes_written", 0),
            elapsed_compute: builder().elapsed_compute(0),
            data_wait: builder().subset_time("data_wait", 0),
        }
    }

    /// The rows, the time until each batch of which is counted.
    fn timed(&self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let (schema, data_wait) = (rows.schema(), self.data_wait.clone());
        let timed = futures::stream::unfold((rows, data_wait), |(mut rows, data_wait)| async move {
            let started = Instant::now();
            let next = rows.next().await;
            data_wait.add_elapsed(started);
            next.map(|batch| (batch, (rows, data_wait)))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, timed))
    }

    fn finish(&self, rows: u64, bytes: u64, started: Instant) {
        self.rows.add(rows as usize);
        self.bytes.add(bytes as usize);
        let waited = Duration::from_nanos(self.data_wait.value() as u64);
        self.elapsed_compute.add_duration(started.elapsed().saturating_sub(waited));
    }
}

/// The query's error as it is, the writer's as one of the copy: mostly a type that the format does not have.
fn query_or_writer_failed(error: DataFusionError) -> Error {
    let by_writer = match &error {
        DataFusionError::ArrowError(inner, _) => matches!(**inner, ArrowError::CsvError(_) | ArrowError::JsonError(_)),
        other => matches!(other, DataFusionError::ParquetError(_)),
    };
    let ours = from_datafusion(error);
    if !by_writer {
        return ours;
    }
    let what = ours.detail().what.clone();
    let failed = match &ours {
        Error::NotImplemented(_) => Error::not_implemented(OP, what),
        _ => Error::execution(OP, what),
    };
    failed.hint("cast the column, or write FORMAT arrow, which has every type").because(ours)
}

/// A store for as long as it is written to.
struct Registered {
    runtime: Arc<RuntimeEnv>,
    url: Url,
}

impl Drop for Registered {
    fn drop(&mut self) {
        // It is there: nobody else knows its name.
        let _ = self.runtime.deregister_object_store(&self.url);
    }
}

fn commit_failed(target: &Target, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => target.taken(),
        kind => disk_failed(&target.path, kind, DataFusionError::IoError(error)),
    }
}

impl DisplayAs for AtomicSink {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.target.is_directory { "directory" } else { "file" };
        match format {
            DisplayFormatType::TreeRender => write!(f, "{kind}={}", self.target.path.display()),
            _ => write!(f, "AtomicSink({kind}={}, {})", self.target.path.display(), self.target.on_existing.name()),
        }
    }
}
