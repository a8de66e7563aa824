//! An expression of floats in which no NaN has a sign.

use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use gradframe_plan::functions::one_nan;

use crate::wrapped::{Expr, Wrapped, Wrapper};

/// The same floats, no NaN with a sign among them.
#[derive(Debug, Clone)]
pub(crate) struct Unsigned;

impl Unsigned {
    /// The floats of an expression.
    pub fn of(floats: Expr) -> Wrapped<Self> {
        Wrapped::new(floats, Unsigned)
    }

    /// What computes the floats.
    pub fn computation(expr: &Expr) -> &Expr {
        expr.downcast_ref::<Wrapped<Unsigned>>().map_or(expr, Wrapped::inner)
    }

    /// True of an expression that was made so before.
    pub fn is(expr: &Expr) -> bool {
        expr.is::<Wrapped<Unsigned>>()
    }
}

impl Wrapper for Unsigned {
    fn evaluate(&self, floats: &Expr, batch: &RecordBatch) -> Result<ColumnarValue> {
        Ok(match floats.evaluate(batch)? {
            ColumnarValue::Array(array) => ColumnarValue::Array(one_nan(array)),
            ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(ScalarValue::try_from_array(&one_nan(scalar.to_array()?), 0)?),
        })
    }
}
