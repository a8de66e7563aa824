//! Types that a format of files has no form for.

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names::type_name;

/// Errors: `NotImplemented` of the operation `op`, for a column of a type that Parquet files do not have; it names the column.
pub fn require_in_parquet(op: &str, schema: &Schema) -> Result<()> {
    let unknown = schema.fields().iter().find_map(|field| Some((field, without_form(field)?)));
    let Some((column, unknown)) = unknown else { return Ok(()) };
    let what = match unknown.name() == column.name() {
        true => format!("column `{}` is {}", column.name(), type_name(column.data_type())),
        false => format!("column `{}` holds `{}` of {}", column.name(), unknown.name(), type_name(unknown.data_type())),
    };
    let hint = "cast the column, or write Arrow files, which have every type";
    Err(Error::not_implemented(op, format!("{what}, which Parquet files do not have")).hint(hint))
}

/// Errors: `NotImplemented` for a column of lists, structs or maps, which a line of texts does not hold.
pub(super) fn require_in_csv(op: &str, schema: &Schema) -> Result<()> {
    let Some(column) = schema.fields().iter().find(|field| field.data_type().is_nested()) else { return Ok(()) };
    let what = format!("column `{}` is {}, which CSV files do not have", column.name(), type_name(column.data_type()));
    Err(Error::not_implemented(op, what)
        .hint("make it text (list.join, struct.json_encode), or write Parquet, JSON or Arrow files"))
}

/// The field itself, or one within it, that has no form.
fn without_form(field: &Field) -> Option<&Field> {
    match field.data_type() {
        DataType::Union(..) | DataType::Interval(IntervalUnit::MonthDayNano) => Some(field),
        DataType::Struct(fields) if fields.is_empty() => Some(field),
        DataType::Struct(fields) => fields.iter().find_map(|field| without_form(field)),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => without_form(item),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{UnionFields, UnionMode};

    use super::*;

    #[test]
    fn a_column_that_has_no_form_is_named_wherever_its_type_stands() {
        let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
        let nested = DataType::new_list(DataType::Struct(vec![Field::new("inner", union.clone(), true)].into()), true);
        let interval = DataType::Interval(IntervalUnit::MonthDayNano);
        for (own, said) in [(union, "column `c` is"), (nested, "column `c` holds `inner` of"), (interval, "column `c` is")] {
            let schema = Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("c", own, true)]);
            let error = require_in_parquet("copy", &schema).unwrap_err();
            assert_eq!(error.kind(), "NotImplemented");
            assert!(error.to_string().contains(said), "{error}");
        }
        let plain = Schema::new(vec![Field::new("a", DataType::new_list(DataType::Utf8, true), true)]);
        assert!(require_in_parquet("copy", &plain).is_ok());
        assert!(require_in_csv("copy", &plain).unwrap_err().to_string().contains("column `a` is List(String)"));
    }
}
