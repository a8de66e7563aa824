//! Expressions that make something of the values of another one, and are the same in every other respect.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::not_impl_err;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::sort_properties::ExprProperties;
use datafusion::physical_expr::PhysicalExpr;

pub(crate) type Expr = Arc<dyn PhysicalExpr>;

/// What is made of an expression's values. Equal expressions are wrapped alike, so it follows from them.
pub(crate) trait Wrapper: fmt::Debug + Clone + Send + Sync + 'static {
    /// True if a value lies within the same bounds, and in the same order, as that of which it is made.
    const KEEPS_BOUNDS: bool = false;
    /// True of what computes instead of the expression: the children are those of it, and rules do not meet the expression itself.
    const REPLACES: bool = false;

    /// The values over a batch, of an expression that gives others.
    fn evaluate(&self, inner: &Expr, batch: &RecordBatch) -> Result<ColumnarValue>;
}

/// An expression, and what is made of it. EXPLAIN shows the expression alone.
#[derive(Debug)]
pub(crate) struct Wrapped<W> {
    inner: Expr,
    wrapper: W,
}

impl<W: Wrapper> Wrapped<W> {
    pub fn new(inner: Expr, wrapper: W) -> Self {
        Wrapped { inner, wrapper }
    }

    /// The expression of which something is made.
    pub fn inner(&self) -> &Expr {
        &self.inner
    }
}

impl<W> PartialEq for Wrapped<W> {
    fn eq(&self, other: &Self) -> bool {
        self.inner.as_ref() == other.inner.as_ref()
    }
}

impl<W> Eq for Wrapped<W> {}

impl<W> Hash for Wrapped<W> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl<W> fmt::Display for Wrapped<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<W: Wrapper> PhysicalExpr for Wrapped<W> {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.inner.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.inner.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.inner.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.wrapper.evaluate(&self.inner, batch)
    }

    fn children(&self) -> Vec<&Expr> {
        if W::REPLACES { self.inner.children() } else { vec![&self.inner] }
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Expr>) -> Result<Expr> {
        let inner = match W::REPLACES {
            true => Arc::clone(&self.inner).with_new_children(children)?,
            false => children.swap_remove(0),
        };
        Ok(Arc::new(Wrapped { inner, wrapper: self.wrapper.clone() }))
    }

    fn evaluate_bounds(&self, children: &[&Interval]) -> Result<Interval> {
        match children {
            [inner] if W::KEEPS_BOUNDS => Ok((*inner).clone()),
            _ => not_impl_err!("bounds of {self}"),
        }
    }

    fn propagate_constraints(&self, interval: &Interval, _children: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        Ok(Some(if W::KEEPS_BOUNDS { vec![interval.clone()] } else { vec![] }))
    }

    fn get_properties(&self, children: &[ExprProperties]) -> Result<ExprProperties> {
        Ok(match children {
            [inner] if W::KEEPS_BOUNDS => inner.clone(),
            _ => ExprProperties::new_unknown(),
        })
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
