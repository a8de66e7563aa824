//! The columns that expressions need of their input, and the input without the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// Places of columns of an input, in order.
pub(super) struct Needed {
    places: Vec<usize>,
    /// How many columns the input has. References behind them are to columns appended to it.
    columns: usize,
}

impl Needed {
    /// What `exprs` need of `input`.
    pub fn of<'a>(exprs: impl IntoIterator<Item = &'a Expr>, input: &Plan) -> Self {
        let columns = input.schema().fields().len();
        let used = exprs.into_iter().flat_map(collect_columns).map(|column| column.index());
        let places: BTreeSet<usize> = used.filter(|&place| place < columns).collect();
        Needed { places: places.into_iter().collect(), columns }
    }

    /// Whether the input has other columns too.
    pub fn is_part(&self) -> bool {
        self.places.len() < self.columns
    }

    /// The input with the needed columns alone.
    pub fn alone(&self, input: &Plan) -> Result<Plan> {
        let schema = input.schema();
        let column = |&place: &usize| {
            let name = schema.field(place).name();
            ProjectionExpr { expr: Arc::new(Column::new(name, place)), alias: name.clone() }
        };
        Ok(Arc::new(ProjectionExec::try_new(self.places.iter().map(column), Arc::clone(input))?))
    }

    /// The expression over the needed columns alone, and what is appended to them.
    pub fn moved(&self, expr: &Expr) -> Result<Expr> {
        let moved = |expr: Expr| {
            let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
            let column: Expr = Arc::new(Column::new(column.name(), self.place(column.index())));
            Ok(Transformed::yes(column))
        };
        Arc::clone(expr).transform_up(moved).data()
    }

    fn place(&self, before: usize) -> usize {
        match before.checked_sub(self.columns) {
            Some(appended) => self.places.len() + appended,
            None => self.places.iter().take_while(|&&place| place < before).count(),
        }
    }
}
