//! Rows in another order: sorting, reversing, shuffling.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array, UInt64Array};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::one_zero::one_zero;
use super::super::order_keys::{has_order_bytes, order_bytes};
use super::kernel::{Columns, Kernel, as_first, integer};
use super::per_row::per_row;

pub(super) const KERNELS: &[Kernel] = &[
    // [value, keys..]; constants: descending and nulls_last of each key.
    Kernel { name: "sort_by", result: as_first, run: sort_by },
    // The same, as positions from 0.
    Kernel { name: "arg_sort_by", result: integer, run: arg_sort_by },
    // [value, keys..], or [value] that is its own key; constants: how many of the first, then as above.
    Kernel { name: FIRST_SORTED, result: as_first, run: first_sorted },
    Kernel { name: "reverse", result: as_first, run: reverse },
    // [value]; constant: seed.
    Kernel { name: "shuffle", result: as_first, run: shuffle },
    // [value] as bytes of the same order.
    Kernel { name: ORDER_BYTES, result: bytes, run: bytes_of },
    // [value, positions]: the values at positions, null where that is null.
    Kernel { name: "gather", result: as_first, run: gather },
];

pub(super) const FIRST_SORTED: &str = "first_sorted";
const ORDER_BYTES: &str = "order_bytes";

/// What a value is sorted by in this direction, with its nulls there: a null within a list or struct is the least in any direction.
/// DataFusion has those within where it has those of the column; where that is another place, the key is bytes.
pub fn nested_sort_key(value: Expr, data_type: &DataType, descending: bool, nulls_last: bool) -> Expr {
    if (descending || nulls_last) && has_order_bytes(data_type) { per_row(ORDER_BYTES, vec![value], vec![]) } else { value }
}

fn bytes(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::LargeBinary)
}

fn bytes_of(columns: &Columns) -> Result<ArrayRef> {
    order_bytes(&columns.values[0])
}

/// How the key at a place is sorted, of constants that say of each whether it descends and has its nulls last.
pub(super) fn sort_options(constants: &[ScalarValue], index: usize) -> SortOptions {
    let flag = |at: usize| matches!(constants.get(at), Some(ScalarValue::Boolean(Some(true))));
    SortOptions { descending: flag(2 * index), nulls_first: !flag(2 * index + 1) }
}

/// The order of the first rows by keys; rows of equal keys keep theirs.
fn order(keys: &[ArrayRef], constants: &[ScalarValue], rows: usize, first: Option<usize>) -> Result<UInt32Array> {
    let sort = keys.iter().enumerate().map(|(index, key)| {
        let key = one_zero(key);
        let values = if has_order_bytes(key.data_type()) { order_bytes(&key)? } else { key };
        Ok(SortColumn { values, options: Some(sort_options(constants, index)) })
    });
    let sort = sort.collect::<Result<Vec<_>>>()?;
    let place: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..rows as u64));
    let sort: Vec<SortColumn> = sort.into_iter().chain([SortColumn { values: place, options: None }]).collect();
    Ok(lexsort_to_indices(&sort, first)?)
}

fn sort_by(columns: &Columns) -> Result<ArrayRef> {
    Ok(take(&columns.values[0], &order(&columns.values[1..], columns.constants, columns.rows, None)?, None)?)
}

fn first_sorted(columns: &Columns) -> Result<ArrayRef> {
    let (first, constants) = (columns.int(0)?.max(0) as usize, &columns.constants[1..]);
    let keys = if columns.values.len() == 1 { columns.values } else { &columns.values[1..] };
    Ok(take(&columns.values[0], &order(keys, constants, columns.rows, Some(first))?, None)?)
}

fn arg_sort_by(columns: &Columns) -> Result<ArrayRef> {
    let places = order(&columns.values[1..], columns.constants, columns.rows, None)?;
    Ok(Arc::new(Int64Array::from_iter_values(places.values().iter().map(|place| i64::from(*place)))))
}

fn reverse(columns: &Columns) -> Result<ArrayRef> {
    let places = UInt64Array::from_iter_values((0..columns.rows as u64).rev());
    Ok(take(&columns.values[0], &places, None)?)
}

/// In the order of the hashes of the rows' places: the same for the same seed and number of rows.
fn shuffle(columns: &Columns) -> Result<ArrayRef> {
    let seed = columns.int(0)? as u64;
    let mut places: Vec<u64> = (0..columns.rows as u64).collect();
    places.sort_by_key(|place| xxh3_64_with_seed(&place.to_le_bytes(), seed));
    Ok(take(&columns.values[0], &UInt64Array::from(places), None)?)
}

fn gather(columns: &Columns) -> Result<ArrayRef> {
    let places = columns.numbers(1)?;
    let inside: UInt64Array = places.iter().map(|place| place.filter(|place| *place < columns.rows as u64)).collect();
    Ok(take(&columns.values[0], &inside as &dyn Array, None)?)
}
