//! What EXPLAIN ANALYZE shows of a training.

use datafusion::common::format::{MetricCategory, MetricType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, Gauge, MetricBuilder, SpillMetrics, Time,
};

/// Counters of one training. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct TrainMetrics {
    /// Training rows.
    pub rows: Count,
    /// Epochs.
    pub steps: Count,
    /// Passes that were begun on a device.
    pub device_runs: Count,
    /// Floating point operations of the folds.
    pub flops: Count,
    /// Time spent on all but waiting for rows.
    pub elapsed_compute: Time,
    /// Time spent waiting for rows.
    pub data_wait: Time,
    /// Time spent ordering and encoding rows.
    pub time_encode: Time,
    /// Time spent fitting.
    pub time_fit: Time,
    /// Bytes of the encoded rows.
    pub cache_bytes: Gauge,
    /// Files that took what did not fit in memory, with their rows and bytes.
    pub spill: SpillMetrics,
    /// Most bytes held at once.
    pub peak_memory: Gauge,
}

impl TrainMetrics {
    /// Counters at zero beside those that every operator has, shown at every level of EXPLAIN ANALYZE.
    pub fn new(set: &ExecutionPlanMetricsSet, baseline: &BaselineMetrics) -> Self {
        let builder = || MetricBuilder::new(set).with_type(MetricType::Summary);
        TrainMetrics {
            elapsed_compute: baseline.elapsed_compute().clone(),
            rows: builder().with_category(MetricCategory::Rows).counter("rows", 0),
            steps: builder().with_category(MetricCategory::Rows).counter("steps", 0),
            device_runs: builder().with_category(MetricCategory::Rows).counter("device_runs", 0),
            flops: builder().counter("flops", 0),
            data_wait: builder().subset_time("data_wait", 0),
            time_encode: builder().subset_time("time_encode", 0),
            time_fit: builder().subset_time("time_fit", 0),
            cache_bytes: builder().with_category(MetricCategory::Bytes).gauge("cache_bytes", 0),
            spill: SpillMetrics {
                spill_file_count: builder().with_category(MetricCategory::Rows).spill_count(0),
                spilled_bytes: builder().spilled_bytes(0),
                spilled_rows: builder().with_category(MetricCategory::Rows).spilled_rows(0),
            },
            peak_memory: builder().peak_memory_usage("peak_memory", 0),
        }
    }
}
