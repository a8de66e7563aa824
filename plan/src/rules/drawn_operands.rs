//! Operands that draw numbers are drawn once a row where DataFusion would write them twice.
//!
//! `random() BETWEEN 0.4 AND 0.6` becomes two comparisons, `coalesce(drawn, 0)` a CASE that asks and then gives, `x IN (1, 2)` two equalities, and
//! `floor(random() * 4) = 1` two bounds: of a volatile operand each draws its own number, so that a third of the rows passed the first, and the second was null.
//! Here such an operand is a column of a projection below, which is drawn once. A comparison with a plain call (`random() < 0.5`) is left alone.
//!
//! It can go when DataFusion asks whether an expression is volatile before it repeats it (BETWEEN, IN, coalesce, and the preimages of functions).

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

/// What the columns of drawn operands begin with, before their number.
const DRAWN: &str = "__operand_";

/// Functions that become a CASE, or ask an argument twice.
const ASKING: [&str; 5] = ["coalesce", "nvl", "ifnull", "nvl2", "nullif"];

/// See the module. Comes after calls of models have become columns.
#[derive(Debug)]
pub struct DrawnOperands;

impl AnalyzerRule for DrawnOperands {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut number = 0;
        Ok(plan.transform_up_with_subqueries(|node| drawn_below(node, &mut number))?.data)
    }

    fn name(&self) -> &str {
        "drawn_operands"
    }
}

fn drawn_below(node: LogicalPlan, number: &mut usize) -> Result<Transformed<LogicalPlan>> {
    use LogicalPlan::{Aggregate, Filter, Projection, Sort, Window};
    if !matches!(node, Aggregate(_) | Filter(_) | Projection(_) | Sort(_) | Window(_)) {
        return Ok(Transformed::no(node));
    }
    let [input] = node.inputs()[..] else { return Ok(Transformed::no(node)) };
    let input = input.clone();
    let names = NamePreserver::new(&node);
    let mut drawn = vec![];
    let mut exprs = vec![];
    for expr in node.expressions() {
        let name = names.save(&expr);
        let expr = expr.transform_up(|part| Ok(with_columns(part, number, &mut drawn)))?;
        exprs.push(expr.update_data(|expr| name.restore(expr)).data);
    }
    if drawn.is_empty() {
        return Ok(Transformed::no(node));
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let below = LogicalPlanBuilder::from(input.clone()).project(columns.chain(drawn).collect::<Vec<_>>())?.build()?;
    let schema = node.schema().clone();
    only(node.with_new_exprs(exprs, vec![below])?, &schema).map(Transformed::yes)
}

/// The expression with columns in the place of operands that would be drawn twice.
fn with_columns(part: Expr, number: &mut usize, drawn: &mut Vec<Expr>) -> Transformed<Expr> {
    let before = drawn.len();
    let mut column = |operand: &mut Expr| {
        if operand.is_volatile() && is_of_row(operand) {
            let name = format!("{DRAWN}{number}");
            *number += 1;
            let expr = std::mem::replace(operand, Expr::Column(Column::new_unqualified(&*name)));
            drawn.push(expr.alias(name));
        }
    };
    let mut part = part;
    match &mut part {
        Expr::Between(between) => column(&mut between.expr),
        Expr::InList(list) => column(&mut list.expr),
        Expr::Case(case) => case.expr.iter_mut().for_each(|operand| column(operand)),
        Expr::ScalarFunction(call) if ASKING.contains(&call.func.name()) => call.args.iter_mut().for_each(column),
        Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
            [&mut binary.left, &mut binary.right].into_iter().filter(|side| has_arguments(side)).for_each(|side| column(side));
        }
        _ => {}
    }
    Transformed::new_transformed(part, drawn.len() > before)
}

/// A function of something drawn may be compared by what it is drawn of.
fn has_arguments(side: &Expr) -> bool {
    match side {
        Expr::ScalarFunction(call) => !call.args.is_empty(),
        Expr::Cast(cast) => has_arguments(&cast.expr),
        _ => false,
    }
}

/// Whether it can be computed below: of rows, not of groups, windows or other queries.
fn is_of_row(expr: &Expr) -> bool {
    let mut is_of_row = true;
    let walk = expr.apply(|part| {
        let other = matches!(
            part,
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Unnest(_) | Expr::OuterReferenceColumn(..)
        ) || matches!(part, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_));
        is_of_row &= !other;
        Ok(if is_of_row { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walk.is_ok() && is_of_row
}

/// The plan with the columns of this schema alone.
fn only(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == schema.fields().len() {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
