//! `x ~ '.*'` is null where x is.
//!
//! DataFusion 55 makes `x IS NOT NULL` of it, which is false there. The pattern that matches every text and has nothing special to
//! DataFusion is the empty one.

use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, Cast};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression::rewritten;

/// See the module. Comes after types were coerced: patterns are literals of the type of the texts.
#[derive(Debug)]
pub struct AnyText;

impl AnalyzerRule for AnyText {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, matches_any, with_empty_pattern)
    }

    fn name(&self) -> &str {
        "any_text"
    }
}

fn matches_any(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { op: Operator::RegexMatch | Operator::RegexIMatch, right, .. }) = expr else { return false };
    let mut pattern = right.as_ref();
    while let Expr::Cast(cast) = pattern {
        pattern = cast.expr.as_ref();
    }
    matches!(pattern, Expr::Literal(text, _) if text.try_as_str() == Some(Some(".*")))
}

fn with_empty_pattern(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let right = Box::new(emptied(*right));
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The literal without its text, of the type that it has.
fn emptied(pattern: Expr) -> Expr {
    match pattern {
        Expr::Cast(Cast { expr, field }) => Expr::Cast(Cast { expr: Box::new(emptied(*expr)), field }),
        Expr::Literal(ScalarValue::Utf8View(_), _) => lit(ScalarValue::Utf8View(Some(String::new()))),
        Expr::Literal(ScalarValue::LargeUtf8(_), _) => lit(ScalarValue::LargeUtf8(Some(String::new()))),
        Expr::Literal(ScalarValue::Utf8(_), _) => lit(ScalarValue::Utf8(Some(String::new()))),
        other => other,
    }
}
