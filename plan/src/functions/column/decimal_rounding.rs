//! Decimals rounded to fewer decimals.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray};
use arrow::datatypes::{ArrowNativeType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use super::kernel::as_first;
use crate::error::to_datafusion;

/// The type of rounded decimals has a digit more than theirs, so far as there is room: 9.9 becomes 10.0. Cut ones, and those that have no
/// more decimals than they are rounded to, keep it. Constants: decimals, mode.
pub(super) fn rounded_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let keeps = |scale: i8| {
        let decimals = constants.first().map(|decimals| decimals.cast_to(&DataType::Int64));
        let has_fewer = matches!(decimals, Some(Ok(ScalarValue::Int64(Some(decimals)))) if decimals >= i64::from(scale));
        has_fewer || constants.get(1).and_then(|mode| mode.try_as_str().flatten()) == Some("to_zero")
    };
    match types.first().and_then(scale_of) {
        Some(scale) if keeps(scale) => as_first(types, constants),
        _ => Ok(with_room(types)),
    }
}

/// The first type, of decimals with a digit more so far as there is room.
pub(super) fn with_room(types: &[DataType]) -> DataType {
    let more = |precision: &u8, most: u8| precision.saturating_add(1).min(most);
    match types.first() {
        Some(DataType::Decimal32(p, s)) => DataType::Decimal32(more(p, Decimal32Type::MAX_PRECISION), *s),
        Some(DataType::Decimal64(p, s)) => DataType::Decimal64(more(p, Decimal64Type::MAX_PRECISION), *s),
        Some(DataType::Decimal128(p, s)) => DataType::Decimal128(more(p, Decimal128Type::MAX_PRECISION), *s),
        Some(DataType::Decimal256(p, s)) => DataType::Decimal256(more(p, Decimal256Type::MAX_PRECISION), *s),
        other => other.cloned().unwrap_or(DataType::Null),
    }
}

fn scale_of(own: &DataType) -> Option<i8> {
    match own {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => Some(*scale),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

/// A decimal of any width rounded to so many decimals. An error for more digits than the widest of its kind has.
pub(super) fn rounded(values: &ArrayRef, decimals: i64, mode: &str) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Decimal32(..) => of_type::<Decimal32Type>(values, decimals, mode),
        DataType::Decimal64(..) => of_type::<Decimal64Type>(values, decimals, mode),
        DataType::Decimal256(..) => of_type::<Decimal256Type>(values, decimals, mode),
        _ => of_type::<Decimal128Type>(values, decimals, mode),
    }
}

fn of_type<T: DecimalType>(values: &ArrayRef, decimals: i64, mode: &str) -> Result<ArrayRef> {
    let values = values.as_primitive::<T>();
    let by = i64::from(values.scale()) - decimals;
    let Some(by) = u32::try_from(by).ok().filter(|by| *by > 0) else { return Ok(Arc::new(values.clone())) };
    let rounded = match T::Native::usize_as(10).pow_checked(by) {
        Ok(unit) => values.unary::<_, T>(|value| to_unit(value, unit, mode)),
        // Beyond all digits nothing is left.
        Err(_) => values.unary::<_, T>(|_| T::Native::ZERO),
    };
    let own = values.data_type().clone();
    let data_type = if mode == "to_zero" { own } else { with_room(&[own]) };
    let rounded = rounded.with_data_type(data_type);
    if values.precision() == T::MAX_PRECISION {
        rounded.validate_decimal_precision(T::MAX_PRECISION).map_err(|_| {
            let what = format!("a value has more than {} digits when it is rounded", T::MAX_PRECISION);
            to_datafusion(Error::execution("round", what).hint("cast the column to Float64 first"))
        })?;
    }
    Ok(Arc::new(rounded))
}

fn to_unit<N: ArrowNativeTypeOp + ArrowNativeType>(value: N, unit: N, mode: &str) -> N {
    let (mut down, mut rest) = (value.div_wrapping(unit), value.mod_wrapping(unit));
    if rest.is_lt(N::ZERO) {
        (down, rest) = (down.sub_wrapping(N::ONE), rest.add_wrapping(unit));
    }
    let (is_negative, is_whole) = (value.is_lt(N::ZERO), rest.is_zero());
    let half = rest.compare(unit.sub_wrapping(rest));
    let up = match mode {
        "to_zero" => is_negative && !is_whole,
        "down" => false,
        "up" => !is_whole,
        "half_away_from_zero" if half == Ordering::Equal => !is_negative,
        _ => half == Ordering::Greater || half == Ordering::Equal && !down.mod_wrapping(N::usize_as(2)).is_zero(),
    };
    let rounded = if up { down.add_wrapping(N::ONE) } else { down };
    rounded.mul_checked(unit).unwrap_or(if is_negative { N::MIN_TOTAL_ORDER } else { N::MAX_TOTAL_ORDER })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Decimal256Array};
    use arrow::datatypes::i256;

    use super::*;

    #[test]
    fn rounding_goes_where_the_mode_says_in_either_width() {
        for (value, mode, expected) in [
            (125, "half_to_even", 120),
            (-125, "half_to_even", -120),
            (135, "half_to_even", 140),
            (-135, "half_to_even", -140),
            (126, "half_to_even", 130),
            (-124, "half_to_even", -120),
            (125, "half_away_from_zero", 130),
            (-125, "half_away_from_zero", -130),
            (-129, "to_zero", -120),
            (129, "to_zero", 120),
            (-121, "down", -130),
            (-120, "down", -120),
            (121, "up", 130),
            (-121, "up", -120),
        ] {
            assert_eq!(to_unit::<i128>(value, 10, mode), expected, "{value} {mode}");
            let wide = to_unit(i256::from_i128(value), i256::from_i128(10), mode);
            assert_eq!(wide, i256::from_i128(expected), "{value} {mode}");
        }
    }

    #[test]
    fn a_rounded_decimal_has_room_and_what_has_fewer_digits_stays() {
        let narrow: ArrayRef = Arc::new(Decimal128Array::from(vec![225, -75]).with_precision_and_scale(12, 2).unwrap());
        let wide = Decimal256Array::from(vec![i256::from_i128(225), i256::from_i128(-75)]);
        let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(50, 2).unwrap());
        for (decimals, expected) in [(1, [220, -80]), (0, [200, -100]), (2, [225, -75]), (3, [225, -75]), (-90, [0, 0])] {
            let own = rounded(&narrow, decimals, "half_to_even").unwrap();
            let constants = [decimals.into(), "half_to_even".into()];
            assert_eq!(*own.data_type(), rounded_type(&[narrow.data_type().clone()], &constants).unwrap());
            assert_eq!(*own.data_type(), DataType::Decimal128(if decimals < 2 { 13 } else { 12 }, 2));
            assert_eq!(own.as_primitive::<Decimal128Type>().values(), &expected, "{decimals}");
            let own = rounded(&wide, decimals, "half_to_even").unwrap();
            assert_eq!(*own.data_type(), DataType::Decimal256(if decimals < 2 { 51 } else { 50 }, 2));
            assert_eq!(own.as_primitive::<Decimal256Type>().values(), &expected.map(i256::from_i128), "{decimals}");
        }
    }
    #[test]
    fn more_digits_than_there_are_is_an_error() {
        let widest = Decimal128Array::from(vec![10_i128.pow(38) - 1]).with_precision_and_scale(38, 2).unwrap();
        let error = rounded(&(Arc::new(widest) as ArrayRef), 0, "up").unwrap_err();
        assert!(error.to_string().contains("more than 38 digits"), "{error}");
    }
}
