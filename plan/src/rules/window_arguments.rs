//! What windows compute before they begin is computed below them.
//!
//! Arguments, partitions and orders of window functions that hold arithmetic or fields of structs become columns of a projection,
//! in which physical rules find them: those over the operators of windows cannot change what is inside.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{Projection, Window};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// See the module.
#[derive(Debug)]
pub struct WindowArguments;

impl OptimizerRule for WindowArguments {
    fn name(&self) -> &str {
        "window_arguments"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Window(window) => over_columns(window),
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The window over a projection that computes what its functions take, below one that has its names and columns.
fn over_columns(window: Window) -> Result<Transformed<LogicalPlan>> {
    let mut below = Below { input: window.input.schema(), computed: vec![] };
    let functions = window.window_expr.iter().map(|function| below.over_columns_alone(function.clone()));
    let functions = functions.collect::<Result<Vec<_>>>()?;
    if below.computed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    let passed: Vec<Expr> = columns(window.input.schema()).collect();
    let computed = passed.iter().cloned().chain(below.computed).collect();
    let input = Arc::new(LogicalPlan::Projection(Projection::try_new(computed, Arc::clone(&window.input))?));
    let before = input.schema().fields().len();
    let windowed = Arc::new(LogicalPlan::Window(Window::try_new(functions, input)?));
    let results = columns(windowed.schema()).skip(before);
    let named = window.schema.iter().skip(passed.len()).zip(results);
    let named = named.map(|((qualifier, field), result)| result.alias_qualified(qualifier.cloned(), field.name()));
    let all = passed.iter().cloned().chain(named).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(all, windowed)?)))
}

fn columns(schema: &DFSchema) -> impl Iterator<Item = Expr> + '_ {
    schema.iter().map(|field| Expr::Column(Column::from(field)))
}

/// What is computed below a window.
struct Below<'a> {
    input: &'a DFSchema,
    computed: Vec<Expr>,
}

impl Below<'_> {
    /// The window function, under whatever name, over columns in place of what is mended.
    fn over_columns_alone(&mut self, expr: Expr) -> Result<Expr> {
        let changed = expr.transform_down(|node| match node {
            Expr::WindowFunction(_) => {
                let mut function = node.map_children(|part| self.column_of(part))?;
                function.tnr = TreeNodeRecursion::Stop;
                Ok(function)
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(changed?.data)
    }

    fn column_of(&mut self, part: Expr) -> Result<Transformed<Expr>> {
        if !part.exists(|node| Ok(is_mended(node)))? {
            return Ok(Transformed::no(part));
        }
        let name = self.name();
        self.computed.push(part.alias(&name));
        Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
    }

    /// A name that no column has.
    fn name(&self) -> String {
        let mut name = format!("__argument_{}", self.computed.len());
        while self.input.has_column_with_unqualified_name(&name) {
            name.push('_');
        }
        name
    }
}

/// What physical rules mend: arithmetic and fields.
fn is_mended(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { op, .. }) => {
            matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
        }
        Expr::Negative(_) => true,
        Expr::ScalarFunction(call) => call.name() == "get_field",
        _ => false,
    }
}
