//! What repartitioning spills: a file a batch.

use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::prelude::SessionConfig;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;

/// What DataFusion calls the files of repartitioning.
pub(super) const IN_PARTS: &str = "SpillPool";

/// Bytes from which on repartitioning takes a new file: each batch has one of its own.
const FILE_BYTES: usize = 1;

/// A configuration in which no file of repartitioning grows while it is read. Of two that grow, as DataFusion has them by default, its
/// reader waits for more of the first while the batch that it was promised is in the second, and the query stands still
/// (apache/datafusion#24883, decision 238).
pub fn with_repartition_files(mut config: SessionConfig) -> Result<SessionConfig> {
    config.options_mut().execution.max_spill_file_size_bytes =
        ConfigNonZeroUsize::try_new(FILE_BYTES).map_err(from_datafusion)?;
    Ok(config)
}
