//! Expressions as SQL, in which a model keeps its transform.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::PREFIX;
use gradframe_plan::ops::transform::{WrittenItem, written};

use super::DataFrame;
use crate::expr::resolve::{Group, Lowering, Named, Shape};
use crate::{Error, Result};

/// The name of the operator in errors.
const OP: &str = "transform";

impl DataFrame {
    /// The expressions as a TRANSFORM holds them, over this frame's columns; selectors give several.
    /// Errors: `Plan` for unknown columns and for what looks at more than one row, `NotImplemented` for a function that SQL has no
    /// words for.
    pub(super) fn written(&self, exprs: Vec<Expr>) -> Result<Vec<WrittenItem>> {
        let item = |named: Named| {
            self.require_row_by_row(&named)?;
            self.require_words(&named)?;
            written(&named.name, &bare(named.expr)?)
        };
        self.typed(OP, exprs)?.into_iter().map(item).collect()
    }

    /// A stored transform is computed of each row again wherever the model predicts.
    fn require_row_by_row(&self, named: &Named) -> Result<()> {
        let mut lowering = Lowering::default();
        let lowered = lowering.lower_named(named.clone(), &Group::default())?;
        let aggregates = datafusion::logical_expr::utils::find_aggregate_exprs([&lowered.expr]);
        let of_columns = named.expr.exists(|part| Ok(matches!(part, Expr::AggregateFunction(_) | Expr::WindowFunction(_))));
        let row_by_row = matches!(lowered.shape, Shape::Rows | Shape::Scalar)
            && lowering.layers.is_empty()
            && aggregates.is_empty()
            && !of_columns.map_err(from_datafusion)?;
        if row_by_row {
            return Ok(());
        }
        let what = format!("`{}` looks at more than its own row, which a stored transform does not have", named.name);
        Err(Error::plan(OP, what).hint("compute the column before, or use what training fits: standard_scaler, imputer, ..."))
    }

    fn require_words(&self, named: &Named) -> Result<()> {
        let state = self.session.state();
        let mut unknown = None;
        let visited = named.expr.apply(|node| {
            if let Expr::ScalarFunction(function) = node
                && !function.name().starts_with(PREFIX)
                && !state.scalar_functions().contains_key(function.name())
            {
                unknown = Some(function.name().to_owned());
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        });
        visited.map_err(from_datafusion)?;
        match unknown {
            None => Ok(()),
            Some(function) => {
                let what = format!("`{}` cannot be written as SQL: it has no function `{function}`", named.name);
                Err(Error::not_implemented(OP, what).hint("compute the column before"))
            }
        }
    }
}

/// The expression with columns by their names alone.
fn bare(expr: Expr) -> Result<Expr> {
    let bare = expr.transform(|node| match node {
        Expr::Column(column) if column.relation.is_some() => Ok(Transformed::yes(Expr::Column(Column::from_name(column.name)))),
        other => Ok(Transformed::no(other)),
    });
    Ok(bare.map_err(from_datafusion)?.data)
}
