//! Histograms as a run keeps them: Parquet files of lower edge, upper edge and count.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use bytes::Bytes;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use gradframe_ml_core::{Error, Result};

use super::OP;
use super::event::Bin;

/// Counts up to here are the same as integers and as floats.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The file. Counts are integers unless some are no whole numbers.
pub(super) fn write(bins: &[Bin]) -> Result<Vec<u8>> {
    let column = |of: fn(&Bin) -> f64| Arc::new(bins.iter().map(of).collect::<Float64Array>()) as ArrayRef;
    let are_whole = bins.iter().all(|bin| bin.count.fract() == 0.0 && bin.count.abs() <= WHOLE_MAX);
    let counts: ArrayRef = match are_whole {
        true => Arc::new(bins.iter().map(|bin| bin.count as i64).collect::<Int64Array>()),
        false => column(|bin| bin.count),
    };
    let columns = [("lower", column(|bin| bin.lower)), ("upper", column(|bin| bin.upper)), ("count", counts)];
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| Error::internal(OP, error.to_string()).because(error))?;
    let written = ArrowWriter::try_new(Vec::new(), batch.schema(), None).and_then(|mut writer| {
        writer.write(&batch)?;
        writer.into_inner()
    });
    written.map_err(|error| Error::internal(OP, error.to_string()).because(error))
}

/// The bins of a file. Errors: `Execution` naming an artifact that is no such table.
pub(super) fn read(path: &str, file: Vec<u8>) -> Result<Vec<Bin>> {
    let wrong = |what: String| Error::execution(OP, format!("artifact `{path}` is no histogram: {what}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).and_then(|builder| builder.build());
    let mut bins = Vec::new();
    for batch in reader.map_err(|error| wrong(error.to_string()))? {
        let batch = batch.map_err(|error| wrong(error.to_string()))?;
        let column = |name: &str| {
            let column = batch.column_by_name(name).ok_or_else(|| wrong(format!("it has no column `{name}`")))?;
            cast(column, &DataType::Float64).map_err(|error| wrong(error.to_string()))
        };
        let [lower, upper, count] = [column("lower")?, column("upper")?, column("count")?];
        let [lower, upper, count] = [&lower, &upper, &count].map(|column| column.as_primitive::<Float64Type>());
        let bin = |row| Bin { lower: lower.value(row), upper: upper.value(row), count: count.value(row) };
        bins.extend((0..batch.num_rows()).map(bin));
    }
    Ok(bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_come_back_with_whole_counts_or_others() {
        for count in [3.0, 0.5] {
            let bins = vec![Bin { lower: -1.0, upper: 0.5, count }, Bin { lower: 0.5, upper: 2.0, count: 0.0 }];
            assert_eq!(read("w.parquet", write(&bins).unwrap()).unwrap(), bins);
        }
        assert_eq!(read("w.parquet", write(&[]).unwrap()).unwrap(), []);
    }

    #[test]
    fn what_is_no_histogram_is_named() {
        let error = read("w.parquet", b"PAR1".to_vec()).unwrap_err();
        assert!(error.kind() == "Execution" && error.to_string().contains("`w.parquet`"), "{error}");
    }
}
