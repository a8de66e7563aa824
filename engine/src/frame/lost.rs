//! Which row of a frame a cast could not take.
//!
//! Rows are cast in batches, on many threads, where none knows its number in the frame. So the error that comes out of them
//! names the value only, and the row is looked for afterwards: where a collected frame fails, its casts are run again over
//! numbered rows, up to the first that is lost. That costs nothing where nothing fails.

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use gradframe_plan::error::said_otherwise;
use gradframe_plan::functions::column::{StrictCast, strict_cast_of};

use super::DataFrame;
use crate::{Error, Result};

impl DataFrame {
    /// The error of a cast with the row in the frame that it was called on; any other as it is.
    pub(super) async fn with_lost_row(&self, error: Error) -> Error {
        let is_cast = matches!(&error, Error::Execution(detail) if detail.op == "cast");
        if !is_cast {
            return error;
        }
        for (frame, cast) in self.strict_casts() {
            if let Ok(Some(row)) = frame.first_lost(cast).await {
                return said_otherwise(error, |what| format!("{what} (row {row})"));
            }
        }
        error
    }

    /// The casts of the plan that may fail, each with the frame over which it is.
    fn strict_casts(&self) -> Vec<(DataFrame, StrictCast)> {
        let mut found = vec![];
        // A plan without a way down is one without casts.
        let _ = self.plan.apply(|node| {
            if let [input] = node.inputs().as_slice() {
                let casts = casts_of(node).into_iter();
                found.extend(casts.map(|cast| (self.with_plan((*input).clone()), cast)));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        // What is nearest to the data fails first.
        found.reverse();
        found
    }

    async fn first_lost(&self, cast: StrictCast) -> Result<Option<u64>> {
        let (numbered, row) = self.numbered()?;
        let lost = numbered.step(|plan| plan.filter(cast.loses)?.limit(0, Some(1)))?;
        let batches = lost.project(vec![crate::expr::col(row)])?.execution().collect().await;
        let batches = batches.map_err(gradframe_plan::error::from_datafusion)?;
        let first = batches.iter().find(|batch| batch.num_rows() > 0);
        Ok(first.and_then(|batch| batch.column(0).as_primitive_opt::<UInt64Type>().map(|rows| rows.value(0))))
    }
}

fn casts_of(node: &LogicalPlan) -> Vec<StrictCast> {
    let mut casts = vec![];
    let _ = node.apply_expressions(|expr| {
        expr.apply(|part| {
            if let Expr::ScalarFunction(function) = part {
                casts.extend(strict_cast_of(function));
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    casts
}
