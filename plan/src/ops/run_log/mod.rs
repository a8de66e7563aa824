//! The run log as relations (`gradframe.runs`, `params`, `metrics` and the others), and what is asked of their store.

mod tables;

use std::fmt;

use arrow::array::{Array, BooleanArray, RecordBatch, Scalar};
use arrow::compute::kernels::{boolean, cmp};
use arrow::compute::{cast, filter_record_batch};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};

pub use tables::LogTable;

use crate::functions::one_zero;

/// The schema, in the default catalog, that holds the log tables.
pub const LOG_SCHEMA: &str = "gradframe";

/// What a scan of a log table asks of its store: all filters hold, then these columns, then at most so many rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogQuery {
    /// All of them hold for every row.
    pub filters: Vec<LogFilter>,
    /// Indices into `LogTable::schema`; None is all columns.
    pub projection: Option<Vec<usize>>,
    /// At most so many rows.
    pub limit: Option<usize>,
}

impl LogQuery {
    /// The query answered over a whole table in memory: the meaning that every store has to give.
    /// Errors: `Plan` if a filter names a column that the table does not have.
    pub fn apply(&self, table: &RecordBatch) -> Result<RecordBatch> {
        let mut rows = table.clone();
        for filter in &self.filters {
            let keep = filter.evaluate(&rows)?;
            rows = filter_record_batch(&rows, &keep).map_err(arrow_error)?;
        }
        if let Some(columns) = &self.projection {
            rows = rows.project(columns).map_err(arrow_error)?;
        }
        let limit = self.limit.unwrap_or(usize::MAX).min(rows.num_rows());
        Ok(rows.slice(0, limit))
    }
}

/// A condition on one column that every store can answer exactly. A null in the column fails it, as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFilter {
    /// `column = value`
    Eq(String, ScalarValue),
    /// `column IN (values)`
    In(String, Vec<ScalarValue>),
    /// `column <> < <= > >= value`
    Compare(String, Operator, ScalarValue),
    /// All of them.
    And(Vec<LogFilter>),
}

impl LogFilter {
    /// The filter that says exactly what `expr` says; None where there is none (the engine filters then).
    pub fn from_expr(expr: &Expr) -> Option<LogFilter> {
        match expr {
            Expr::BinaryExpr(binary) => Self::from_binary(binary),
            Expr::InList(list) => Self::from_list(list),
            _ => None,
        }
    }

    fn from_binary(BinaryExpr { left, op, right }: &BinaryExpr) -> Option<LogFilter> {
        match op {
            Operator::And => Some(LogFilter::And(vec![Self::from_expr(left)?, Self::from_expr(right)?])),
            Operator::Or => Self::from_expr(left)?.or(Self::from_expr(right)?),
            _ => Self::from_comparison(left, *op, right),
        }
    }

    fn from_comparison(left: &Expr, op: Operator, right: &Expr) -> Option<LogFilter> {
        let (column, op, value) = match (left, right) {
            (Expr::Column(column), Expr::Literal(value, _)) => (column, op, value),
            (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
            _ => return None,
        };
        if value.is_null() {
            return None;
        }
        let (name, value) = (column.name.clone(), value.clone());
        match op {
            Operator::Eq => Some(LogFilter::Eq(name, value)),
            Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                Some(LogFilter::Compare(name, op, value))
            }
            _ => None,
        }
    }

    fn from_list(list: &InList) -> Option<LogFilter> {
        let Expr::Column(column) = list.expr.as_ref() else { return None };
        let literal = |e: &Expr| if let Expr::Literal(v, _) = e { (!v.is_null()).then(|| v.clone()) } else { None };
        let values = list.list.iter().map(literal).collect::<Option<Vec<_>>>()?;
        (!list.negated).then(|| LogFilter::In(column.name.clone(), values))
    }

    // `a = 1 OR a = 2` is how DataFusion writes a short IN list.
    fn or(self, other: LogFilter) -> Option<LogFilter> {
        let (column, mut values) = self.into_values()?;
        let (other_column, other_values) = other.into_values()?;
        values.extend(other_values);
        (column == other_column).then_some(LogFilter::In(column, values))
    }

    fn into_values(self) -> Option<(String, Vec<ScalarValue>)> {
        match self {
            LogFilter::Eq(column, value) => Some((column, vec![value])),
            LogFilter::In(column, values) => Some((column, values)),
            _ => None,
        }
    }

    /// Which rows pass. Errors: `Plan` if there is no such column.
    pub fn evaluate(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        match self {
            LogFilter::Eq(column, value) => compare(rows, column, Operator::Eq, value),
            LogFilter::Compare(column, op, value) => compare(rows, column, *op, value),
            LogFilter::In(column, values) => {
                fold(rows, values, false, |v| compare(rows, column, Operator::Eq, v), boolean::or_kleene)
            }
            LogFilter::And(filters) => fold(rows, filters, true, |f| f.evaluate(rows), boolean::and_kleene),
        }
    }
}

fn fold<T>(
    rows: &RecordBatch,
    parts: &[T],
    start: bool,
    each: impl Fn(&T) -> Result<BooleanArray>,
    join: fn(&BooleanArray, &BooleanArray) -> arrow::error::Result<BooleanArray>,
) -> Result<BooleanArray> {
    let start = BooleanArray::from(vec![start; rows.num_rows()]);
    parts.iter().try_fold(start, |all, part| join(&all, &each(part)?).map_err(arrow_error))
}

fn compare(rows: &RecordBatch, column: &str, op: Operator, value: &ScalarValue) -> Result<BooleanArray> {
    let unknown = || Error::plan("run log", format!("unknown column `{column}`"));
    let array = rows.column_by_name(column).ok_or_else(unknown)?;
    let value = cast(&value.to_array().map_err(crate::error::from_datafusion)?, array.data_type()).map_err(arrow_error)?;
    // Arrow compares the bits of floats; in SQL -0.0 is 0.0, and there is one NaN.
    let (array, value) = (one_zero(array), Scalar::new(one_zero(&value)));
    let array: &dyn Array = array.as_ref();
    let result = match op {
        Operator::Eq => cmp::eq(&array, &value),
        Operator::NotEq => cmp::neq(&array, &value),
        Operator::Lt => cmp::lt(&array, &value),
        Operator::LtEq => cmp::lt_eq(&array, &value),
        Operator::Gt => cmp::gt(&array, &value),
        Operator::GtEq => cmp::gt_eq(&array, &value),
        _ => return Err(Error::internal("run log", format!("comparison `{op}` is not pushed down"))),
    };
    result.map_err(arrow_error)
}

fn arrow_error(error: arrow::error::ArrowError) -> Error {
    crate::error::from_datafusion(error.into())
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogFilter::Eq(column, value) => write!(f, "{column} = {value}"),
            LogFilter::Compare(column, op, value) => write!(f, "{column} {op} {value}"),
            LogFilter::In(column, values) => write!(f, "{column} IN ({})", join(values, ", ")),
            LogFilter::And(filters) => f.write_str(&join(filters, " AND ")),
        }
    }
}

fn join<T: fmt::Display>(parts: &[T], separator: &str) -> String {
    parts.iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use datafusion::prelude::{col, lit};

    use super::*;

    fn table() -> RecordBatch {
        let run = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None])) as _;
        let step = Arc::new(Int64Array::from(vec![1, 2, 3])) as _;
        RecordBatch::try_from_iter([("run", run), ("step", step)]).unwrap()
    }

    fn steps(filter: Expr) -> Vec<i64> {
        let query = LogQuery { filters: vec![LogFilter::from_expr(&filter).unwrap()], projection: Some(vec![1]), limit: None };
        let rows = query.apply(&table()).unwrap();
        rows.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
    }

    #[test]
    fn translated_filters_mean_what_sql_means() {
        assert_eq!(steps(col("run").eq(lit("a"))), [1]);
        assert_eq!(steps(lit("a").eq(col("run"))), [1]);
        assert_eq!(steps(col("run").not_eq(lit("a"))), [2]); // the null row fails
        assert_eq!(steps(col("run").in_list(vec![lit("a"), lit("b")], false)), [1, 2]);
        assert_eq!(steps(col("run").eq(lit("a")).or(col("run").eq(lit("b")))), [1, 2]);
        assert_eq!(steps(lit(2i64).lt_eq(col("step")).and(col("step").lt(lit(3i64)))), [2]);
    }

    #[test]
    fn floats_have_one_zero_and_one_nan_which_is_the_greatest() {
        let values = [-f64::NAN, f64::NEG_INFINITY, -0.0, 0.0, 0.5, f64::INFINITY, f64::NAN];
        let column = Arc::new(Float64Array::from(values.to_vec())) as _;
        let rows = RecordBatch::try_from_iter([("value", column)]).unwrap();
        let places = |filter: Expr| {
            let passed = LogFilter::from_expr(&filter).unwrap().evaluate(&rows).unwrap();
            (0..values.len()).filter(|row| passed.value(*row)).collect::<Vec<_>>()
        };
        let value = || col("value");
        for zero in [0.0, -0.0] {
            assert_eq!(places(value().eq(lit(zero))), [2, 3]);
            assert_eq!(places(value().lt(lit(zero))), [1]);
            assert_eq!(places(value().gt_eq(lit(zero))), [0, 2, 3, 4, 5, 6]);
        }
        assert_eq!(places(value().lt_eq(lit(0.5))), [1, 2, 3, 4]);
        assert_eq!(places(value().in_list(vec![lit(0.0), lit(f64::NAN)], false)), [0, 2, 3, 6]);
        assert_eq!(places(value().gt(lit(f64::INFINITY))), [0, 6]);
    }

    #[test]
    fn what_cannot_be_said_exactly_is_left_to_the_engine() {
        let left_over = [
            col("run").in_list(vec![lit("a")], true),
            col("run").eq(lit("a")).or(col("step").eq(lit(1i64))),
            col("run").eq(lit(ScalarValue::Utf8(None))),
            col("run").like(lit("a%")),
        ];
        for expr in left_over {
            assert_eq!(LogFilter::from_expr(&expr), None, "{expr}");
        }
    }

    #[test]
    fn limit_comes_after_filters() {
        let filters = vec![LogFilter::Compare("step".into(), Operator::Gt, ScalarValue::from(1i64))];
        let query = LogQuery { filters, projection: None, limit: Some(1) };
        assert_eq!(query.apply(&table()).unwrap().num_rows(), 1);
    }
}
