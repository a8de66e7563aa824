//! Traces that an import takes in of another program: each whole, or not at all.

use gradframe_ml_core::Result;

use super::sql::{params, put};
use super::{Gathered, Span, Store, Trace, spans, traces};

impl Store {
    /// Takes in a trace with its spans and files; false, and nothing is changed, if there is one of that name.
    pub fn take_in_trace(&self, trace: &Trace, spans: &[Span], gathered: &Gathered) -> Result<bool> {
        self.database.write(|transaction| {
            let there = "SELECT EXISTS (SELECT 1 FROM traces WHERE trace = ?1)";
            if transaction.value::<bool>(there, params![trace.id])? {
                return Ok(false);
            }
            traces::insert(transaction, trace)?;
            spans::insert_spans(transaction, &trace.id, spans)?;
            let sql = put("trace_files", &["trace", "path"], &["bytes", "hash"]);
            gathered.publish(transaction, |path, (bytes, hash)| {
                transaction.execute(&sql, params![trace.id, path, bytes as i64, hash]).map(|_| ())
            })?;
            Ok(true)
        })
    }

    /// Whether there is a trace of this name.
    pub fn has_trace(&self, id: &str) -> Result<bool> {
        let there = "SELECT EXISTS (SELECT 1 FROM traces WHERE trace = ?1)";
        Ok(self.database.read(|transaction| transaction.value(there, params![id]))? == Some(true))
    }
}
