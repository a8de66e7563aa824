//! One value for each group, in arrays.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, downcast_primitive};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::super::held_rows::{HeldRows, NO_ROW};

/// The values of groups.
pub(super) trait Kept: Send {
    /// Groups up to this number.
    fn grow(&mut self, groups: usize);

    /// Gives groups the values of rows, one after the other: pairs of both.
    fn put(&mut self, values: &ArrayRef, winners: &[(usize, usize)]) -> Result<()>;

    /// Takes the values of the first groups out; null for those that are not set.
    fn take(&mut self, emit_to: EmitTo, is_set: NullBuffer) -> Result<ArrayRef>;

    fn bytes(&self) -> usize;
}

/// None yet, of this type.
pub(super) fn kept(data_type: &DataType) -> Box<dyn Kept> {
    macro_rules! typed {
        ($t:ty) => {
            Box::new(Numbers::<$t> { values: vec![], valid: None, data_type: data_type.clone() })
        };
    }
    downcast_primitive! {
        data_type => (typed),
        _ => Box::new(Rows { held: HeldRows::new(vec![data_type.clone()]), places: vec![] })
    }
}

struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    /// None as long as no value is null.
    valid: Option<Vec<bool>>,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType> Kept for Numbers<T> {
    fn grow(&mut self, groups: usize) {
        self.values.resize(groups, T::default_value());
        if let Some(valid) = &mut self.valid {
            valid.resize(groups, true);
        }
    }

    fn put(&mut self, values: &ArrayRef, winners: &[(usize, usize)]) -> Result<()> {
        let values = values.as_primitive::<T>();
        for (group, row) in winners {
            self.values[*group] = values.value(*row);
        }
        if values.null_count() > 0 || self.valid.is_some() {
            let valid = self.valid.get_or_insert_with(|| vec![true; self.values.len()]);
            winners.iter().for_each(|(group, row)| valid[*group] = values.is_valid(*row));
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo, is_set: NullBuffer) -> Result<ArrayRef> {
        let values = emit_to.take_needed(&mut self.values);
        let valid = self.valid.as_mut().map(|valid| NullBuffer::from(emit_to.take_needed(valid)));
        let nulls = NullBuffer::union(Some(&is_set), valid.as_ref());
        Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(self.data_type.clone())))
    }

    fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T::Native>() + self.valid.as_ref().map_or(0, Vec::capacity)
    }
}

/// Of any type: for each group the place of the row that it has.
struct Rows {
    held: HeldRows,
    places: Vec<u64>,
}

impl Rows {
    /// Holds no rows but those of the groups.
    fn tidy(&mut self) -> Result<()> {
        self.held.keep(&self.places)?;
        self.places.iter_mut().zip(0..).filter(|(place, _)| **place != NO_ROW).for_each(|(place, group)| *place = group);
        Ok(())
    }
}

impl Kept for Rows {
    fn grow(&mut self, groups: usize) {
        self.places.resize(groups, NO_ROW);
    }

    fn put(&mut self, values: &ArrayRef, winners: &[(usize, usize)]) -> Result<()> {
        for ((group, _), place) in winners.iter().zip(self.held.next()..) {
            self.places[*group] = place;
        }
        self.held.hold(std::slice::from_ref(values), winners.iter().map(|(_, row)| *row))?;
        if self.held.is_mostly_waste(self.places.len()) { self.tidy() } else { Ok(()) }
    }

    fn take(&mut self, emit_to: EmitTo, _is_set: NullBuffer) -> Result<ArrayRef> {
        let places = emit_to.take_needed(&mut self.places);
        let values = self.held.at(&places)?.swap_remove(0);
        self.tidy()?;
        Ok(values)
    }

    fn bytes(&self) -> usize {
        self.held.bytes() + self.places.capacity() * size_of::<u64>()
    }
}
