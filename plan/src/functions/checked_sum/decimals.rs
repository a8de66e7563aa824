//! Exact sums of decimals of 128 bits, in 256.

use std::fmt::Display;

use arrow::array::{Array, ArrayIter, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal256Type, DecimalType, i256};

use super::wide::{Wide, carried};

impl Wide for i128 {
    type Total = i256;

    fn sum_of<T: ArrowPrimitiveType<Native = Self>>(values: &PrimitiveArray<T>) -> i256 {
        let add = |(sum, carry): (i128, i64), value: i128| {
            let (sum, own) = sum.add_and_carry(value);
            (sum, carry + i64::from(own))
        };
        let (low, carry) = match values.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => values.values().iter().copied().fold((0, 0), add),
            Some(_) => ArrayIter::new(values).flatten().fold((0, 0), add),
        };
        whole(low, carry)
    }

    fn add_and_carry(self, other: Self) -> (Self, i32) {
        match self.overflowing_add(other) {
            (sum, false) => (sum, 0),
            (sum, true) => (sum, if other < 0 { -1 } else { 1 }),
        }
    }

    fn halves(sum: i256) -> (Self, i32) {
        let low = sum.as_i128();
        let (_, carry) = sum.wrapping_sub(i256::from_i128(low)).to_parts();
        (low, carried(carry))
    }

    fn joined(self, carry: i32) -> i256 {
        whole(self, i64::from(carry))
    }

    fn has_room(self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Decimal128(precision, _) => self.unsigned_abs() < 10_u128.pow(u32::from(*precision)),
            _ => true,
        }
    }

    fn shown(sum: i256, data_type: &DataType) -> impl Display {
        let scale = if let DataType::Decimal128(_, scale) = data_type { *scale } else { 0 };
        Decimal256Type::format_decimal(sum, 76, scale)
    }
}

/// A number and how often 2^128 is to be added to it.
fn whole(low: i128, carry: i64) -> i256 {
    i256::from_i128(low).wrapping_add(i256::from_parts(0, i128::from(carry)))
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal128Array;

    use super::*;

    /// The greatest number of 38 digits.
    const NINES: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

    fn types() -> DataType {
        DataType::Decimal128(38, 2)
    }

    #[test]
    fn sums_leave_128_bits_and_come_back() {
        let values = Decimal128Array::from(vec![Some(NINES), None, Some(NINES), Some(-NINES), Some(-NINES), Some(7)]);
        assert_eq!(i128::sum_of(&values), i256::from_i128(7));
        let beyond = i128::sum_of(&values.slice(0, 3));
        assert_eq!(i128::shown(beyond, &types()).to_string(), "1999999999999999999999999999999999999.98");
        assert_eq!(i128::shown(i256::from_i128(0) - beyond, &types()).to_string(), "-1999999999999999999999999999999999999.98");
    }

    #[test]
    fn halves_are_joined_again() {
        for values in [vec![NINES; 9], vec![-NINES; 9], vec![NINES, -NINES], vec![-1], vec![i128::MAX, 1]] {
            let total = values.iter().fold(i256::ZERO, |sum, value| sum + i256::from_i128(*value));
            let (low, carry) = i128::halves(total);
            assert_eq!(low.joined(carry), total, "{values:?}");
        }
    }

    #[test]
    fn a_type_has_room_for_its_digits() {
        assert!(NINES.has_room(&types()) && (-NINES).has_room(&types()));
        assert!(!(NINES + 1).has_room(&types()) && !100_i128.has_room(&DataType::Decimal128(2, 0)));
    }
}
