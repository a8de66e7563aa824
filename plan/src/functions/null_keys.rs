//! Dictionaries whose nulls are among their keys.
//!
//! Arrow lets a dictionary hold a null among its values as well. Casts of arrow 59 make an empty text of one, and DataFusion 55 counts the keys'
//! nulls alone where a `NOT IN` asks whether there are any.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::datatypes::DataType;

/// The same rows, for what comes from outside; dictionaries without null values are not touched.
pub fn null_keys_in_rows(rows: RecordBatch) -> RecordBatch {
    let has_nulls = |column: &ArrayRef| {
        matches!(column.data_type(), DataType::Dictionary(..)) && column.as_any_dictionary().values().null_count() > 0
    };
    if !rows.columns().iter().any(has_nulls) {
        return rows;
    }
    let columns = rows.columns().iter();
    let columns = columns.map(|column| if has_nulls(column) { with_null_keys(column) } else { column.clone() }).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(rows.schema(), columns, &options).unwrap_or(rows)
}

fn with_null_keys(dictionary: &ArrayRef) -> ArrayRef {
    let data = dictionary.to_data().into_builder().nulls(dictionary.logical_nulls());
    data.build().map_or_else(|_| dictionary.clone(), make_array)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int8Array, StringArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    #[test]
    fn a_null_among_the_values_is_one_of_the_keys() {
        let words = Arc::new(StringArray::from(vec![Some("a"), None]));
        let places = Int8Array::from(vec![Some(0), Some(1), None, Some(0), Some(1)]);
        let given: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(places, words));
        let rows = RecordBatch::try_from_iter([("w", given.slice(1, 4))]).expect("rows");
        let column = Arc::clone(null_keys_in_rows(rows).column(0));
        let nulls: Vec<bool> = (0..4).map(|row| column.is_null(row)).collect();
        assert_eq!(nulls, [true, true, false, true]);
        assert_eq!(column.null_count(), 3);
    }

    #[test]
    fn others_stay_where_they_are() {
        let given: ArrayRef = Arc::new(["a", "b"].into_iter().collect::<DictionaryArray<Int8Type>>());
        let rows = RecordBatch::try_from_iter([("w", Arc::clone(&given))]).expect("rows");
        assert!(Arc::ptr_eq(null_keys_in_rows(rows).column(0), &given));
    }
}
