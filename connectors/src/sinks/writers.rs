//! DataFusion's writers of texts with serializers of ours.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::file_format::csv::CsvSink;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonSink;
use datafusion::datasource::physical_plan::{FileSink, FileSinkConfig};
use datafusion::datasource::sink::{DataSink, DataSinkExec};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use datafusion_datasource::write::BatchSerializer;
use datafusion_datasource::write::demux::DemuxedStreamReceiver;
use datafusion_datasource::write::orchestration::spawn_writer_tasks_and_join;
use object_store::ObjectStore;

use super::csv::CsvSerializer;
use super::csv_style::CsvStyle;
use super::json::JsonSerializer;

/// The plan of DataFusion's writer of CSV or JSON with ours in its place; another plan as it is.
pub(super) fn with_own_serializer(
    plan: Arc<dyn ExecutionPlan>,
    order: Option<LexRequirement>,
    csv: &CsvStyle,
) -> Arc<dyn ExecutionPlan> {
    let Some(exec) = plan.downcast_ref::<DataSinkExec>() else { return plan };
    let Some(sink) = Sink::of(exec.sink(), csv) else { return plan };
    Arc::new(DataSinkExec::new(Arc::clone(exec.input()), Arc::new(sink), order))
}

struct Sink {
    name: &'static str,
    config: FileSinkConfig,
    serializer: Arc<dyn BatchSerializer>,
    compression: FileCompressionType,
    compression_level: Option<u32>,
}

impl Sink {
    fn of(sink: &dyn DataSink, style: &CsvStyle) -> Option<Self> {
        if let Some(csv) = sink.downcast_ref::<CsvSink>() {
            let options = csv.writer_options();
            return Some(Sink {
                name: "CsvSink",
                config: csv.config().clone(),
                serializer: Arc::new(CsvSerializer { builder: options.writer_options.clone(), style: style.clone() }),
                compression: options.compression.into(),
                compression_level: options.compression_level,
            });
        }
        let json = sink.downcast_ref::<JsonSink>()?;
        let options = json.writer_options();
        Some(Sink {
            name: "JsonSink",
            config: json.config().clone(),
            serializer: Arc::new(JsonSerializer),
            compression: options.compression.into(),
            compression_level: options.compression_level,
        })
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.name).finish()
    }
}

impl DisplayAs for Sink {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[async_trait]
impl FileSink for Sink {
    fn config(&self) -> &FileSinkConfig {
        &self.config
    }

    async fn spawn_writer_tasks_and_join(
        &self,
        context: &Arc<TaskContext>,
        demux_task: SpawnedTask<Result<()>>,
        files: DemuxedStreamReceiver,
        object_store: Arc<dyn ObjectStore>,
    ) -> Result<u64> {
        let (serializer, compression) = (Arc::clone(&self.serializer), self.compression);
        spawn_writer_tasks_and_join(context, serializer, compression, self.compression_level, object_store, demux_task, files)
            .await
    }
}

#[async_trait]
impl DataSink for Sink {
    fn schema(&self) -> &SchemaRef {
        self.config.output_schema()
    }

    async fn write_all(&self, data: SendableRecordBatchStream, context: &Arc<TaskContext>) -> Result<u64> {
        FileSink::write_all(self, data, context).await
    }
}
