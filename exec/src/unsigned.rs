//! An expression of floats in which no NaN has a sign.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use gradframe_plan::functions::one_nan;

type Expr = Arc<dyn PhysicalExpr>;

/// The same floats, no NaN with a sign among them. EXPLAIN does not show it.
#[derive(Debug)]
pub(crate) struct Unsigned(Expr);

impl Unsigned {
    pub fn of(floats: Expr) -> Self {
        Unsigned(floats)
    }

    /// What computes the floats.
    pub fn computation(expr: &Expr) -> &Expr {
        expr.downcast_ref::<Unsigned>().map_or(expr, |unsigned| &unsigned.0)
    }
}

impl PartialEq for Unsigned {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Unsigned {}

impl Hash for Unsigned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for Unsigned {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.0.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.0.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.0.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        Ok(match self.0.evaluate(batch)? {
            ColumnarValue::Array(array) => ColumnarValue::Array(one_nan(array)),
            ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(ScalarValue::try_from_array(&one_nan(scalar.to_array()?), 0)?),
        })
    }

    fn children(&self) -> Vec<&Expr> {
        vec![&self.0]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Expr>) -> Result<Expr> {
        Ok(Arc::new(Unsigned(children.swap_remove(0))))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}
