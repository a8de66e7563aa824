//! How deep an expression may be: to copy, plan and free a tree takes stack for each of its levels.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::logical_expr::Expr;
use gradframe_plan::error::from_datafusion;

use crate::{Error, Result};

const DEPTH_MAX: usize = 1000;

/// Errors: `Plan` for an expression of more levels.
pub(crate) fn check_depth(op: &str, expr: &Expr) -> Result<()> {
    let mut depth = Depth { now: 0, most: 0 };
    expr.visit(&mut depth).map_err(from_datafusion)?;
    if depth.most <= DEPTH_MAX {
        return Ok(());
    }
    let error = Error::plan(op, format!("an expression is more than {DEPTH_MAX} levels deep"));
    Err(error.hint("a chain of operators can often be one call: sum_horizontal, any_horizontal, is_in, replace_strict"))
}

struct Depth {
    now: usize,
    most: usize,
}

impl<'n> TreeNodeVisitor<'n> for Depth {
    type Node = Expr;

    fn f_down(&mut self, _: &'n Expr) -> datafusion::error::Result<TreeNodeRecursion> {
        self.now += 1;
        self.most = self.most.max(self.now);
        Ok(if self.now > DEPTH_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    }

    fn f_up(&mut self, _: &'n Expr) -> datafusion::error::Result<TreeNodeRecursion> {
        self.now -= 1;
        Ok(TreeNodeRecursion::Continue)
    }
}

/// One after the other, as Polars adds a few; of many, neighbours first, as Polars does in parallel: a thousand in a chain are a thousand
/// levels, and DataFusion looks at each of them from each that is above it.
pub(crate) fn reduced(exprs: impl IntoIterator<Item = Expr>, fold: fn(Expr, Expr) -> Expr) -> Option<Expr> {
    const CHAIN_MAX: usize = 32;
    let mut exprs: Vec<Expr> = exprs.into_iter().collect();
    while exprs.len() > CHAIN_MAX {
        let mut rest = exprs.into_iter();
        exprs = std::iter::from_fn(|| rest.next().map(|left| (left, rest.next())))
            .map(|(left, right)| match right {
                Some(right) => fold(left, right),
                None => left,
            })
            .collect();
    }
    exprs.into_iter().reduce(fold)
}

#[cfg(test)]
mod tests {
    use super::super::{Constants, call, col};
    use super::*;

    #[test]
    fn a_chain_ends_with_an_error_where_it_would_end_the_stack() {
        let mut chain = col("a");
        let error = loop {
            match call("is_null", vec![chain.clone()], Constants::new()) {
                Ok(longer) => chain = longer,
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("is_null: an expression is more than 1000 levels deep"), "{error}");
        assert!(check_depth("select", &chain).is_ok());
    }
}
