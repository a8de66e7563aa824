//! INSERT: the values may be null before the table says which may not, so that its error names the column.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::DFSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::{LogicalPlan, Projection, Values};
use gradframe_plan::error::from_datafusion;

use crate::Result;

/// DataFusion gives VALUES the columns of the table, whose NOT NULL then fails under names like `column1`.
pub(super) fn prepare(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Dml(mut write) = plan else { return Ok(plan) };
    if let LogicalPlan::Projection(projection) = write.input.as_ref()
        && let LogicalPlan::Values(values) = projection.input.as_ref()
    {
        let values = Arc::new(LogicalPlan::Values(nullable(values.clone()).map_err(from_datafusion)?));
        let projection = Projection::try_new(projection.expr.clone(), values).map_err(from_datafusion)?;
        write.input = Arc::new(LogicalPlan::Projection(projection));
    }
    Ok(LogicalPlan::Dml(write))
}

fn nullable(values: Values) -> DataFusionResult<Values> {
    let fields = values.schema.iter().map(|(qualifier, field)| {
        let field = Field::clone(field).with_nullable(true);
        (qualifier.cloned(), Arc::new(field))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), values.schema.metadata().clone())?;
    Ok(Values { schema: Arc::new(schema), ..values })
}
