//! Values replaced by others, and casts that say what did not fit.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{self, Expr};
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::{cannot_cast, casts_plainly, lenient_cast, per_row, strict_cast};

use super::super::call::Call;
use super::super::lit;
use super::super::resolve::{output_name, shown};
use super::super::table::FunctionRow;
use super::looked_up::{Pairs, is_none_of, replaced};
use super::{cast, moving::filled};
use crate::Result;
use gradframe_plan::names::type_name;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("cast", cast_row),
    FunctionRow::typed("replace", replace),
    FunctionRow::typed("replace_strict", replace_strict),
    FunctionRow::typed("fill_null", fill_null),
];

/// Whether every value of a type has one of another type, so that nothing can fail.
fn always_fits(from: &DataType, to: &DataType) -> bool {
    from == to
        || is_wider_integer(from, to)
        || to.is_string()
        || from.is_null()
        || to.is_floating() && (from.is_numeric() || *from == DataType::Boolean)
        || *from == DataType::Boolean && to.is_integer()
}

fn is_wider_integer(from: &DataType, to: &DataType) -> bool {
    let widths = (from.primitive_width(), to.primitive_width());
    from.is_integer()
        && to.is_integer()
        && match (from.is_signed_integer(), to.is_signed_integer()) {
            (a, b) if a == b => widths.0 <= widths.1,
            (from_signed, _) => !from_signed && widths.0 < widths.1,
        }
}

/// A cast that can fail names the column, the value and its row; else it is the engine's own, which the optimizer knows.
fn cast_row(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let (to, strict) = (call.data_type("dtype")?, call.flag("strict", true)?);
    let own = call.type_of(&value)?;
    if let Some(reason) = cannot_cast(&own, &to) {
        let what = format!("`{}` is {own}, which cannot become {to}", shown(&value), own = type_name(&own), to = type_name(&to));
        let error = crate::Error::dtype("cast", what);
        return Err(if reason.is_empty() { error } else { error.hint(reason) });
    }
    let is_bytes = |data_type: &DataType| matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    if is_bytes(&to) && !is_bytes(&own) && !own.is_string() && !matches!(own, DataType::FixedSizeBinary(_)) && !own.is_nested() {
        // The bytes of what is shown, not those in memory.
        return Ok(cast(as_text(call, value)?, to));
    }
    let plainly = casts_plainly(&own, &to);
    let cast = match (strict, plainly) {
        (true, true) if always_fits(&own, &to) => return Ok(cast(value, to)),
        (false, true) => return Ok(logical_expr::try_cast(value, to)),
        (false, false) => lenient_cast(value, &to),
        (true, _) => {
            let name = if value.column_refs().len() == 1 { output_name(&value) } else { shown(&value) };
            strict_cast(value, &name, &to)
        }
    };
    cast.map_err(gradframe_plan::error::from_datafusion)
}

/// The value as text.
pub(crate) fn as_text(call: &Call, value: Expr) -> Result<Expr> {
    let own = call.type_of(&value)?;
    if casts_plainly(&own, &DataType::Utf8) {
        return Ok(cast(value, DataType::Utf8));
    }
    if let Some(reason) = cannot_cast(&own, &DataType::Utf8) {
        let what = format!("`{}` is {own}, which cannot become text {reason}", shown(&value), own = type_name(&own));
        return Err(crate::Error::dtype(call.name(), what.trim_end()));
    }
    lenient_cast(value, &DataType::Utf8).map_err(gradframe_plan::error::from_datafusion)
}

/// The pairs of old and new values; one new value may stand for all.
fn pairs(call: &mut Call) -> Result<Pairs> {
    let (old, new) = (call.values("old")?, call.values("new")?);
    match new.as_slice() {
        [one] => Ok(old.into_iter().map(|old| (old, one.clone())).collect()),
        _ if new.len() == old.len() => Ok(old.into_iter().zip(new.clone()).collect()),
        _ => Err(call.wrong(format!("{} old values and {} new ones, expected as many", old.len(), new.len()))),
    }
}

/// Of the column's own type.
fn replace(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    let pairs = pairs(call)?.into_iter().map(|(old, new)| {
        let new =
            new.cast_to(&own).map_err(|_| call.wrong(format!("`new` has {new}, which is no {own}", own = type_name(&own))))?;
        Ok((old, new))
    });
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    Ok(replaced(&value, &own, pairs, value.clone()))
}

/// Of the new values' type. What no old value covers is the default, or an error.
fn replace_strict(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    let default = call.optional_expr();
    let pairs = pairs(call)?;
    let result = match default {
        Some(default) => replaced(&value, &own, pairs, default),
        None => {
            let missing = is_none_of(&value, &own, &pairs.iter().map(|(old, _)| old.clone()).collect::<Vec<_>>());
            let found = replaced(&value, &own, pairs, Expr::Literal(ScalarValue::Null, None));
            per_row("require_mapped", vec![found, missing, cast(value, DataType::Utf8)], vec![])
        }
    };
    Ok(match call.optional_data_type("return_dtype")? {
        Some(data_type) => cast(result, data_type),
        None => result,
    })
}

/// What takes the place of nulls.
#[derive(Debug, Clone, Copy)]
enum Strategy {
    Forward,
    Backward,
    Min,
    Max,
    Mean,
    Zero,
    One,
}

fn fill_null(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    if let Some(other) = call.optional_expr() {
        return Ok(super::coalesce([value, other]));
    }
    let choices = [
        ("forward", Strategy::Forward),
        ("backward", Strategy::Backward),
        ("min", Strategy::Min),
        ("max", Strategy::Max),
        ("mean", Strategy::Mean),
        ("zero", Strategy::Zero),
        ("one", Strategy::One),
    ];
    let strategy = call.choice("strategy", &choices)?;
    let limit = call.optional_count("limit")?;
    let own = call.type_of(&value)?;
    if own.is_string() || own.is_binary() {
        return filled_text(call, value, &own, strategy, limit);
    }
    let fill = match strategy {
        Strategy::Forward => return filled(value, limit, true),
        Strategy::Backward => return filled(value, limit, false),
        Strategy::Min => super::min(value.clone()),
        Strategy::Max => super::max(value.clone()),
        Strategy::Mean => super::mean(value.clone()),
        Strategy::Zero => lit(0_i64),
        Strategy::One => lit(1_i64),
    };
    Ok(super::coalesce([value, cast(fill, own)]))
}

/// Of texts and bytes, the zero is the empty one, and there is no one and no mean.
fn filled_text(call: &Call, value: Expr, own: &DataType, strategy: Strategy, limit: Option<usize>) -> Result<Expr> {
    let fill = match strategy {
        Strategy::Forward => return filled(value, limit, true),
        Strategy::Backward => return filled(value, limit, false),
        Strategy::Min => super::min(value.clone()),
        Strategy::Max => super::max(value.clone()),
        Strategy::Zero => cast(lit(""), own.clone()),
        Strategy::Mean | Strategy::One => {
            let what = format!("`{}` is {own}, of which there is no mean and no one", shown(&value), own = type_name(own));
            return Err(crate::Error::dtype(call.name(), what).hint("give a value"));
        }
    };
    Ok(super::coalesce([value, fill]))
}
