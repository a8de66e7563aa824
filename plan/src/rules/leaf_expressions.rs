//! `extract_leaf_expressions` and `push_down_leaf_projections`, which leave a plan as it is where they fail.
//!
//! DataFusion's rules compute fields of structs near the scans. Where one is put into a projection that gives a table's column a name (`SELECT
//! l.b AS b ..` over a join), they add the column that it needs once more: two columns of one name are an error then, though nothing is
//! wrong with the query. Plans without such fields they need not look at.
//!
//! Below a projection that computes a column of a name that its input has (`SELECT -a AS a, s ..`) they take the input's column for the
//! computed one, without a word; what a projection draws (`random()`) they draw twice. Above such projections they change nothing.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExpressionPlacement, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// What the rules call a column that they have put lower.
const EXTRACTED: &str = "__datafusion_extracted";

/// See the module.
#[derive(Debug)]
pub struct LeafExpressionsRule {
    inner: Arc<dyn OptimizerRule + Send + Sync>,
}

impl LeafExpressionsRule {
    /// Around one of DataFusion's rules.
    pub fn new(inner: Arc<dyn OptimizerRule + Send + Sync>) -> Self {
        LeafExpressionsRule { inner }
    }
}

impl OptimizerRule for LeafExpressionsRule {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        // Without an order of its own a rule sees the whole plan at once.
        let moves = if self.apply_order().is_some() { computes_leaves(&plan) } else { has_leaves(&plan)? };
        if !moves || computes_over(&plan)? {
            return Ok(Transformed::no(plan));
        }
        Ok(self.inner.rewrite(plan.clone(), config).unwrap_or_else(|_| Transformed::no(plan)))
    }
}

fn has_leaves(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found = computes_leaves(node);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Whether a projection of the plan computes a column of a name that its input has, or one that differs each time.
fn computes_over(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| {
        let LogicalPlan::Projection(projection) = node else { return Ok(false) };
        let input = projection.input.schema();
        let named = projection.expr.iter().zip(projection.schema.fields());
        let spoiled =
            |expr: &Expr, name: &str| expr.is_volatile() || !is_column(expr) && input.has_column_with_unqualified_name(name);
        Ok(named.into_iter().any(|(expr, field)| spoiled(expr, field.name())))
    })
}

/// Whether the expression is a column under its own name.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Alias(alias) => matches!(alias.expr.as_ref(), Expr::Column(column) if column.name == alias.name),
        _ => false,
    }
}

/// Whether the operator itself computes what is better computed near the scans, or hands it on.
fn computes_leaves(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let visited = plan.apply_expressions(|expr| {
        found = expr.exists(|part| Ok(is_leaf(part)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || visited.is_err()
}

fn is_leaf(expr: &Expr) -> bool {
    let is_extracted = matches!(expr, Expr::Alias(alias) if alias.name.starts_with(EXTRACTED));
    is_extracted || expr.placement() == ExpressionPlacement::MoveTowardsLeafNodes
}
