//! Batches whose memory nobody else has: a loop over tensors writes into them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, FixedSizeListArray, PrimitiveArray, RecordBatch, downcast_integer,
};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use arrow::error::Result;

/// The batch with its numbers, and its lists of one length of them, in memory of its own. What this batch alone holds stays where it is; what a
/// table, another batch or another library has as well is copied. Other columns are as they were.
pub(super) fn in_own_memory(batch: RecordBatch) -> Result<RecordBatch> {
    let (schema, columns, _) = batch.into_parts();
    if columns.is_empty() {
        return RecordBatch::try_new(schema, columns);
    }
    RecordBatch::try_new(schema, columns.into_iter().map(own).collect::<Result<_>>()?)
}

fn own(array: ArrayRef) -> Result<ArrayRef> {
    macro_rules! own_integers {
        ($type:ty, $array:ident) => {
            Ok(own_values::<$type>($array))
        };
    }
    let data_type = array.data_type().clone();
    downcast_integer! {
        data_type => (own_integers, array),
        DataType::Float16 => Ok(own_values::<Float16Type>(array)),
        DataType::Float32 => Ok(own_values::<Float32Type>(array)),
        DataType::Float64 => Ok(own_values::<Float64Type>(array)),
        DataType::FixedSizeList(_, 1..) => own_lists(array),
        _ => Ok(array),
    }
}

fn own_values<T: ArrowPrimitiveType>(array: ArrayRef) -> ArrayRef {
    let values = array.as_primitive::<T>().clone();
    // It would be an owner beside the values.
    drop(array);
    // Arrow makes a builder of memory that nobody else has, and that is its own and no other library's.
    match values.into_builder() {
        Ok(mut alone) => Arc::new(alone.finish()),
        Err(shared) => Arc::new(PrimitiveArray::<T>::new(shared.values().to_vec().into(), shared.nulls().cloned())),
    }
}

fn own_lists(array: ArrayRef) -> Result<ArrayRef> {
    let lists = array.as_fixed_size_list().clone();
    drop(array);
    let (field, size, values, nulls) = lists.into_parts();
    Ok(Arc::new(FixedSizeListArray::try_new(field, size, own(values)?, nulls)?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int32Array, StringArray};
    use arrow::datatypes::{Field, Float64Type, Int32Type};

    use super::*;

    fn address<T: ArrowPrimitiveType>(array: &dyn Array) -> *const T::Native {
        array.as_primitive::<T>().values().as_ptr()
    }

    fn batch(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn memory_that_nobody_else_has_stays_where_it_is() {
        let given = batch([
            ("x", Arc::new(Float64Array::from(vec![1.0, 2.0])) as ArrayRef),
            ("s", Arc::new(StringArray::from(vec!["a", "b"]))),
        ]);
        let before = address::<Float64Type>(given.column(0));
        let owned = in_own_memory(given.clone()).unwrap();
        assert_ne!(address::<Float64Type>(owned.column(0)), before, "the other batch has it as well");
        assert_eq!(owned, given);
        drop(owned);
        let owned = in_own_memory(given).unwrap();
        assert_eq!(address::<Float64Type>(owned.column(0)), before);
    }

    #[test]
    fn parts_of_a_larger_batch_are_copied() {
        let whole = batch([("i", Arc::new(Int32Array::from_iter_values(0..10)) as ArrayRef)]);
        let place = address::<Int32Type>(whole.column(0));
        for part in [whole.slice(0, 4), whole.slice(4, 6)] {
            let owned = in_own_memory(part.clone()).unwrap();
            assert_eq!(owned, part);
            assert!(!(place..place.wrapping_add(10)).contains(&address::<Int32Type>(owned.column(0))));
        }
    }

    #[test]
    fn a_column_that_is_there_twice_is_two() {
        let x: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let owned = in_own_memory(batch([("a", Arc::clone(&x)), ("b", x)])).unwrap();
        assert_ne!(address::<Float64Type>(owned.column(0)), address::<Float64Type>(owned.column(1)));
    }

    #[test]
    fn lists_of_one_length_are_owned_by_their_values() {
        let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..6).map(f64::from)));
        let field = Arc::new(Field::new("item", DataType::Float64, true));
        let lists: ArrayRef = Arc::new(FixedSizeListArray::try_new(field, 2, Arc::clone(&values), None).unwrap());
        let given = batch([("l", lists)]);
        let owned = in_own_memory(given.clone()).unwrap();
        assert_eq!(owned, given);
        assert_ne!(address::<Float64Type>(owned.column(0).as_fixed_size_list().values()), address::<Float64Type>(&values));
    }
}
