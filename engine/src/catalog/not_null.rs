//! What INSERT puts into columns declared NOT NULL is looked at before it is written.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use gradframe_plan::error::to_datafusion;

use crate::Error;

/// The rows that a table of these columns gets. Errors, of the plan: `Execution` naming the column that a null is in.
pub(super) fn checked(input: Arc<dyn ExecutionPlan>, columns: &SchemaRef) -> Result<Arc<dyn ExecutionPlan>> {
    if columns.fields().len() != input.schema().fields().len() || columns.fields().iter().all(|field| field.is_nullable()) {
        return Ok(input);
    }
    let named = input.schema();
    let pairs = columns.fields().iter().zip(named.fields()).enumerate();
    let expressions = pairs.map(|(i, (column, given))| {
        let value: Arc<dyn PhysicalExpr> = Arc::new(Column::new(given.name(), i));
        let value = match column.is_nullable() {
            true => value,
            false => Arc::new(NotNull { value, name: column.name().clone() }),
        };
        (value, given.name().clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(expressions.collect::<Vec<_>>(), input)?))
}

/// A value that is an error where it is null.
#[derive(Debug, Eq)]
struct NotNull {
    value: Arc<dyn PhysicalExpr>,
    /// The column that it is for.
    name: String,
}

impl PartialEq for NotNull {
    fn eq(&self, other: &Self) -> bool {
        self.value.eq(&other.value) && self.name == other.name
    }
}

impl Hash for NotNull {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
        self.name.hash(state);
    }
}

impl fmt::Display for NotNull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not_null({})", self.value)
    }
}

impl PhysicalExpr for NotNull {
    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        let field = self.value.return_field(input)?;
        Ok(Arc::new(field.as_ref().clone().with_nullable(false)))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let values = self.value.evaluate(batch)?.into_array(batch.num_rows())?;
        if values.logical_null_count() == 0 {
            return Ok(ColumnarValue::Array(values));
        }
        let error = Error::execution("insert", format!("a value of `{}` is null, and the column is NOT NULL", self.name));
        Err(to_datafusion(error.hint("give the column a value in each row; nothing was written")))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.value]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(NotNull { value: children.swap_remove(0), name: self.name.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
