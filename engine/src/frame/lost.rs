//! Which row of a frame a cast could not take.
//!
//! Rows are cast in batches, on many threads, where none knows its number in the frame. So the error that comes out of them
//! names the value only, and the row is looked for afterwards: where a frame fails, in whatever way it is run, its casts are run
//! again over numbered rows, up to the first that is lost. That costs nothing where nothing fails.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use gradframe_plan::error::{from_datafusion, said_otherwise, to_datafusion};
use gradframe_plan::functions::column::{StrictCast, strict_cast_of};

use super::DataFrame;
use crate::{Error, Result};

impl DataFrame {
    /// The error of a cast with the row in the frame that it was called on; any other as it is.
    async fn with_lost_row(&self, error: Error) -> Error {
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

    /// What the work gives, or its error with the row.
    pub(crate) async fn or_lost_row<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match work.await {
            Ok(done) => Ok(done),
            Err(error) => Err(self.with_lost_row(error).await),
        }
    }

    /// The frame's rows as they come, with the row in the error that ends them.
    pub(super) fn naming_lost_rows(&self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let (schema, frame) = (rows.schema(), Arc::new(self.clone()));
        let named = rows.then(move |batch| {
            let frame = Arc::clone(&frame);
            async move {
                match batch {
                    Ok(batch) => Ok(batch),
                    Err(error) => Err(to_datafusion(frame.with_lost_row(from_datafusion(error)).await)),
                }
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, named))
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
        let batches = batches.map_err(from_datafusion)?;
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
