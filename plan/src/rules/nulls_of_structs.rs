//! Fields of a null struct that is spread over columns are null: `SELECT unnest(s)`.
//!
//! DataFusion 55 gives what lies below the null, such as the zeros that pyarrow puts there. Here the structs have their nulls in their fields before they
//! are spread.
//!
//! It can go when DataFusion's unnest looks at the validity of structs.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Unnest};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::column::per_row;

/// See the module.
#[derive(Debug)]
pub struct NullsOfStructs;

impl AnalyzerRule for NullsOfStructs {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let of_node = |node: LogicalPlan| match node {
            LogicalPlan::Unnest(unnest) if !unnest.struct_type_columns.is_empty() => {
                Ok(Transformed::yes(LogicalPlan::Unnest(with_nulls(unnest)?)))
            }
            other => Ok(Transformed::no(other)),
        };
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }

    fn name(&self) -> &str {
        "nulls_of_structs"
    }
}

fn with_nulls(unnest: Unnest) -> Result<Unnest> {
    let columns = unnest.input.schema().iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match unnest.struct_type_columns.contains(&at) {
            true => per_row("nulls_of_structs", vec![column], vec![]).alias_qualified(qualifier.cloned(), field.name()),
            false => column,
        }
    });
    let input = LogicalPlanBuilder::from(unnest.input.as_ref().clone()).project(columns.collect::<Vec<_>>())?.build()?;
    let fields = unnest.schema.iter().zip(&unnest.dependency_indices).map(|((qualifier, field), of)| {
        let nullable = field.is_nullable() || unnest.struct_type_columns.contains(of);
        (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(nullable)))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), unnest.schema.metadata().clone())?;
    Ok(Unnest { input: Arc::new(input), schema: Arc::new(schema), ..unnest })
}
