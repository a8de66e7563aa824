//! Moving windows by the values of another column.

use datafusion::logical_expr::Expr;
use gradframe_plan::functions::column::window;

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::table::FunctionRow;
use super::windows::rows_in_order;
use crate::{Error, Result};
use gradframe_plan::names::type_name;

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
    if !(own.is_numeric() || own.is_null()) {
        return Err(Error::dtype(call.name(), format!("`{}` is {own}, expected numbers", shown(&value), own = type_name(&own))));
    }
    let own_constants = call.values("constants")?;
    let constants = [length.as_str().into(), closed.into(), least.into(), statistic.as_str().into()];
    Ok(rows_in_order(window("rolling_by", vec![value, by], constants.into_iter().chain(own_constants).collect())))
}
