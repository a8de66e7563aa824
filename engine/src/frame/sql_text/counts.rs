//! Counts and lengths, which have no sign in frames and one in SQL.

use arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use gradframe_sql::SIGNED_COUNTS;

use super::literals::typed;

/// The text of an expression with the type that it has in the frame.
pub(super) fn unsigned(text: String, expr: &Expr, state: &SessionState) -> String {
    let has_no_sign = match expr {
        Expr::WindowFunction(call) => SIGNED_COUNTS.contains(&call.fun.name()),
        Expr::AggregateFunction(call) => SIGNED_COUNTS.contains(&call.func.name()),
        // SQL has a function of its own under the name of DataFusion's.
        Expr::ScalarFunction(call) => {
            let is_length = ["array_length", "cardinality", "array_position", "array_ndims"].contains(&call.func.name());
            is_length && state.scalar_functions().get(call.func.name()) != Some(&call.func)
        }
        _ => false,
    };
    if has_no_sign { typed(&text, &DataType::UInt64) } else { text }
}
