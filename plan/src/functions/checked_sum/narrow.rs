//! Exact sums of 64-bit numbers, in 128 bits.

use std::fmt::Display;

use arrow::array::{Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType};

use super::wide::{Wide, carried};

/// A number of 64 bits.
trait Biased: Copy {
    /// What is taken off a number where it is counted from the least one of its type.
    const BIAS: u64;
    /// The number counted from there.
    fn biased(self) -> u64;
}

impl Biased for i64 {
    const BIAS: u64 = 1 << 63;

    fn biased(self) -> u64 {
        self as u64 ^ Self::BIAS
    }
}

impl Biased for u64 {
    const BIAS: u64 = 0;

    fn biased(self) -> u64 {
        self
    }
}

/// What both do alike.
macro_rules! wide {
    ($native:ty, $carry:expr) => {
        impl Wide for $native {
            type Total = i128;

            fn sum_of<T: ArrowPrimitiveType<Native = Self>>(values: &PrimitiveArray<T>) -> i128 {
                exact_sum(values)
            }

            fn add_and_carry(self, other: Self) -> (Self, i32) {
                match self.overflowing_add(other) {
                    (sum, false) => (sum, 0),
                    (sum, true) => (sum, $carry(other)),
                }
            }

            fn halves(sum: i128) -> (Self, i32) {
                let low = sum as Self;
                (low, carried((sum - i128::from(low)) >> 64))
            }

            fn joined(self, carry: i32) -> i128 {
                i128::from(self) + (i128::from(carry) << 64)
            }

            fn has_room(self, _: &DataType) -> bool {
                true
            }

            fn shown(sum: i128, _: &DataType) -> impl Display {
                sum
            }
        }
    };
}

wide!(i64, |other| if other < 0 { -1 } else { 1 });
wide!(u64, |_| 1);

/// So many upper halves add up without leaving 64 bits.
const BLOCK: usize = 1 << 20;

/// The exact sum of the values that are not null.
fn exact_sum<T: ArrowPrimitiveType<Native: Biased>>(values: &PrimitiveArray<T>) -> i128 {
    match values.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.values().chunks(BLOCK).map(block_sum).sum(),
        Some(nulls) => {
            let words = nulls.inner().bit_chunks();
            let valid = words.iter().chain([words.remainder_bits()]);
            values.values().chunks(64).zip(valid).map(|(values, valid)| valid_sum(values, valid)).sum()
        }
    }
}

/// The wrapped sum and that of the upper halves, in a loop that vectorises: they determine the sum.
fn block_sum<N: Biased>(values: &[N]) -> i128 {
    let (mut wrapped, mut high) = (0_u64, 0_u64);
    for value in values {
        wrapped = wrapped.wrapping_add(value.biased());
        high += value.biased() >> 32;
    }
    from_halves::<N>(wrapped, high, values.len())
}

/// Of up to 64 values those whose bit is set.
fn valid_sum<N: Biased>(values: &[N], valid: u64) -> i128 {
    if valid == u64::MAX {
        return block_sum(values);
    }
    let (mut wrapped, mut high) = (0_u64, 0_u64);
    for (at, value) in values.iter().enumerate() {
        let kept = value.biased() & (valid >> at & 1).wrapping_neg();
        wrapped = wrapped.wrapping_add(kept);
        high += kept >> 32;
    }
    from_halves::<N>(wrapped, high, valid.count_ones() as usize)
}

/// The lower halves add up to what the wrapped sum is beyond the upper ones; they do not leave 64 bits.
fn from_halves<N: Biased>(wrapped: u64, high: u64, count: usize) -> i128 {
    let low = wrapped.wrapping_sub(high << 32);
    (i128::from(high) << 32) + i128::from(low) - i128::from(N::BIAS) * count as i128
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, UInt64Array};

    use super::*;

    #[test]
    fn sums_are_exact_with_and_without_nulls() {
        let dense = Int64Array::from(vec![i64::MAX; 200]);
        assert_eq!(exact_sum(&dense), 200 * i128::from(i64::MAX));
        let gaps: Int64Array = (0..1000).map(|i| (i % 3 != 0).then_some(if i % 2 == 0 { i64::MIN } else { -1 })).collect();
        let expected: i128 = gaps.iter().flatten().map(i128::from).sum();
        assert_eq!(exact_sum(&gaps), expected);
        assert_eq!(exact_sum(&gaps.slice(7, 500)), gaps.slice(7, 500).iter().flatten().map(i128::from).sum::<i128>());
        assert_eq!(exact_sum(&UInt64Array::from(vec![u64::MAX, 1])), i128::from(u64::MAX) + 1);
    }

    #[test]
    fn halves_are_joined_again() {
        for sum in [0, -1, i128::from(i64::MAX) + 1, -(1_i128 << 70), 1_i128 << 90] {
            let (low, carry) = i64::halves(sum);
            assert_eq!(low.joined(carry), sum);
        }
        assert_eq!(u64::halves(-1), (u64::MAX, -1));
    }
}
