//! Unions, different rows, and rows that are written out, as SQL writes them.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, LogicalPlan, Union, UserDefinedLogicalNode, Values};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::ops::unique::UniqueNode;

use super::expressions::Scope;
use super::names::quoted;
use super::no_words;
use super::select::Select;
use super::steps::{Writer, aliased, output_names, texts};
use crate::Result;
use crate::expr::structure::by_row;

impl Writer<'_> {
    pub(super) fn union(&mut self, step: &Union) -> Result<Select> {
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        let part = |input: &Arc<LogicalPlan>| {
            let select = self.plan(input)?;
            if !select.order.is_empty() && !select.is_cut() {
                return Err(no_words("rows in an order that are put together with others"));
            }
            let columns: Vec<String> = select.columns.clone();
            let mut whole = Select::from(self.relation(select), vec![]);
            whole.items = Some(columns.iter().zip(&names).map(|(column, name)| aliased(quoted(column), name)).collect());
            Ok(whole.text())
        };
        let parts = step.inputs.iter().map(part).collect::<Result<Vec<_>>>()?;
        Ok(self.named(parts.join("\nUNION ALL\n"), names))
    }

    pub(super) fn distinct(&mut self, step: &Distinct) -> Result<Select> {
        match step {
            Distinct::All(input) => {
                let select = self.plan(input)?;
                let fits = select.order.is_empty() && !select.is_cut() && !select.distinct && !select.has_hidden;
                let mut select = if fits { select } else { self.below(select) };
                select.distinct = true;
                Ok(select)
            }
            Distinct::On(step) => {
                let select = self.of_unordered_rows(&step.input)?;
                let texts = texts(&select);
                let scope = Scope { schema: step.input.schema(), columns: &texts };
                let on = step.on_expr.iter().map(|key| self.expr(key, &scope)).collect::<Result<Vec<_>>>()?.join(", ");
                let order = self.order(step.sort_expr.as_deref().unwrap_or_default(), &scope)?;
                let names = output_names(step.schema.fields().iter().map(|field| field.name()));
                let mut select = self.with_items(select, step.input.schema(), &step.select_expr, names)?;
                select.order = order;
                let first = select.items.as_mut().and_then(|items| items.first_mut());
                if let Some(first) = first {
                    *first = format!("DISTINCT ON ({on}) {first}");
                }
                let columns = select.columns.clone();
                Ok(self.named(select.text(), columns))
            }
        }
    }

    /// DISTINCT ON, which has to be told what the first row is.
    pub(super) fn unique(&mut self, node: &dyn UserDefinedLogicalNode, input: &LogicalPlan) -> Result<Select> {
        let keys = node.expressions();
        let all = input.schema().columns().into_iter().map(Expr::Column).collect();
        let is_first = node.as_any().downcast_ref::<UniqueNode>().is_some_and(UniqueNode::keeps_first);
        let by_key = keys.iter().map(|key| key.clone().sort(true, false));
        let order = is_first.then(|| by_key.chain([by_row()]).collect());
        let on = DistinctOn::try_new(keys.clone(), all, order, Arc::new(input.clone())).map_err(from_datafusion)?;
        self.distinct(&Distinct::On(on))
    }

    pub(super) fn values(&mut self, step: &Values) -> Result<Select> {
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        let nothing = DFSchema::empty();
        let scope = Scope { schema: &nothing, columns: &[] };
        let row = |row: &Vec<Expr>| {
            Ok(format!("({})", row.iter().map(|e| self.expr(e, &scope)).collect::<Result<Vec<_>>>()?.join(", ")))
        };
        let rows = step.values.iter().map(row).collect::<Result<Vec<_>>>()?.join(", ");
        let columns = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        Ok(self.named(format!("SELECT *\nFROM (VALUES {rows}) AS t ({columns})"), names))
    }
}
