//! Values that are there already, one a row, as an expression.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{Field, FieldRef};
use datafusion::logical_expr::Expr;
use gradframe_plan::functions::given;

use super::structure::{row_count, row_position};

/// An Arrow array as a column of a frame: its first value is that of the first row.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::array::{BooleanArray, Int64Array};
/// use gradframe::{Session, expr::{col, series}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (10), (20), (30)) AS t(x)"))?;
/// let mask = series("mask", Arc::new(BooleanArray::from(vec![true, false, true])));
/// assert_eq!(session.block_on(frame.filter(mask)?.count())?, 2);
/// let short = series("y", Arc::new(Int64Array::from(vec![1, 2])));
/// let error = session.block_on(frame.with_columns([col("x") + short])?.collect()).unwrap_err();
/// assert!(error.to_string().contains("series `y` has 2 values, the frame 3 rows"));
/// # Ok::<(), gradframe::Error>(())
/// ```
///
/// Errors, when a frame that holds it runs: `Shape` if there are not as many values as rows.
pub fn series(name: &str, values: ArrayRef) -> Expr {
    let field = Field::new(name, values.data_type().clone(), true);
    series_of(Arc::new(field), values)
}

/// [`series`] of a field with its metadata.
pub fn series_of(field: FieldRef, values: ArrayRef) -> Expr {
    let name = field.name().clone();
    given(field, values, row_position(), row_count()).alias(name)
}
