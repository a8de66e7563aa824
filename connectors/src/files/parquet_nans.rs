//! What Parquet files say of their largest numbers, and of the numbers that they hold.
//!
//! A NaN is above all numbers here, as in Polars and DuckDB, but Parquet's writers leave it out of the least and the largest value of a
//! column: where these are -2 and 3 there may be NaNs too. So the largest float of a page, row group or file is not known. The
//! least one is, as no NaN is below it; DuckDB believes the same half. A bloom filter goes by bits: where it has -0.0 alone, it denies that
//! there is a zero, so filters of floats are not asked.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::Statistics as TableStatistics;
use datafusion::common::stats::Precision;
use datafusion::parquet::basic::{LogicalType, Type};
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::statistics::{Statistics, ValueStatistics};
use datafusion::parquet::schema::types::ColumnDescriptor;
use datafusion::scalar::ScalarValue;

/// The statistics of a file's columns, of which those of floats have no largest value, and those that the table has in another type than
/// the file no bound at all: DataFusion gives null there, which would be passed over beside the bounds of other files.
pub(super) fn of_table(mut statistics: TableStatistics, schema: &Schema) -> TableStatistics {
    for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
        for bound in [&mut column.min_value, &mut column.max_value] {
            if bound.get_value().is_some_and(ScalarValue::is_null) {
                *bound = Precision::Absent;
            }
        }
        if matches!(field.data_type(), DataType::Float16 | DataType::Float32 | DataType::Float64) {
            column.max_value = Precision::Absent;
        }
    }
    statistics
}

/// The same metadata, in which floats have no largest value and no bloom filter, and their pages no index.
pub(super) fn without_largest(metadata: Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let floats: Vec<bool> = columns.iter().map(|column| is_float(column)).collect();
    if !floats.contains(&true) {
        return Ok(metadata);
    }
    let groups = metadata.row_groups().iter().map(|group| of_row_group(group, &floats)).collect::<Result<_>>()?;
    let index = metadata.column_index().map(|groups| groups.iter().map(|pages| of_pages(pages, &floats)).collect());
    let metadata = Arc::unwrap_or_clone(metadata).into_builder();
    Ok(Arc::new(metadata.set_row_groups(groups).set_column_index(index).build()))
}

fn is_float(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
        || matches!(column.logical_type_ref(), Some(LogicalType::Float16))
}

fn of_row_group(group: &RowGroupMetaData, floats: &[bool]) -> Result<RowGroupMetaData> {
    let chunks = group.columns().iter().zip(floats);
    let chunks = chunks.map(|(chunk, is_float)| if *is_float { of_chunk(chunk) } else { Ok(chunk.clone()) });
    group.clone().into_builder().set_column_metadata(chunks.collect::<Result<_>>()?).build()
}

fn of_chunk(chunk: &ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    // Nor is the index read later from where the file has it.
    let builder = chunk.clone().into_builder().set_column_index_offset(None).set_column_index_length(None);
    let builder = builder.set_bloom_filter_offset(None).set_bloom_filter_length(None);
    match chunk.statistics() {
        Some(statistics) => builder.set_statistics(half(statistics)).build(),
        None => builder.build(),
    }
}

/// All but the largest value.
fn half(all: &Statistics) -> Statistics {
    macro_rules! half {
        ($($kind:ident)*) => { match all {
            $(Statistics::$kind(values) => {
                let (least, is_old) = (values.min_opt().cloned(), all.is_min_max_deprecated());
                let half = ValueStatistics::new(least, None, all.distinct_count_opt(), all.null_count_opt(), is_old);
                Statistics::$kind(half.with_min_is_exact(all.min_is_exact()))
            })*
            other => other.clone(),
        } };
    }
    half!(Float Double FixedLenByteArray)
}

fn of_pages(pages: &[ColumnIndexMetaData], floats: &[bool]) -> Vec<ColumnIndexMetaData> {
    let pages = pages.iter().zip(floats);
    pages.map(|(pages, is_float)| if *is_float { ColumnIndexMetaData::NONE } else { pages.clone() }).collect()
}
