//! A column beside another one of as many rows: whether its values are among the other's, where the other's would stand in it, and moved by as
//! many rows as it says.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt64Array};
use arrow::compute::{SortOptions, cast, interleave, take};
use arrow::datatypes::DataType;
use arrow::row::{Row, RowConverter, SortField};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::super::one_zero::one_zero;
use super::kernel::{Columns, Kernel, as_first, integer};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [value, other]; constant: whether a null is among nulls.
    Kernel { name: "is_among", result: |_, _| Ok(DataType::Boolean), run: is_among },
    // [value in order, what is looked for, of the same type]; constants: descending, whether after what is equal.
    Kernel { name: "places_among", result: integer, run: places_among },
    // [value, number of rows, what rows without a value get]
    Kernel { name: "shift_by", result: as_first, run: shift_by },
    // [value, whether the row is one of the result]; constant: the result's name.
    Kernel { name: "beside_rows", result: as_first, run: beside_rows },
    // [value]; constant: the result's name.
    Kernel { name: "only_value", result: as_first, run: only_value },
];

fn is_among(columns: &Columns) -> Result<ArrayRef> {
    let (values, nulls_equal) = (&columns.values[0], columns.flag(0));
    let others = cast(&columns.values[1], values.data_type())?;
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let (own, theirs) = (converter.convert_columns(&[one_zero(values)])?, converter.convert_columns(&[one_zero(&others)])?);
    let (nulls, other_nulls) = (values.logical_nulls(), others.logical_nulls());
    let is_null = |nulls: &Option<arrow::buffer::NullBuffer>, row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let there = (0..others.len()).filter(|row| !is_null(&other_nulls, *row)).map(|row| theirs.row(row).data());
    let there: HashSet<&[u8]> = there.collect();
    let any_null = other_nulls.is_some_and(|nulls| nulls.null_count() > 0);
    let found = (0..values.len()).map(|row| match is_null(&nulls, row) {
        true => nulls_equal.then_some(any_null),
        false => Some(there.contains(own.row(row).data())),
    });
    Ok(Arc::new(found.collect::<BooleanArray>()))
}

/// How many values come before each of the others. Nulls are all first, or all last where the first value is none.
fn places_among(columns: &Columns) -> Result<ArrayRef> {
    let (values, others) = (&columns.values[0], &columns.values[1]);
    let nulls = values.logical_nulls();
    let nulls_last = nulls.is_some_and(|nulls| nulls.null_count() > 0 && nulls.is_valid(0));
    let options = SortOptions { descending: columns.flag(0), nulls_first: !nulls_last };
    let converter = RowConverter::new(vec![SortField::new_with_options(values.data_type().clone(), options)])?;
    let (own, theirs) = (converter.convert_columns(&[one_zero(values)])?, converter.convert_columns(&[one_zero(others)])?);
    let own: Vec<Row> = own.iter().collect();
    let after = columns.flag(1);
    let place = |other: Row| own.partition_point(|value| if after { *value <= other } else { *value < other }) as i64;
    Ok(Arc::new(theirs.iter().map(place).collect::<Int64Array>()))
}

/// The number of rows is that of the first row; a null moves everything away.
fn shift_by(columns: &Columns) -> Result<ArrayRef> {
    let [value, by, fill] = columns.values else {
        return Err(to_datafusion(Error::internal("shift", "takes a value, a number of rows and what fills")));
    };
    let by = cast(by, &DataType::Int64)?;
    let by = datafusion::common::cast::as_int64_array(&by)?.iter().next().flatten().unwrap_or(i64::MAX);
    let fill = cast(fill, value.data_type())?;
    let rows = columns.rows as i64;
    let place = |row: i64| match row.checked_sub(by).filter(|from| (0..rows).contains(from)) {
        Some(from) => (0, from as usize),
        None => (1, row as usize),
    };
    let places: Vec<(usize, usize)> = (0..rows).map(place).collect();
    Ok(interleave(&[value.as_ref(), fill.as_ref()], &places)?)
}

/// A result of other rows than the frame's, beside them: of as many, or one for all. Errors: `Shape` for any other number.
fn beside_rows(columns: &Columns) -> Result<ArrayRef> {
    // A null in the mask keeps nothing.
    let values = arrow::compute::filter(&columns.values[0], columns.values[1].as_boolean())?;
    match values.len() {
        count if count == columns.rows => Ok(values),
        1 => Ok(take(&values, &UInt64Array::from(vec![0; columns.rows]), None)?),
        count => {
            let what = format!("`{}` has {count} values, the frame {} rows", columns.text(0), columns.rows);
            let error =
                Error::shape("with_columns", what).hint("a column has as many values as the frame has rows, or one for all");
            Err(to_datafusion(error))
        }
    }
}

/// The one value of what stands beside rows. Errors: `Shape` for any other number of them.
fn only_value(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    if values.len() == 1 {
        return Ok(Arc::clone(values));
    }
    let what = format!("`{}` has {} values, expected one for all rows", columns.text(0), values.len());
    Err(to_datafusion(Error::shape("expression", what).hint("select it alone, or make it a list with implode()")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn values_are_found_among_others() {
        let values = [column(&[Some(1), None, Some(3)]), column(&[Some(3), None, None])];
        let among = |nulls_equal: bool| {
            let columns = Columns { values: &values, rows: 3, constants: &[nulls_equal.into()] };
            datafusion::common::cast::as_boolean_array(&is_among(&columns).expect("a mask")).expect("booleans").clone()
        };
        assert_eq!(among(false), BooleanArray::from(vec![Some(false), None, Some(true)]));
        assert_eq!(among(true), BooleanArray::from(vec![false, true, true]));
    }

    #[test]
    fn places_are_found_by_the_order_of_the_values() {
        let others = column(&[Some(4), None, Some(3), Some(9)]);
        let places = |values: &[Option<i64>], descending: bool, after: bool| {
            let values = [column(values), Arc::clone(&others)];
            let found = places_among(&Columns { values: &values, rows: 4, constants: &[descending.into(), after.into()] });
            found.expect("places").as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
        };
        assert_eq!(places(&[None, Some(1), Some(3), Some(5)], false, false), [3, 0, 2, 4]);
        assert_eq!(places(&[Some(1), Some(3), Some(3), None], false, true), [3, 4, 3, 3]);
        assert_eq!(places(&[Some(9), Some(4), Some(3), Some(3)], true, true), [2, 0, 4, 1]);
    }

    #[test]
    fn rows_that_none_moves_to_are_filled() {
        let moved = |by: Option<i64>| {
            let values = [column(&[Some(1), Some(2), Some(3)]), column(&[by; 3]), column(&[None, Some(9), None])];
            shift_by(&Columns { values: &values, rows: 3, constants: &[] }).expect("a column")
        };
        assert_eq!(&moved(Some(1)), &column(&[None, Some(1), Some(2)]));
        assert_eq!(&moved(Some(-2)), &column(&[Some(3), Some(9), None]));
        assert_eq!(&moved(Some(i64::MIN)), &column(&[None, Some(9), None]));
        assert_eq!(&moved(None), &column(&[None, Some(9), None]));
    }
}
