//! A side of a join that must have one row of each key.

use datafusion::logical_expr::Expr;
use gradframe_plan::functions::once;

use crate::expr::{col, lit, when};
use crate::frame::unique::rows_among_equals;
use crate::{DataFrame, Result};

impl DataFrame {
    /// The same rows; when run, an `Execution` error that names the first key found twice. Null equals null only if they
    /// are to be joined so.
    pub(super) fn with_unique_keys(&self, side: &str, keys: &[String], unique: bool, nulls_equal: bool) -> Result<Self> {
        if !unique || keys.is_empty() {
            return Ok(self.clone());
        }
        let columns: Vec<Expr> = keys.iter().map(col).collect();
        let rows = self.unused_name("__rows_of_key");
        let counted = self.windowed(rows_among_equals(columns.clone())?.alias(&rows))?;
        let matters = columns.iter().cloned().map(Expr::is_not_null).reduce(Expr::and).filter(|_| !nulls_equal);
        // A check sees all rows of a batch, whatever stands beside it.
        let counts = match matters {
            Some(matters) => when(matters).then(col(&rows)).otherwise(lit(1_i64)),
            None => col(&rows),
        };
        counted.step(|plan| plan.filter(once(side, keys, counts, columns)))?.drop([rows])
    }
}
