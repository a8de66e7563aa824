//! Aggregates as SQL writes them.

use std::collections::HashSet;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan};
use gradframe_plan::error::from_datafusion;

use super::expressions::Scope;
use super::no_words;
use super::select::Select;
use super::steps::{Writer, aliased, output_names, texts};
use crate::Result;

impl Writer<'_> {
    pub(super) fn aggregate(&mut self, step: &Aggregate) -> Result<Select> {
        if step.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
            return Err(no_words("grouping sets"));
        }
        let select = self.of_unordered_rows(&step.input)?;
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        let twins = twins(&step.aggr_expr);
        let exprs = [step.group_expr.as_slice(), &step.aggr_expr].concat();
        let mut select = match twins.is_empty() {
            true => self.with_items(select, step.input.schema(), &exprs, names)?,
            false => {
                let (select, schema, told_apart) = self.with_arguments(select, &step.input, &step.aggr_expr, &twins)?;
                let exprs = [step.group_expr.as_slice(), &told_apart].concat();
                self.with_items(select, &schema, &exprs, names)?
            }
        };
        select.keys = Some(step.group_expr.len());
        Ok(select)
    }

    /// What these aggregates are of as columns of their own: a name does not show casts, and SQL takes no name twice.
    fn with_arguments(
        &mut self,
        mut select: Select,
        input: &LogicalPlan,
        aggregates: &[Expr],
        twins: &[usize],
    ) -> Result<(Select, DFSchema, Vec<Expr>)> {
        let columns = texts(&select);
        let (mut items, mut names, mut fields) = (columns.clone(), select.columns.clone(), vec![]);
        let mut told_apart = aggregates.to_vec();
        for &twin in twins {
            let Some(arguments) = arguments(&mut told_apart[twin]) else { continue };
            for argument in arguments.iter_mut().filter(|argument| !matches!(argument, Expr::Literal(..))) {
                let name = format!("__argument_{}", fields.len() + 1);
                let text = self.expr(argument, &Scope { schema: input.schema(), columns: &columns })?;
                let (_, field) = argument.to_field(input.schema()).map_err(from_datafusion)?;
                items.push(aliased(text, &name));
                names.push(name.clone());
                fields.push((None, std::sync::Arc::new(field.as_ref().clone().with_name(&name))));
                *argument = Expr::Column(Column::new_unqualified(name));
            }
        }
        let added = DFSchema::new_with_metadata(fields, Default::default()).map_err(from_datafusion)?;
        let schema = input.schema().join(&added).map_err(from_datafusion)?;
        (select.items, select.columns) = (Some(items), names);
        Ok((self.below(select), schema, told_apart))
    }
}

/// The aggregates whose names others have before them.
fn twins(aggregates: &[Expr]) -> Vec<usize> {
    let mut taken = HashSet::new();
    let named = |expr: &Expr| expr.clone().unalias().schema_name().to_string();
    (0..aggregates.len()).filter(|&at| !taken.insert(named(&aggregates[at]))).collect()
}

fn arguments(aggregate: &mut Expr) -> Option<&mut Vec<Expr>> {
    match aggregate {
        Expr::Alias(alias) => arguments(&mut alias.expr),
        Expr::AggregateFunction(call) => Some(&mut call.params.args),
        _ => None,
    }
}
