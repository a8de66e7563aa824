//! What is not believed of a Parquet file's footer: its number of rows, and the largest of its floats.
//!
//! A file states its rows twice: once for the whole file, once for each row group. The row groups are what is read, and
//! parquet-rs takes the size of its batches from the file's number: 0 there reads as an empty file. Where the two differ,
//! the row groups are believed, as Parquet C++ does. What is wrong with floats `parquet_nans` says.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::{FileMetaData, ParquetMetaData};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, TryFutureExt};

use super::parquet_nans::without_largest;

/// The scan, its files' rows counted by row group, and without the largest values of floats.
pub(super) fn with_doubts(scan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let Some(exec) = scan.downcast_ref::<DataSourceExec>() else { return scan };
    let Some((config, source)) = exec.downcast_to_file_source::<ParquetSource>() else { return scan };
    let Some(readers) = source.parquet_file_reader_factory() else { return scan };
    let source = source.clone().with_parquet_file_reader_factory(Arc::new(DoubtingReaders(Arc::clone(readers))));
    let config: FileScanConfig = FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source)).build();
    DataSourceExec::from_data_source(config)
}

/// Makes readers that do not believe all.
#[derive(Debug)]
struct DoubtingReaders(Arc<dyn ParquetFileReaderFactory>);

impl ParquetFileReaderFactory for DoubtingReaders {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let reader = self.0.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(DoubtingReader(reader)))
    }
}

struct DoubtingReader(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for DoubtingReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        self.0.get_metadata(options).map_ok(with_rows_of_row_groups).and_then(|metadata| ready(without_largest(metadata))).boxed()
    }
}

/// The same metadata if the two counts agree.
fn with_rows_of_row_groups(metadata: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
    let file = metadata.file_metadata();
    let rows = metadata.row_groups().iter().map(|group| group.num_rows()).sum();
    if file.num_rows() == rows {
        return metadata;
    }
    let counted = FileMetaData::new(
        file.version(),
        rows,
        file.created_by().map(str::to_owned),
        file.key_value_metadata().cloned(),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    // Without the page indexes: what they promise of a file that miscounts its rows is not believed either.
    Arc::new(ParquetMetaData::new(counted, metadata.row_groups().to_vec()))
}
