//! Dictionaries of string views, as Polars hands them over, as dictionaries of strings: Parquet's writer has no other.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;

/// The plan, with a projection above it where a column needs a cast.
pub(super) fn without_views_in_dictionaries(input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = input.schema().clone();
    if schema.fields().iter().all(|field| of_strings(field.data_type()).is_none()) {
        return Ok(input);
    }
    let columns = schema.iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match of_strings(field.data_type()) {
            Some(data_type) => cast(column, data_type).alias_qualified(qualifier.cloned(), field.name()),
            None => column,
        }
    });
    LogicalPlanBuilder::from(input)
        .project(columns.collect::<Vec<_>>())
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)
}

/// The type with strings or bytes in the place of views in dictionaries; None where there are none.
fn of_strings(own: &DataType) -> Option<DataType> {
    let item = |field: &FieldRef| Some(FieldRef::new(field.as_ref().clone().with_data_type(of_strings(field.data_type())?)));
    match own {
        DataType::Dictionary(keys, values) => match values.as_ref() {
            DataType::Utf8View => Some(DataType::Dictionary(keys.clone(), Box::new(DataType::Utf8))),
            DataType::BinaryView => Some(DataType::Dictionary(keys.clone(), Box::new(DataType::Binary))),
            _ => None,
        },
        DataType::List(of) => item(of).map(DataType::List),
        DataType::LargeList(of) => item(of).map(DataType::LargeList),
        DataType::FixedSizeList(of, width) => item(of).map(|of| DataType::FixedSizeList(of, *width)),
        DataType::Struct(fields) if fields.iter().any(|field| item(field).is_some()) => {
            Some(DataType::Struct(fields.iter().map(|field| item(field).unwrap_or_else(|| FieldRef::clone(field))).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;

    #[test]
    fn only_views_in_dictionaries_are_cast() {
        let of = |values: DataType| DataType::Dictionary(Box::new(DataType::UInt8), Box::new(values));
        assert_eq!(of_strings(&of(DataType::Utf8View)), Some(of(DataType::Utf8)));
        assert_eq!(of_strings(&of(DataType::Utf8)), None);
        assert_eq!(of_strings(&DataType::Utf8View), None);
        let list = |item| DataType::List(Field::new("item", item, true).into());
        assert_eq!(of_strings(&list(of(DataType::Utf8View))), Some(list(of(DataType::Utf8))));
    }
}
