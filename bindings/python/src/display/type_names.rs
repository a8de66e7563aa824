//! Types in few letters, as Polars writes them.

use arrow::datatypes::{DataType, Field, TimeUnit};
use gradframe::expr::is_enum;

/// `i64`, `str`, `datetime[μs, UTC]`, `list[f64]`, `struct[a: i64]`, `enum`; Arrow's own name for what Polars has no name for.
pub fn type_name(field: &Field) -> String {
    if is_enum(field) { "enum".to_owned() } else { name_of(field.data_type()) }
}

fn name_of(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, _) => "cat".to_owned(),
        DataType::RunEndEncoded(_, values) => type_name(values),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            format!("list[{}]", type_name(item))
        }
        DataType::FixedSizeList(item, length) => format!("array[{}, {length}]", type_name(item)),
        DataType::Struct(fields) => {
            let member = |field: &Field| format!("{}: {}", field.name(), type_name(field));
            format!("struct[{}]", fields.iter().map(|field| member(field)).collect::<Vec<_>>().join(", "))
        }
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("decimal[{p}, {s}]")
        }
        DataType::Timestamp(unit, None) => format!("datetime[{}]", unit_name(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("datetime[{}, {zone}]", unit_name(*unit)),
        DataType::Duration(unit) => format!("duration[{}]", unit_name(*unit)),
        simple => simple_name(simple).map_or_else(|| simple.to_string(), str::to_owned),
    }
}

fn simple_name(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Null => "null",
        DataType::Boolean => "bool",
        DataType::Int8 => "i8",
        DataType::Int16 => "i16",
        DataType::Int32 => "i32",
        DataType::Int64 => "i64",
        DataType::UInt8 => "u8",
        DataType::UInt16 => "u16",
        DataType::UInt32 => "u32",
        DataType::UInt64 => "u64",
        DataType::Float16 => "f16",
        DataType::Float32 => "f32",
        DataType::Float64 => "f64",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "binary",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        _ => return None,
    })
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "μs",
        TimeUnit::Nanosecond => "ns",
    }
}
