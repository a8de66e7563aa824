//! Types as one would write them in CREATE TABLE.

use arrow::datatypes::{DataType, Field, TimeUnit};

/// `bigint`, `varchar`, `decimal(10, 2)`, `double[]`, `struct(a bigint)`; Arrow's own name for what SQL has no name for.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => type_name(values),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            format!("{}[]", type_name(item.data_type()))
        }
        DataType::FixedSizeList(item, length) => format!("{}[{length}]", type_name(item.data_type())),
        DataType::Struct(fields) => format!("struct({})", members(fields.iter().map(AsRef::as_ref))),
        DataType::Map(entries, _) => map_name(entries),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("decimal({p}, {s})")
        }
        simple => simple_name(simple).map_or_else(|| simple.to_string(), str::to_owned),
    }
}

/// True for what is written flush right.
pub fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

fn simple_name(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Null => "null",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::UInt8 => "tinyint unsigned",
        DataType::UInt16 => "smallint unsigned",
        DataType::UInt32 => "integer unsigned",
        DataType::UInt64 => "bigint unsigned",
        DataType::Float16 => "half",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Timestamp(TimeUnit::Second, None) => "timestamp(0)",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Interval(_) => "interval",
        _ => return None,
    })
}

fn members<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    fields.map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect::<Vec<_>>().join(", ")
}

fn map_name(entries: &Field) -> String {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            format!("map({}, {})", type_name(fields[0].data_type()), type_name(fields[1].data_type()))
        }
        other => format!("map({})", type_name(other)),
    }
}
