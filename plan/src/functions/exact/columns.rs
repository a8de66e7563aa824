//! Rows of exact sums as columns: their values, and their states as bytes.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, LargeBinaryBuilder, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_datafusion_err};
use gradframe_ml_learn::exact::{Crossed, Joint, Spread, Tally, Total};

use crate::error::to_datafusion;

/// The type of a state: all sums of it in one column of bytes, null of no rows. With offsets of 64 bits, as the states of all groups are
/// given at once.
pub(super) const STATE: DataType = DataType::LargeBinary;

/// Sums whose rows lie in columns.
pub(super) trait Columns: Tally {
    /// Hands over the rows without nulls, with their places.
    fn for_each(values: &[ArrayRef], row: impl FnMut(usize, Self::Row)) -> Result<()>;
}

macro_rules! of_one {
    ($tally:ty) => {
        impl Columns for $tally {
            fn for_each(values: &[ArrayRef], mut row: impl FnMut(usize, f64)) -> Result<()> {
                let values = floats(values, 0)?;
                if values.null_count() == 0 {
                    values.values().iter().enumerate().for_each(|(at, value)| row(at, *value));
                } else {
                    values.iter().enumerate().for_each(|(at, value)| {
                        if let Some(value) = value {
                            row(at, value);
                        }
                    });
                }
                Ok(())
            }
        }
    };
}

macro_rules! of_two {
    ($tally:ty) => {
        impl Columns for $tally {
            fn for_each(values: &[ArrayRef], mut row: impl FnMut(usize, (f64, f64))) -> Result<()> {
                let (y, x) = (floats(values, 0)?, floats(values, 1)?);
                y.iter().zip(x.iter()).enumerate().for_each(|(at, pair)| {
                    if let (Some(y), Some(x)) = pair {
                        row(at, (y, x));
                    }
                });
                Ok(())
            }
        }
    };
}

of_one!(Total);
of_one!(Spread);
of_two!(Crossed);
of_two!(Joint);

fn floats(values: &[ArrayRef], at: usize) -> Result<PrimitiveArray<Float64Type>> {
    let column =
        values.get(at).ok_or_else(|| internal_datafusion_err!("an aggregate of {} columns has none at {at}", values.len()))?;
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// Whether a row passes the filter, if there is one.
pub(super) fn passes(filter: Option<&BooleanArray>, at: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(at) && filter.value(at))
}

/// The states of sums, null of no rows.
pub(super) fn states<'a, T: Tally>(tallies: impl Iterator<Item = Option<&'a T>>) -> LargeBinaryArray {
    let mut bytes = vec![];
    let mut states = LargeBinaryBuilder::new();
    for tally in tallies {
        match tally.filter(|tally| tally.count() > 0) {
            Some(tally) => {
                bytes.clear();
                tally.write(&mut bytes);
                states.append_value(&bytes);
            }
            None => states.append_null(),
        }
    }
    states.finish()
}

/// Hands over the sums of states, with their places.
pub(super) fn for_each_state<T: Tally>(states: &[ArrayRef], mut state: impl FnMut(usize, T)) -> Result<()> {
    let states = states.first().and_then(|states| states.as_binary_opt::<i64>());
    let states = states.ok_or_else(|| internal_datafusion_err!("the states of an exact aggregate are no bytes"))?;
    for (at, bytes) in states.iter().enumerate() {
        if let Some(bytes) = bytes {
            state(at, T::read(bytes).map_err(to_datafusion)?);
        }
    }
    Ok(())
}
