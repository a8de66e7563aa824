//! What the folds of a device give, as the states that DataFusion's final aggregate joins.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, Float32Array, Float64Array, Int32Array, UInt32Array, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, FieldRef};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::grouped::Folded;
use gradframe_plan::error::from_datafusion;

use super::values::float_of_order;

/// The state of one aggregate, by the numbers of folds.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Of `count`: the number of rows.
    Count(usize),
    /// Of `sum`: what is summed, and of how many rows.
    Sum { term: Term, rows: usize },
    /// Of `avg`: the number of rows, and their sum.
    Average { term: Term, rows: usize },
    /// Of `min` and `max`.
    Extreme { fold: usize, rows: usize, of: Extreme },
}

/// A sum, by the numbers of folds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Term {
    /// It is one fold.
    Whole(usize),
    /// The sums of the lower 32 bits, and of those above.
    Halves(usize, usize),
}

/// What an extreme is of.
#[derive(Debug, Clone)]
pub(super) enum Extreme {
    /// Whole numbers.
    Integers,
    /// Places of floats in their order.
    Floats,
    /// Places in these strings.
    Words(ArrayRef),
}

/// The folds of the groups that have rows.
pub(super) struct Groups<'a> {
    pub folded: &'a [Folded],
    /// Their numbers.
    pub groups: Vec<usize>,
}

impl Groups<'_> {
    fn integers(&self, fold: usize) -> Result<Vec<i128>> {
        match &self.folded[fold] {
            Folded::Integers(numbers) => Ok(self.groups.iter().map(|&group| numbers[group]).collect()),
            Folded::Floats(_) => Err(Error::internal("device aggregate", "a fold of floats")),
        }
    }

    /// The arrays of an aggregate's state, of these types. Errors: `Internal` for a type that the state does not have.
    pub fn state(&self, state: &State, fields: &[FieldRef]) -> Result<Vec<ArrayRef>> {
        let types: Vec<&DataType> = fields.iter().map(|field| field.data_type()).collect();
        match (state, types.as_slice()) {
            (State::Count(rows), [count]) => Ok(vec![whole(count, &self.integers(*rows)?, None)?]),
            (State::Sum { term, rows }, [sum]) => Ok(vec![self.sum(*term, *rows, sum)?]),
            (State::Sum { term, rows }, [sum, DataType::Int32]) => self.sum_and_carry(*term, *rows, sum),
            (State::Average { term, rows }, [count, sum]) => {
                Ok(vec![whole(count, &self.integers(*rows)?, None)?, self.sum(*term, *rows, sum)?])
            }
            (State::Extreme { fold, rows, of }, [own]) => self.extreme(*fold, *rows, of, own),
            _ => Err(Error::internal("device aggregate", "a state of other fields")),
        }
    }

    /// Null where there was no row.
    fn nulls(&self, rows: usize) -> Result<NullBuffer> {
        Ok(NullBuffer::from_iter(self.integers(rows)?.into_iter().map(|rows| rows > 0)))
    }

    fn total(&self, term: Term) -> Result<Vec<i128>> {
        match term {
            Term::Whole(fold) => self.integers(fold),
            Term::Halves(low, high) => {
                let halves = self.integers(low)?.into_iter().zip(self.integers(high)?);
                Ok(halves.map(|(low, high)| low + (high << 32)).collect())
            }
        }
    }

    fn sum(&self, term: Term, rows: usize, data_type: &DataType) -> Result<ArrayRef> {
        let nulls = self.nulls(rows)?;
        if let (Term::Whole(fold), DataType::Float64) = (term, data_type)
            && let Folded::Floats(sums) = &self.folded[fold]
        {
            let sums = self.groups.iter().map(|&group| sums[group]).collect::<Vec<_>>();
            return Ok(Arc::new(Float64Array::new(sums.into(), Some(nulls))));
        }
        whole(data_type, &self.total(term)?, Some(nulls))
    }

    /// As many of the lower bits as the type has, and what goes beyond them: nothing beyond those of a decimal, whose addends have 64.
    fn sum_and_carry(&self, term: Term, rows: usize, data_type: &DataType) -> Result<Vec<ArrayRef>> {
        let totals = self.total(term)?;
        let low = |total: i128| match data_type {
            DataType::Decimal128(..) => total,
            DataType::UInt64 => i128::from(total as u64),
            _ => i128::from(total as i64),
        };
        let carries = totals.iter().map(|&total| ((total - low(total)) >> 64) as i32);
        let carries: ArrayRef = Arc::new(Int32Array::from_iter_values(carries));
        Ok(vec![whole(data_type, &totals, Some(self.nulls(rows)?))?, carries])
    }

    fn extreme(&self, fold: usize, rows: usize, of: &Extreme, data_type: &DataType) -> Result<Vec<ArrayRef>> {
        let (numbers, nulls) = (self.integers(fold)?, self.nulls(rows)?);
        let array: ArrayRef = match of {
            Extreme::Integers => whole(data_type, &numbers, Some(nulls))?,
            Extreme::Words(strings) => places(strings, &numbers, &nulls, data_type)?,
            Extreme::Floats => {
                let floats = numbers.iter().map(|&key| float_of_order(key as i64));
                match data_type {
                    DataType::Float32 => {
                        let floats: Vec<f32> = floats.map(|float| float as f32).collect();
                        Arc::new(Float32Array::new(floats.into(), Some(nulls)))
                    }
                    _ => Arc::new(Float64Array::new(floats.collect::<Vec<_>>().into(), Some(nulls))),
                }
            }
        };
        Ok(vec![array])
    }
}

/// Whole numbers of any type that is nothing else; decimals, dates and times among them.
pub(super) fn whole(data_type: &DataType, numbers: &[i128], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let unknown = || Error::internal("device aggregate", format!("whole numbers of {data_type}"));
    let width = data_type.primitive_width().filter(|_| !data_type.is_floating()).ok_or_else(unknown)?;
    let mut bytes = Vec::with_capacity(numbers.len() * width);
    for number in numbers {
        let (own, sign) = (number.to_le_bytes(), if *number < 0 { 0xff } else { 0 });
        bytes.extend((0..width).map(|byte| own.get(byte).copied().unwrap_or(sign)));
    }
    let data = ArrayData::builder(data_type.clone()).len(numbers.len()).nulls(nulls).add_buffer(Buffer::from_vec(bytes));
    Ok(make_array(data.align_buffers(true).build().map_err(|error| from_datafusion(error.into()))?))
}

/// The strings at these places, under another type of strings.
pub(super) fn places(strings: &ArrayRef, places: &[i128], nulls: &NullBuffer, data_type: &DataType) -> Result<ArrayRef> {
    let at = |(&place, is_there): (&i128, bool)| is_there.then_some(place as u32);
    let places: UInt32Array = places.iter().zip(nulls.iter()).map(at).collect();
    let taken = take(strings.as_ref(), &places, None).and_then(|taken| cast(&taken, data_type));
    taken.map_err(|error| from_datafusion(error.into()))
}
