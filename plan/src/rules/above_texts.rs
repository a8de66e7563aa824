//! What stands above an operator over texts and lets rows through one to one, in order, or drops some: where a rule looks through it.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::ops::text::TextNode;

/// An operator over texts, and what stands above it, the highest first.
pub struct AboveTexts {
    layers: Vec<LogicalPlan>,
    texts: TextNode,
}

impl AboveTexts {
    /// The operator below projections and aliases, and filters if `through_filters`; None if there is none.
    pub fn of(plan: &LogicalPlan, through_filters: bool) -> Option<Self> {
        let (mut layers, mut plan) = (Vec::new(), plan);
        loop {
            let below = match plan {
                LogicalPlan::Projection(p) if !p.expr.iter().any(Expr::is_volatile) => &p.input,
                LogicalPlan::SubqueryAlias(alias) => &alias.input,
                LogicalPlan::Filter(filter) if through_filters && !filter.predicate.is_volatile() => &filter.input,
                LogicalPlan::Extension(extension) => {
                    let texts = extension.node.as_any().downcast_ref::<TextNode>()?.clone();
                    return Some(AboveTexts { layers, texts });
                }
                _ => return None,
            };
            layers.push(plan.clone());
            plan = below;
        }
    }

    /// The rows whose texts are read.
    pub fn input(&self) -> &LogicalPlan {
        self.texts.input()
    }

    /// An expression over the highest layer as one over the operator's input; None if it reads what the model makes.
    pub fn lowered(&self, expr: &Expr) -> Option<Expr> {
        if expr.is_volatile() || expr.exists(|e| Ok(is_subquery(e))).unwrap_or(true) {
            return None;
        }
        let mut expr = expr.clone();
        for layer in &self.layers {
            expr = match layer {
                LogicalPlan::Projection(p) => {
                    replaced(expr, &|column| Some(p.expr.get(p.schema.maybe_index_of_column(column)?)?.clone().unalias()))?
                }
                LogicalPlan::SubqueryAlias(alias) => replaced(expr, &|column| {
                    let at = alias.schema.maybe_index_of_column(column)?;
                    Some(Expr::Column(Column::from(alias.input.schema().qualified_field(at))))
                })?,
                _ => expr,
            };
        }
        let passed = self.input().schema();
        let own = |column: &Column| {
            let at = datafusion::logical_expr::UserDefinedLogicalNodeCore::schema(&self.texts).maybe_index_of_column(column)?;
            (at < passed.fields().len()).then(|| Expr::Column(Column::from(passed.qualified_field(at))))
        };
        replaced(expr, &own)
    }

    /// The same over another input of the same schema.
    pub fn over(&self, input: LogicalPlan) -> Result<LogicalPlan> {
        let texts = self.texts.rebuilt(input, self.texts.outputs().to_vec())?;
        self.layers.iter().rev().try_fold(texts, |below, layer| layer.with_new_exprs(layer.expressions(), vec![below]))
    }
}

/// With something in the place of each column; None if one has nothing.
fn replaced(expr: Expr, by: &dyn Fn(&Column) -> Option<Expr>) -> Option<Expr> {
    let mut is_whole = true;
    let replaced = expr.transform_up(|e| {
        let Expr::Column(column) = &e else { return Ok(Transformed::no(e)) };
        Ok(match by(column) {
            Some(other) => Transformed::yes(other),
            None => {
                is_whole = false;
                Transformed::no(e)
            }
        })
    });
    replaced.data().ok().filter(|_| is_whole)
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_))
}
