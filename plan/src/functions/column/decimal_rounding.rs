//! Decimals rounded to fewer decimals, of the same type.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray};
use arrow::datatypes::{ArrowNativeType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType};
use datafusion::common::Result;

/// A decimal of any width rounded to so many decimals, of the same type.
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
    Ok(Arc::new(rounded.with_data_type(values.data_type().clone())))
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
    fn a_decimal_keeps_its_type_and_what_has_fewer_digits_its_value() {
        let narrow: ArrayRef = Arc::new(Decimal128Array::from(vec![225, -75]).with_precision_and_scale(12, 2).unwrap());
        let wide = Decimal256Array::from(vec![i256::from_i128(225), i256::from_i128(-75)]);
        let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(50, 2).unwrap());
        for (decimals, expected) in [(1, [220, -80]), (0, [200, -100]), (2, [225, -75]), (3, [225, -75]), (-90, [0, 0])] {
            let own = rounded(&narrow, decimals, "half_to_even").unwrap();
            assert_eq!(own.data_type(), narrow.data_type());
            assert_eq!(own.as_primitive::<Decimal128Type>().values(), &expected, "{decimals}");
            let own = rounded(&wide, decimals, "half_to_even").unwrap();
            assert_eq!(own.data_type(), wide.data_type());
            assert_eq!(own.as_primitive::<Decimal256Type>().values(), &expected.map(i256::from_i128), "{decimals}");
        }
    }
}
