//! Groups one after the other: `over(mapping_strategy="explode")`.
//!
//! Groups come in the order of their first rows, and the rows of a group in its own. What has one value a row is put in that order; of an
//! aggregate the first rows are kept; a list stays one on the first row, and all of them are put together.

use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::{Answer, aggregate, window};

use super::super::super::structure::by_row;
use super::windows::ordered_window;
use super::{Group, Lowered, Lowering, Shape};
use crate::Result;

impl Lowering {
    /// The value within each inner group, group after group.
    pub(super) fn exploded(&mut self, value: Expr, inner: &Group, outer: &Group) -> Result<Lowered> {
        let lowered = self.lower(value, inner)?;
        let plain = Group { keys: inner.keys.clone(), order: vec![] };
        match lowered.shape {
            Shape::Scalar => {
                let kept = self.first_row(&plain)?;
                Ok(Lowered { expr: self.repeated(lowered.expr, inner)?, shape: Shape::Kept(kept) })
            }
            Shape::Rows => Ok(Lowered { expr: self.by_group(lowered.expr, inner, outer)?, shape: Shape::Rows }),
            Shape::Kept(kept) => {
                let kept = self.by_group(kept, inner, outer)?;
                Ok(Lowered { expr: self.by_group(lowered.expr, inner, outer)?, shape: Shape::Kept(kept) })
            }
            Shape::Items => {
                let list = self.repeated(lowered.expr, inner)?;
                let kept = self.first_row(&plain)?;
                self.needs_order = true;
                let mut all = aggregate("flatten", vec![list], by_row().expr, vec![false.into(), false.into()], Answer::List);
                if let Expr::AggregateFunction(all) = &mut all {
                    all.params.filter = Some(Box::new(kept));
                }
                Ok(Lowered { expr: all, shape: Shape::Items })
            }
        }
    }

    /// A column with the rows of each group together.
    fn by_group(&mut self, value: Expr, inner: &Group, outer: &Group) -> Result<Expr> {
        let plain = Group { keys: inner.keys.clone(), order: vec![] };
        self.needs_order = true;
        let first = self.repeated(aggregate_fn::min(by_row().expr), &plain)?;
        let mut place = ordered_window(row_number())?;
        place.params.partition_by = inner.keys.clone();
        place.params.order_by = self.order(vec![by_row()], inner)?;
        let place = self.hoist(place);
        let flags: Vec<ScalarValue> = vec![false.into(); 4];
        let mut sorted = ordered_window(window("sort_by", vec![value, first, place], flags))?;
        sorted.params.partition_by = outer.keys.clone();
        sorted.params.order_by = self.order(vec![by_row()], outer)?;
        Ok(self.hoist(sorted))
    }
}
