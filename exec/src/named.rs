//! Arithmetic that says which expression it was when a result does not fit.

use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::names::type_name;

use crate::wrapped::{Expr, Wrapped, Wrapper};

/// What Arrow puts before the operation and its operands.
const OVERFLOW: &str = "Overflow happened on: ";

/// The same values; an error of one that does not fit names the expression.
#[derive(Debug, Clone)]
pub(crate) struct Named;

impl Named {
    /// An expression that computes with integers or decimals.
    pub fn of(arithmetic: Expr) -> Wrapped<Self> {
        Wrapped::new(arithmetic, Named)
    }

    /// What computes the values.
    pub fn computation(expr: &Expr) -> &Expr {
        expr.downcast_ref::<Wrapped<Named>>().map_or(expr, Wrapped::inner)
    }
}

impl Wrapper for Named {
    const KEEPS_BOUNDS: bool = true;

    fn evaluate(&self, arithmetic: &Expr, batch: &RecordBatch) -> Result<ColumnarValue> {
        arithmetic.evaluate(batch).map_err(|error| within(arithmetic, error, batch.schema_ref()))
    }
}

fn within(arithmetic: &Expr, error: DataFusionError, input: &Schema) -> DataFusionError {
    let DataFusionError::ArrowError(inner, _) = &error else { return error };
    let ArrowError::ArithmeticOverflow(message) = inner.as_ref() else { return error };
    let operation = message.trim_start_matches(OVERFLOW);
    let own = arithmetic.data_type(input).map_or_else(|_| "its type".to_owned(), |own| type_name(&own));
    let expression = in_words(&without_constants(arithmetic));
    let what = format!("`{expression}` does not fit in {own}: {operation}");
    to_datafusion(Error::execution("arithmetic", what).hint("cast a side to a wider type, to a decimal or to a float"))
}

/// An expression's text, its functions without the constants that are part of their names.
fn without_constants(expr: &Expr) -> String {
    let mut text = fmt_sql(expr.as_ref()).to_string();
    let visited = expr.apply(|part| {
        if let Some(function) = part.downcast_ref::<ScalarFunctionExpr>()
            && let Some((plain, _)) = function.name().split_once('[')
        {
            let plain = if plain.ends_with("_cast") { "cast" } else { plain };
            text = text.replace(function.name(), plain);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(visited.is_ok(), "looking fails at nothing");
    text
}

/// An expression's text without the names of hidden columns: of elements of lists, and of what was computed before.
fn in_words(text: &str) -> String {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let word = |name: &str| match name {
        "__element" => "element()".to_owned(),
        hidden if hidden.starts_with("__") => "a part of it".to_owned(),
        own => own.to_owned(),
    };
    let (mut words, mut name) = (String::with_capacity(text.len()), String::new());
    for c in text.chars() {
        if is_of_name(c) {
            name.push(c);
            continue;
        }
        words.push_str(&word(&name));
        name.clear();
        words.push(c);
    }
    words + &word(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_columns_have_no_names_in_errors() {
        assert_eq!(in_words("(a__b + __element) * __window_2"), "(a__b + element()) * a part of it");
    }
}
