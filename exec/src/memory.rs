//! Reserving memory in the session's pool, with errors that say what was needed and what there is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size};
use gradframe_ml_core::{Error, Result};

/// Bytes of a batch's own rows: of large buffers that it is a slice of, its part.
pub fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(column_bytes).sum()
}

/// Bytes of a column's own rows.
pub(crate) fn column_bytes(column: &ArrayRef) -> usize {
    let data = column.to_data();
    data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
}

/// An operator's share of the session's memory; given back when dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    op: &'static str,
    pool: Arc<dyn MemoryPool>,
    reservation: MemoryReservation,
}

impl Memory {
    /// An empty share. `op` names the operator in errors.
    pub fn new(op: &'static str, context: &TaskContext) -> Self {
        let pool = Arc::clone(context.memory_pool());
        let reservation = MemoryConsumer::new(op).register(&pool);
        Memory { op, pool, reservation }
    }

    /// An empty share of an operator that can write what it holds to the disk: the pool lets each such share grow until
    /// they are all of one size.
    pub fn spillable(op: &'static str, context: &TaskContext) -> Self {
        let pool = Arc::clone(context.memory_pool());
        let reservation = MemoryConsumer::new(op).with_can_spill(true).register(&pool);
        Memory { op, pool, reservation }
    }

    /// The pool's limit; None where there is none.
    pub fn limit_bytes(&self) -> Option<usize> {
        match self.pool.memory_limit() {
            MemoryLimit::Finite(limit) => Some(limit),
            _ => None,
        }
    }

    /// Takes `bytes` more, or nothing and returns false.
    pub fn try_grow(&self, bytes: usize) -> bool {
        self.reservation.try_grow(bytes).is_ok()
    }

    /// Whether `bytes` more could be had now.
    pub fn can_grow(&self, bytes: usize) -> bool {
        let can = self.try_grow(bytes);
        if can {
            self.shrink(bytes);
        }
        can
    }

    /// Gives everything back.
    pub fn free(&self) {
        self.reservation.free();
    }

    /// Takes over what another share holds, which must be of the same pool.
    pub fn absorb(&self, other: Memory) {
        let bytes = other.reservation.free();
        self.reservation.grow(bytes);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.reservation.size()
    }

    /// Takes `bytes` more for `what`. Errors: `Resources` if the pool does not have them.
    pub fn grow(&self, bytes: usize, what: &str) -> Result<()> {
        self.reservation.try_grow(bytes).map_err(|source| self.short(bytes, what).because(source))
    }

    /// Gives `bytes` back.
    pub fn shrink(&self, bytes: usize) {
        self.reservation.shrink(bytes.min(self.reservation.size()));
    }

    fn short(&self, bytes: usize, what: &str) -> Error {
        let need = human_readable_size(self.bytes() + bytes);
        let limit = match self.pool.memory_limit() {
            MemoryLimit::Finite(limit) => {
                let others = self.pool.reserved().saturating_sub(self.bytes());
                format!(
                    "the memory limit is {} with {} in use elsewhere",
                    human_readable_size(limit),
                    human_readable_size(others)
                )
            }
            _ => "the memory pool has no more".into(),
        };
        Error::resources(self.op, format!("{what} needs {need} or more, {limit}"))
            .hint("raise the memory limit, or select fewer rows or columns")
    }
}
