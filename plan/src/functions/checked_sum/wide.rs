//! Exact sums of 64-bit values, as 128-bit numbers or as their lower half and what was carried beyond it.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int32Type};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// The type of what was carried.
pub(super) const CARRY: DataType = DataType::Int32;

/// A type whose sums are of its own width.
pub(super) trait Summed: ArrowPrimitiveType<Native: Wide> + Send + Sync {}

impl<T: ArrowPrimitiveType<Native: Wide> + Send + Sync> Summed for T {}

/// A number of 64 bits.
pub(super) trait Wide: Copy + Send + Sync {
    /// What is taken off a number where it is counted from the least one of its type.
    const BIAS: u64;
    /// The number counted from there.
    fn biased(self) -> u64;
    /// The lower 64 bits of a sum.
    fn truncated(sum: i128) -> Self;
    /// The number itself.
    fn widened(self) -> i128;
    /// The wrapped sum of two, and what it carried: -1, 0 or 1.
    fn carrying_add(self, other: Self) -> (Self, i32);
}

impl Wide for i64 {
    const BIAS: u64 = 1 << 63;

    fn biased(self) -> u64 {
        self as u64 ^ Self::BIAS
    }

    fn truncated(sum: i128) -> Self {
        sum as i64
    }

    fn widened(self) -> i128 {
        i128::from(self)
    }

    fn carrying_add(self, other: Self) -> (Self, i32) {
        match self.overflowing_add(other) {
            (sum, false) => (sum, 0),
            (sum, true) => (sum, if other < 0 { -1 } else { 1 }),
        }
    }
}

impl Wide for u64 {
    const BIAS: u64 = 0;

    fn biased(self) -> u64 {
        self
    }

    fn truncated(sum: i128) -> Self {
        sum as u64
    }

    fn widened(self) -> i128 {
        i128::from(self)
    }

    fn carrying_add(self, other: Self) -> (Self, i32) {
        let (sum, carries) = self.overflowing_add(other);
        (sum, i32::from(carries))
    }
}

/// So many upper halves add up without leaving 64 bits.
const BLOCK: usize = 1 << 20;

/// The exact sum of the values that are not null.
pub(super) fn exact_sum<T: Summed>(values: &PrimitiveArray<T>) -> i128 {
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
fn block_sum<N: Wide>(values: &[N]) -> i128 {
    let (mut wrapped, mut high) = (0_u64, 0_u64);
    for value in values {
        wrapped = wrapped.wrapping_add(value.biased());
        high += value.biased() >> 32;
    }
    from_halves::<N>(wrapped, high, values.len())
}

/// Of up to 64 values those whose bit is set.
fn valid_sum<N: Wide>(values: &[N], valid: u64) -> i128 {
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
fn from_halves<N: Wide>(wrapped: u64, high: u64, count: usize) -> i128 {
    let low = wrapped.wrapping_sub(high << 32);
    (i128::from(high) << 32) + i128::from(low) - i128::from(N::BIAS) * count as i128
}

/// The lower half of a sum, and how often 2^64 is to be added to it.
pub(super) fn halves<N: Wide>(sum: i128) -> (N, i32) {
    let low = N::truncated(sum);
    let carry = (sum - low.widened()) >> 64;
    (low, i32::try_from(carry).unwrap_or(if carry < 0 { i32::MIN } else { i32::MAX }))
}

/// The sum that [`halves`] parted.
pub(super) fn joined<N: Wide>(low: N, carry: i32) -> i128 {
    low.widened() + (i128::from(carry) << 64)
}

/// What was carried, for each row of a state.
pub(super) fn carries(state: &ArrayRef) -> &Int32Array {
    state.as_primitive::<Int32Type>()
}

pub(super) fn scalar<T: Summed>(value: Option<T::Native>, data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::new_primitive::<T>(value, data_type)
}

/// The callers have looked at the type before.
pub(super) fn unexpected<R>(data_type: &DataType) -> Result<R> {
    Err(to_datafusion(Error::internal("sum", format!("{data_type} is not summed here"))))
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
            let (low, carry) = halves::<i64>(sum);
            assert_eq!(joined(low, carry), sum);
        }
        assert_eq!(halves::<u64>(-1), (u64::MAX, -1));
    }
}
