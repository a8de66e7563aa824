//! A side of a join that must have one row of each key.

use datafusion::logical_expr::Expr;
use gradframe_plan::functions::once;

use crate::expr::col;
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
        let once = once(side, keys, col(&rows), columns);
        let checked = matters.map_or(once.clone(), |matters| (!matters).or(once));
        counted.step(|plan| plan.filter(checked))?.drop([rows])
    }
}
