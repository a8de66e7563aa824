//! A function of the user's as a step of the plan.

use std::sync::Arc;

use gradframe_plan::ops::map_batches::{MapFunction, MapOptions, map_batches};

use super::DataFrame;
use crate::Result;

impl DataFrame {
    /// The rows that a function makes of these, batch by batch: Arrow in, Arrow out, on all threads at once. The options
    /// say which columns come out (by default those that go in), how large batches are, and what the optimizer may assume.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    /// use arrow::datatypes::Int64Type;
    /// use gradframe::{Error, MapOptions, Session};
    ///
    /// # let session = Session::builder().in_memory().build()?;
    /// let numbers = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 1000)"))?;
    /// let squares = numbers.map_batches(
    ///     |batch: RecordBatch| {
    ///         let x = batch.column(0).as_primitive::<Int64Type>();
    ///         let squares: Int64Array = x.unary(|x| x * x);
    ///         RecordBatch::try_new(batch.schema(), vec![Arc::new(squares) as ArrayRef])
    ///             .map_err(|error| Error::execution("square", error.to_string()))
    ///     },
    ///     MapOptions::default(),
    /// )?;
    /// assert_eq!(session.block_on(squares.count())?, 1000);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for options that exclude each other. When it runs: the function's own, `Shape` for other columns than
    /// were declared, `DType` for other types, `Resources` if all rows at once do not fit in memory. An error ends the query.
    pub fn map_batches(&self, function: impl MapFunction + 'static, options: MapOptions) -> Result<Self> {
        Ok(self.with_plan(map_batches(self.settled()?.plan, Arc::new(function), options)?))
    }
}
