//! Bits of integers, and hashes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt64Array, make_array};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::one_zero::one_zero;
use super::kernel::{Columns, Kernel, integer};

pub(super) const KERNELS: &[Kernel] = &[
    // [integer or boolean]; constant: what is counted.
    Kernel { name: "count_bits", result: integer, run: count_bits },
    // [value]; constant: seed.
    Kernel { name: "hash_value", result: unsigned, run: hash },
    // [integer or float]; constant: a null of the type of as many bits that it becomes.
    Kernel { name: "reinterpret", result: type_of_constant, run: reinterpret },
];

fn unsigned(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::UInt64)
}

fn type_of_constant(_types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    Ok(constants.first().map_or(DataType::Null, ScalarValue::data_type))
}

/// The same bytes as values of another type.
fn reinterpret(columns: &Columns) -> Result<ArrayRef> {
    let wanted = type_of_constant(&[], columns.constants)?;
    Ok(make_array(columns.values[0].to_data().into_builder().data_type(wanted).build()?))
}

/// How many bits a type has; a boolean has one.
fn width(data_type: &DataType) -> u32 {
    match data_type {
        DataType::Boolean => 1,
        other => other.primitive_width().map_or(64, |bytes| bytes as u32 * 8),
    }
}

fn count_bits(columns: &Columns) -> Result<ArrayRef> {
    let bits = width(columns.values[0].data_type());
    let wide = match columns.values[0].data_type() {
        DataType::UInt64 => columns.values[0].clone(),
        _ => {
            let signed = arrow::compute::cast(&columns.values[0], &DataType::Int64)?;
            let signed = datafusion::common::cast::as_int64_array(&signed)?.clone();
            Arc::new(signed.unary::<_, arrow::datatypes::UInt64Type>(|x| x as u64))
        }
    };
    let wide = datafusion::common::cast::as_uint64_array(&wide)?;
    let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
    let count: fn(u64) -> u32 = match columns.text(0) {
        "ones" | "zeros" => u64::count_ones,
        "leading_ones" => u64::leading_ones,
        "leading_zeros" => u64::leading_zeros,
        "trailing_ones" => u64::trailing_ones,
        _ => u64::trailing_zeros,
    };
    let (leading, zeros) = (columns.text(0).starts_with("leading"), columns.text(0) == "zeros");
    let counted = wide.iter().map(|x| {
        let low = x? & mask;
        // The value's own highest bit is to be the highest of 64.
        let placed = if leading { low << (64 - bits) } else { low };
        let n = count(placed).min(bits);
        Some(i64::from(if zeros { bits - n } else { n }))
    });
    Ok(Arc::new(counted.collect::<Int64Array>()))
}

/// A hash of the value's normalised bytes: equal values of equal types have equal hashes, in every process and release.
fn hash(columns: &Columns) -> Result<ArrayRef> {
    let seed = columns.int(0)? as u64;
    let column = &columns.values[0];
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())])?;
    let rows = converter.convert_columns(&[one_zero(column)])?;
    Ok(Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| xxh3_64_with_seed(row.as_ref(), seed)))))
}
