//! Conditions on one column of strings: the CPU decides them of each string there is, a device of its place.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::expressions::Column;
use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{NodeId, Result};
use gradframe_plan::error::from_datafusion;

use super::super::values::{Building, Kind, Value};
use super::{Level, no_form};
use crate::wrapped::Expr;

/// Runs of places that a condition holds for, at most.
const RUNS_MAX: usize = 16;

impl Building {
    /// A condition on one column of strings and nothing else; None of other expressions.
    pub(super) fn of_words(&mut self, expr: &Expr, level: &Level) -> Result<Option<Value>> {
        if level.type_of(expr)? != DataType::Boolean {
            return Ok(None);
        }
        let columns: Vec<Column> = collect_columns(expr).into_iter().collect();
        let [column] = columns.as_slice() else { return Ok(None) };
        let Some(Some(own)) = level.columns.get(column.index()) else { return Ok(None) };
        let Kind::Words(strings) = &own.of else { return Ok(None) };
        let decided = decided(expr, column, strings).map_err(|_| no_form(expr))?; // the CPU asks the strings that rows have
        let (of_words, of_null) = (decided.slice(0, strings.len()), decided.slice(strings.len(), 1));
        if of_words.null_count() > 0 {
            return Err(no_form(expr));
        }
        let holds = self.within(expr, own.node, &of_words)?;
        Ok(Some(match (own.valid, of_null.is_valid(0)) {
            (Some(valid), true) => {
                let otherwise = self.truth(of_null.value(0))?;
                Value::new(self.graph.select(valid, holds, otherwise)?, None, Kind::Bool)
            }
            (valid, _) => Value::new(holds, valid, Kind::Bool),
        }))
    }

    /// The rows whose place is one of those that are set.
    fn within(&mut self, expr: &Expr, place: NodeId, set: &BooleanArray) -> Result<NodeId> {
        let runs: Vec<(usize, usize)> = set.values().set_slices().collect();
        if runs.len() > RUNS_MAX {
            return Err(no_form(expr));
        }
        let mut any = self.truth(false)?;
        for (from, to) in runs {
            let (first, last) = (self.number(from as i64), self.number(to as i64 - 1));
            let (above, below) = (self.map2(Fn2::Ge, place, first)?, self.map2(Fn2::Le, place, last)?);
            let inside = self.and(above, below)?;
            any = self.or(any, inside)?;
        }
        Ok(any)
    }
}

/// What the condition says of each string, and of null at the end.
fn decided(expr: &Expr, column: &Column, strings: &ArrayRef) -> Result<BooleanArray> {
    let alone = |part: Expr| {
        Ok(match part.is::<Column>() {
            true => Transformed::yes(Arc::new(Column::new(column.name(), 0)) as Expr),
            false => Transformed::no(part),
        })
    };
    let expr = Arc::clone(expr).transform_up(alone).data().map_err(from_datafusion)?;
    let null = new_null_array(strings.data_type(), 1);
    let values = concat(&[strings.as_ref(), null.as_ref()]).map_err(|error| from_datafusion(error.into()))?;
    let field = Field::new(column.name(), strings.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![values]);
    let batch = batch.map_err(|error| from_datafusion(error.into()))?;
    let decided = expr.evaluate(&batch).and_then(|value| value.into_array(batch.num_rows())).map_err(from_datafusion)?;
    Ok(decided.as_boolean().clone())
}
