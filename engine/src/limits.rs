//! How operators divide a memory limit: what a sort keeps back for merging, and how large batches are.

use datafusion::prelude::SessionConfig;

use crate::config::SessionBuilder;

/// DataFusion's own defaults, for memory in plenty.
const BATCH_SIZE_ROWS: usize = 8192;
const SORT_RESERVATION_BYTES: usize = 10 << 20;

/// Memory a thread from which batches have their full size. A merge holds several batches of each run.
const FULL_BATCH_BYTES: usize = 64 << 20;
const BATCH_SIZE_ROWS_MIN: usize = 512;

/// A plan of several sorts keeps this part of a thread's memory back for each: one in so many.
const SORT_RESERVATION_PART: usize = 16;
const SORT_RESERVATION_BYTES_MIN: usize = 64 << 10;

/// A configuration with what follows from the memory limit and the number of threads.
pub(crate) fn applied(config: SessionConfig, builder: &SessionBuilder) -> SessionConfig {
    let thread_bytes = builder.memory_limit_or_default() / builder.threads_or_default();
    let (reservation, in_place) =
        (sort_reservation_bytes(thread_bytes), config.options().execution.sort_in_place_threshold_bytes);
    config
        .with_batch_size(builder.batch_size_rows.unwrap_or_else(|| batch_size_rows(thread_bytes)))
        .with_sort_spill_reservation_bytes(reservation)
        .with_sort_in_place_threshold_bytes(in_place.min(reservation))
}

fn batch_size_rows(thread_bytes: usize) -> usize {
    let parts = FULL_BATCH_BYTES.div_ceil(thread_bytes.max(1)).next_power_of_two();
    (BATCH_SIZE_ROWS / parts).max(BATCH_SIZE_ROWS_MIN)
}

/// A sort keeps this back from its first row on; what is left holds rows.
fn sort_reservation_bytes(thread_bytes: usize) -> usize {
    (thread_bytes / SORT_RESERVATION_PART).clamp(SORT_RESERVATION_BYTES_MIN, SORT_RESERVATION_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_in_plenty_changes_nothing() {
        assert_eq!((batch_size_rows(1 << 30), sort_reservation_bytes(1 << 30)), (8192, 10 << 20));
        assert_eq!(batch_size_rows(64 << 20), 8192);
    }

    #[test]
    fn little_memory_is_divided_finer() {
        assert_eq!((batch_size_rows(12 << 20), sort_reservation_bytes(12 << 20)), (1024, 768 << 10));
        assert_eq!((batch_size_rows(0), sort_reservation_bytes(0)), (512, 64 << 10));
    }
}
