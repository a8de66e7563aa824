//! `x ^ x` is null where x is.
//!
//! DataFusion 55 makes `x ^ x` 0 and `x ^ y ^ x` y, whether or not x may be null. Where both sides name one column, this rule writes the
//! operator as what it means: the bits that one side has less those that both have.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

/// See the module.
#[derive(Debug)]
pub struct XorOfItself;

impl AnalyzerRule for XorOfItself {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(written_out)?.data)
    }

    fn name(&self) -> &str {
        "xor_of_itself"
    }
}

fn written_out(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        if !expr.exists(|part| Ok(is_of_itself(part)))? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        let meant = |part: Expr| match part {
            Expr::BinaryExpr(xor) if is_xor(&xor) && shares_a_column(&xor) => Ok(Transformed::yes(meaning(xor))),
            other => Ok(Transformed::no(other)),
        };
        Ok(expr.transform_up(meant)?.update_data(|expr| name.restore(expr)))
    })
}

fn is_of_itself(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryExpr(binary) if is_xor(binary) && shares_a_column(binary))
}

fn is_xor(binary: &BinaryExpr) -> bool {
    binary.op == Operator::BitwiseXor
}

fn shares_a_column(xor: &BinaryExpr) -> bool {
    !xor.left.column_refs().is_disjoint(&xor.right.column_refs())
}

/// `(a | b) - (a & b)`, whose difference borrows nothing.
fn meaning(xor: BinaryExpr) -> Expr {
    let of = |left: Box<Expr>, op: Operator, right: Box<Expr>| Box::new(Expr::BinaryExpr(BinaryExpr::new(left, op, right)));
    let any = of(xor.left.clone(), Operator::BitwiseOr, xor.right.clone());
    *of(any, Operator::Minus, of(xor.left, Operator::BitwiseAnd, xor.right))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{bitwise_xor, col, lit, table_scan};

    use super::*;

    fn written(expr: Expr) -> String {
        use arrow::datatypes::{DataType, Field, Schema};
        let schema = Schema::new(vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Int64, true)]);
        let plan = table_scan(Some("t"), &schema, None).and_then(|scan| scan.project([expr])).and_then(|plan| plan.build());
        let rule = XorOfItself.analyze(plan.expect("a plan"), &ConfigOptions::new()).expect("a plan");
        rule.display().to_string()
    }

    #[test]
    fn only_what_names_a_column_twice_is_written_out() {
        assert_eq!(written(bitwise_xor(col("x"), col("y"))), "Projection: t.x BIT_XOR t.y");
        assert_eq!(written(bitwise_xor(col("x"), lit(1_i64))), "Projection: t.x BIT_XOR Int64(1)");
        assert_eq!(written(bitwise_xor(col("x"), col("x"))), "Projection: (t.x | t.x) - (t.x & t.x) AS t.x BIT_XOR t.x");
    }
}
