//! Exact sums, in numbers twice as wide, or as a number of their own width and what was carried beyond it.

use std::fmt::Display;
use std::ops::{Add, Sub};

use arrow::array::{ArrayRef, AsArray, Int32Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int32Type};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use crate::error::to_datafusion;

/// The type of what was carried.
pub(super) const CARRY: DataType = DataType::Int32;

/// A type whose sums are of its own width.
pub(super) trait Summed: ArrowPrimitiveType<Native: Wide> + Send + Sync {}

impl<T: ArrowPrimitiveType<Native: Wide> + Send + Sync> Summed for T {}

/// A number of which sums are made.
pub(super) trait Wide: Copy + Send + Sync {
    /// A sum of so many of them that it has left their width.
    type Total: Copy + Default + Add<Output = Self::Total> + Sub<Output = Self::Total> + Send + Sync;
    /// The exact sum of the values that are not null.
    fn sum_of<T: ArrowPrimitiveType<Native = Self>>(values: &PrimitiveArray<T>) -> Self::Total;
    /// The wrapped sum of two, and what it carried: -1, 0 or 1.
    fn add_and_carry(self, other: Self) -> (Self, i32);
    /// The lower half of a sum, and how often its width is to be added to it.
    fn halves(sum: Self::Total) -> (Self, i32);
    /// The sum that [`Wide::halves`] parted.
    fn joined(self, carry: i32) -> Self::Total;
    /// Whether the type has room for a number of its width.
    fn has_room(self, data_type: &DataType) -> bool;
    /// The sum as it is read.
    fn shown(sum: Self::Total, data_type: &DataType) -> impl Display;
}

/// The sum in its type, or what went beyond it.
pub(super) fn narrowed<N: Wide>(sum: N::Total, data_type: &DataType) -> Option<N> {
    let (low, carry) = N::halves(sum);
    (carry == 0 && low.has_room(data_type)).then_some(low)
}

/// A carry, as far as 32 bits go: nobody has as many rows.
pub(super) fn carried<C: TryInto<i32> + PartialOrd + Default>(carry: C) -> i32 {
    let least = if carry < C::default() { i32::MIN } else { i32::MAX };
    carry.try_into().unwrap_or(least)
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
