//! A function of all rows of a group together: DataFusion's window functions without a frame, and kernels of ours.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::{concat, take};
use datafusion::error::Result;
use datafusion::logical_expr::PartitionEvaluator;
use datafusion::physical_expr::window::{StandardWindowFunctionExpr, WindowExpr};
use datafusion::physical_plan::windows::StandardWindowExpr;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::functions::compact;

use super::super::grouping::Order;
use super::{Function, Rows};
use crate::memory::column_bytes;

/// Whether a window's values are computed of columns, without frames and without the order's keys.
pub(super) fn is_kernel(window: &StandardWindowExpr) -> bool {
    let evaluator = window.get_standard_func_expr().create_evaluator();
    evaluator.is_ok_and(|evaluator| !evaluator.uses_window_frame() && !evaluator.include_rank())
}

/// The columns until all of them are there, then the values.
pub(super) struct Kernel {
    window: Arc<dyn WindowExpr>,
    /// The arguments, batch by batch.
    batches: Vec<Vec<ArrayRef>>,
    rows: usize,
    /// Bytes of the arguments.
    kept_bytes: usize,
    values: Option<ArrayRef>,
    /// How many values were given.
    given: usize,
}

impl Kernel {
    pub fn of(window: Arc<dyn WindowExpr>) -> Self {
        Kernel { window, batches: vec![], rows: 0, kept_bytes: 0, values: None, given: 0 }
    }

    fn evaluator(&self) -> Result<Box<dyn PartitionEvaluator>> {
        let function =
            |window: &StandardWindowExpr| -> Arc<dyn StandardWindowFunctionExpr> { Arc::clone(window.get_standard_func_expr()) };
        match self.window.as_any().downcast_ref::<StandardWindowExpr>().map(function) {
            Some(function) => function.create_evaluator(),
            None => Err(to_datafusion(Error::internal("window", format!("`{}` is no kernel", self.window.name())))),
        }
    }

    /// The arguments of all rows.
    fn columns(&mut self) -> Result<Vec<ArrayRef>> {
        let batches = std::mem::take(&mut self.batches);
        let whole = |column: usize| -> Result<ArrayRef> {
            match batches.as_slice() {
                [one] => Ok(Arc::clone(&one[column])),
                many => Ok(concat(&many.iter().map(|batch| batch[column].as_ref()).collect::<Vec<_>>())?),
            }
        };
        (0..batches.first().map_or(0, Vec::len)).map(whole).collect()
    }

    fn of_groups(&self, columns: &[ArrayRef], order: &Order) -> Result<ArrayRef> {
        // A piece of views carries all buffers of its column, and putting pieces together goes through all that they carry.
        let columns =
            columns.iter().map(|column| take(column, order.rows(), None).map(compact)).collect::<Result<Vec<_>, _>>()?;
        let mut parts = vec![];
        for (start, rows) in order.groups() {
            let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, rows)).collect();
            parts.push(self.evaluator()?.evaluate_all(&columns, rows)?);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        Ok(take(&compact(concat(&parts)?), &order.places(), None)?)
    }
}

impl Function for Kernel {
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>> {
        self.batches.push(rows.args.to_vec());
        self.rows += rows.count;
        self.kept_bytes += rows.args.iter().map(column_bytes).sum::<usize>();
        Ok(None)
    }

    fn finish(&mut self, order: Option<&Order>) -> Result<()> {
        let columns = self.columns()?;
        self.kept_bytes = 0;
        self.values = Some(match order {
            _ if self.rows == 0 => new_empty_array(self.window.field()?.data_type()),
            Some(order) => self.of_groups(&columns, order)?,
            None => self.evaluator()?.evaluate_all(&columns, self.rows)?,
        });
        Ok(())
    }

    fn give(&mut self, count: usize, _groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        let Some(values) = &self.values else { return Ok(None) };
        self.given += count;
        Ok(Some(values.slice(self.given - count, count)))
    }

    /// What is kept, and as much thrice: columns put together, what kernels make of them, and their values.
    fn bytes(&self) -> usize {
        4 * self.kept_bytes + self.values.as_ref().map_or(0, |values| values.get_array_memory_size())
    }
}
