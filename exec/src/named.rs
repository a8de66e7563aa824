//! Arithmetic that says which expression it was when a result does not fit.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::sort_properties::ExprProperties;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use gradframe_ml_core::Error;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::names::type_name;

type Expr = Arc<dyn PhysicalExpr>;

/// What Arrow puts before the operation and its operands.
const OVERFLOW: &str = "Overflow happened on: ";

/// The same values; an error of one that does not fit names the expression. EXPLAIN does not show it.
#[derive(Debug)]
pub(crate) struct Named(Expr);

impl Named {
    pub fn of(arithmetic: Expr) -> Self {
        Named(arithmetic)
    }

    fn within(&self, error: DataFusionError, input: &Schema) -> DataFusionError {
        let DataFusionError::ArrowError(inner, _) = &error else { return error };
        let ArrowError::ArithmeticOverflow(message) = inner.as_ref() else { return error };
        let operation = message.trim_start_matches(OVERFLOW);
        let own = self.0.data_type(input).map_or_else(|_| "its type".to_owned(), |own| type_name(&own));
        let expression = in_words(&fmt_sql(self.0.as_ref()).to_string());
        let what = format!("`{expression}` does not fit in {own}: {operation}");
        to_datafusion(Error::execution("arithmetic", what).hint("cast a side to a wider type, to a decimal or to a float"))
    }
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

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Named {}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for Named {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.0.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.0.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.0.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.0.evaluate(batch).map_err(|error| self.within(error, batch.schema_ref()))
    }

    fn children(&self) -> Vec<&Expr> {
        vec![&self.0]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Expr>) -> Result<Expr> {
        Ok(Arc::new(Named(children.swap_remove(0))))
    }

    fn evaluate_bounds(&self, children: &[&Interval]) -> Result<Interval> {
        Ok(children[0].clone())
    }

    fn propagate_constraints(&self, interval: &Interval, _children: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        Ok(Some(vec![interval.clone()]))
    }

    fn get_properties(&self, children: &[ExprProperties]) -> Result<ExprProperties> {
        Ok(children[0].clone())
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_columns_have_no_names_in_errors() {
        assert_eq!(in_words("(a__b + __element) * __window_2"), "(a__b + element()) * a part of it");
    }
}
