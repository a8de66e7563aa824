//! Moving windows by the values of another column.

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::window;

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::table::FunctionRow;
use super::super::{Constant, IntoExpr};
use super::deferred_call;
use super::moving::summed;
use super::windows::rows_in_order;
use crate::{Error, Result};
use gradframe_plan::names::type_name;

/// Moving windows by the values of another column: of the rows whose value of `by` is at most `window_size` below the row's.
/// That is a duration such as `"1h30m"` of dates and datetimes, `"3i"` of integers.
///
/// ```
/// use gradframe::{Session, expr::prelude::*};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES (1, 10.0), (2, 20.0), (9, 30.0)) AS t(at, x)"))?;
/// let sums = frame.select([col("x").rolling_sum_by(col("at"), "3i")])?;
/// assert_eq!(session.block_on(sums.filter(col("x").eq(lit(30.0)))?.count())?, 2);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait MovingBy: Into<Expr> + Sized {
    /// The mean of the values in each row's window.
    fn rolling_mean_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        moving(self.into(), by, window_size, "mean")
    }

    /// The sum of the values in each row's window.
    fn rolling_sum_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        moving(self.into(), by, window_size, "sum")
    }

    /// The least of the values in each row's window.
    fn rolling_min_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        moving(self.into(), by, window_size, "min")
    }

    /// The greatest of the values in each row's window.
    fn rolling_max_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        moving(self.into(), by, window_size, "max")
    }

    /// The median of the values in each row's window.
    fn rolling_median_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        moving(self.into(), by, window_size, "median")
    }

    /// The standard deviation of the values in each row's window, of a sample.
    fn rolling_std_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        with_constants(self.into(), by, window_size, "std", vec![1_i64.into()])
    }

    /// The variance of the values in each row's window, of a sample.
    fn rolling_var_by(self, by: impl IntoExpr, window_size: &str) -> Expr {
        with_constants(self.into(), by, window_size, "var", vec![1_i64.into()])
    }
}

impl MovingBy for Expr {}

fn moving(value: Expr, by: impl IntoExpr, window_size: &str, statistic: &str) -> Expr {
    with_constants(value, by, window_size, statistic, vec![])
}

fn with_constants(value: Expr, by: impl IntoExpr, window_size: &str, statistic: &str, constants: Vec<Constant>) -> Expr {
    deferred_call!(
        "rolling_by",
        [value, by.into_expr()],
        window_size = window_size,
        statistic = statistic,
        constants = Constant::List(constants)
    )
}

pub(super) const TABLE: &[FunctionRow] = &[FunctionRow::typed("rolling_by", rolling_by)];

fn rolling_by(call: &mut Call) -> Result<Expr> {
    let (value, by) = (call.expr("the expression")?, call.expr("what it moves by")?);
    let (length, statistic) = (call.text("window_size")?, call.text("statistic")?);
    let closed = call.choice("closed", &["right", "left", "both", "none"].map(|closed| (closed, closed)))?;
    if statistic == "rank" && !matches!(closed, "right" | "both") {
        return Err(call.wrong(format!("`closed` is '{closed}', but a row's rank is in a window that holds the row")));
    }
    let least = call.optional_count("min_samples")?.unwrap_or(1) as i64;
    let own = call.type_of(&value)?;
    let constants: [ScalarValue; 4] = [length.as_str().into(), closed.into(), least.into(), statistic.as_str().into()];
    let constants: Vec<ScalarValue> = constants.into_iter().chain(call.values("constants")?).collect();
    let moved = |value: Expr| rows_in_order(window("rolling_by", vec![value, by.clone()], constants.clone()));
    if let Some(moments) = super::moments::moving_moments(&value, &own, &statistic, moved) {
        return Ok(moments);
    }
    if !(own.is_numeric() || own.is_null() || own == DataType::Boolean) {
        return Err(Error::dtype(call.name(), format!("`{}` is {own}, expected numbers", shown(&value), own = type_name(&own))));
    }
    Ok(moved(if statistic == "sum" { summed(value, &own) } else { value }))
}
