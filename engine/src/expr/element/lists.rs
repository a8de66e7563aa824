//! Lists of a batch as elements side by side, and lists made of results.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array, new_empty_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;

/// The elements of all lists that are not null, one after the other, and how many each list has.
pub(super) struct Elements {
    pub(super) values: ArrayRef,
    lengths: Vec<usize>,
    nulls: Option<NullBuffer>,
}

impl Elements {
    /// The elements of lists of any layout, in this type.
    pub(super) fn of(lists: &ArrayRef, element: &DataType) -> Result<Self> {
        let lists = cast(lists, &DataType::new_list(element.clone(), true))?;
        let lists = lists.as_list::<i32>();
        let nulls = lists.logical_nulls();
        let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let ranges = lists.offsets().windows(2).map(|ends| ends[0] as usize..ends[1] as usize);
        let ranges: Vec<_> = ranges.enumerate().map(|(row, range)| if is_valid(row) { range } else { 0..0 }).collect();
        let lengths: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let places = ranges.into_iter().flatten().map(|place| place as u32);
        let values = take(lists.values(), &UInt32Array::from_iter_values(places), None)?;
        Ok(Elements { values, lengths, nulls })
    }

    /// The number of each element's list, from 0.
    pub(super) fn owners(&self) -> UInt32Array {
        let owner = |(list, length): (usize, &usize)| std::iter::repeat_n(list as u32, *length);
        UInt32Array::from_iter_values(self.lengths.iter().enumerate().flat_map(owner))
    }

    /// Whether a list has no element.
    pub(super) fn has_empty(&self) -> bool {
        (0..self.lengths.len()).any(|list| self.is_empty(list))
    }

    fn is_empty(&self, list: usize) -> bool {
        self.lengths[list] == 0 && self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(list))
    }

    /// Lists of as many values as there are elements.
    pub(super) fn lists(&self, values: ArrayRef) -> Result<ArrayRef> {
        lists(values, self.lengths.iter().copied(), self.nulls.clone())
    }

    /// Lists of those values that are kept.
    pub(super) fn kept(&self, values: &ArrayRef, keep: &dyn Array) -> Result<ArrayRef> {
        let keep = keep.as_boolean();
        let keep = if keep.null_count() > 0 { arrow::compute::prep_null_mask_filter(keep) } else { keep.clone() };
        let mut next = 0;
        let kept = |length: &usize| {
            let range = next..next + length;
            next = range.end;
            range.filter(|place| keep.value(*place)).count()
        };
        let lengths: Vec<usize> = self.lengths.iter().map(kept).collect();
        lists(arrow::compute::filter(values, &keep)?, lengths.into_iter(), self.nulls.clone())
    }

    /// The result of each list: `results` are those of the lists `owners`, `of_empty` is that of a list without elements.
    pub(super) fn results(&self, owners: &UInt32Array, results: &ArrayRef, of_empty: Option<ArrayRef>) -> Result<ArrayRef> {
        let mut places: Vec<Option<u32>> = vec![None; self.lengths.len()];
        for (place, owner) in owners.values().iter().enumerate() {
            places[*owner as usize] = Some(place as u32);
        }
        let Some(of_empty) = of_empty else { return Ok(take(results, &UInt32Array::from(places), None)?) };
        for (list, place) in places.iter_mut().enumerate().filter(|(list, _)| self.is_empty(*list)) {
            debug_assert!(place.is_none(), "list {list} has no element");
            *place = Some(results.len() as u32);
        }
        let of_empty = cast(&of_empty, results.data_type())?;
        let all = concat(&[results.as_ref(), of_empty.as_ref()])?;
        Ok(take(&all, &UInt32Array::from(places), None)?)
    }

    /// Each value as a list of one; null for a null list.
    pub(super) fn single(&self, values: ArrayRef) -> Result<ArrayRef> {
        let is_valid = |list: usize| self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(list));
        let places = (0..self.lengths.len()).filter(|list| is_valid(*list)).map(|list| list as u32);
        let values = take(&values, &UInt32Array::from_iter_values(places), None)?;
        lists(values, (0..self.lengths.len()).map(|list| usize::from(is_valid(list))), self.nulls.clone())
    }
}

fn lists(values: ArrayRef, lengths: impl Iterator<Item = usize>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls)?))
}

/// A list of no value.
pub(super) fn empty_list(element: &DataType) -> Result<ArrayRef> {
    lists(new_empty_array(element), std::iter::once(0), None)
}
