//! What a function may give: the columns that were declared, whichever of Arrow's layouts their texts and lists have.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_plan::metrics::Count;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::functions::{null_keys_in_rows, one_nan_in_rows_made_of};
use gradframe_plan::names::type_name;
use gradframe_plan::ops::map_batches::OP;

use crate::columns::arrow_error;

/// The columns that a function has to give.
#[derive(Debug)]
pub(super) struct Expected {
    function: String,
    schema: SchemaRef,
}

impl Expected {
    /// `function` is named in errors.
    pub fn new(function: String, schema: SchemaRef) -> Self {
        Expected { function, schema }
    }

    /// What was made of the rows `given`, as the operator's. Texts and lists of another layout are copied, which `copied` counts in bytes.
    /// Errors: `Shape` for other columns, `DType` for a column of another type.
    pub fn take(&self, given: &RecordBatch, batch: RecordBatch, copied: &Count) -> Result<RecordBatch> {
        self.check_names(&batch)?;
        let columns = self.schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| self.column(field.name(), field.data_type(), column, copied));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect::<Result<_>>()?, &options)
            .map(|rows| null_keys_in_rows(one_nan_in_rows_made_of(given, rows)))
            .map_err(arrow_error)
    }

    fn check_names(&self, batch: &RecordBatch) -> Result<()> {
        let expected = self.schema.fields().iter().map(|field| field.name());
        let given = batch.schema();
        if expected.clone().eq(given.fields().iter().map(|field| field.name())) {
            return Ok(());
        }
        let (expected, given) = (listed(expected), listed(given.fields().iter().map(|field| field.name())));
        let what = format!("`{}` gave the columns {given}, expected {expected}", self.function);
        Err(Error::shape(OP, what).hint("declare the columns of the result with schema="))
    }

    fn column(&self, name: &str, expected: &DataType, column: &ArrayRef, copied: &Count) -> Result<ArrayRef> {
        if column.data_type() == expected {
            return Ok(Arc::clone(column));
        }
        if !same_values(column.data_type(), expected) {
            let (given, expected) = (type_name(column.data_type()), type_name(expected));
            let what = format!("`{}` gave column `{name}` as {given}, expected {expected}", self.function);
            return Err(Error::dtype(OP, what).hint("declare the columns of the result with schema=, or cast the column"));
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let converted = cast_with_options(column, expected, &strict).map_err(arrow_error)?;
        copied.add(converted.get_array_memory_size());
        Ok(converted)
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}

/// Whether the types differ in layout alone.
fn same_values(given: &DataType, expected: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Dictionary, LargeBinary, LargeList, LargeUtf8, List, ListView, Null, Struct, Utf8, Utf8View,
    };
    match (given, expected) {
        (given, expected) if given == expected => true,
        (Null, _) => true,
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => true,
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        (Dictionary(_, values), other) => same_values(values, other),
        (other, Dictionary(_, values)) => same_values(other, values),
        (List(a) | LargeList(a) | ListView(a), List(b) | LargeList(b)) => same_values(a.data_type(), b.data_type()),
        (Struct(a), Struct(b)) => {
            let same = |(a, b): (&arrow::datatypes::FieldRef, &arrow::datatypes::FieldRef)| {
                a.name() == b.name() && same_values(a.data_type(), b.data_type())
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, LargeStringArray, StringViewArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn expected() -> Expected {
        let fields = vec![Field::new("n", DataType::Int32, true), Field::new("s", DataType::Utf8View, true)];
        Expected::new("f".into(), Arc::new(Schema::new(fields)))
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn taken(rows: RecordBatch, copied: &Count) -> Result<RecordBatch> {
        expected().take(&rows.clone(), rows, copied)
    }

    fn numbers() -> ArrayRef {
        Arc::new(Int32Array::from(vec![1, 2]))
    }

    #[test]
    fn texts_of_another_layout_are_converted_and_counted() {
        let copied = Count::new();
        let views: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
        let same = taken(batch(vec![("n", numbers()), ("s", views)]), &copied).unwrap();
        assert_eq!((same.num_rows(), copied.value()), (2, 0));
        let large: ArrayRef = Arc::new(LargeStringArray::from(vec!["a", "b"]));
        let converted = taken(batch(vec![("n", numbers()), ("s", large)]), &copied).unwrap();
        assert_eq!(converted.schema(), same.schema());
        assert!(copied.value() > 0);
    }

    #[test]
    fn other_columns_and_types_are_refused() {
        let given = batch(vec![("n", numbers())]);
        let error = taken(given, &Count::new()).unwrap_err();
        assert!(error.to_string().contains("`f` gave the columns `n`, expected `n`, `s`"), "{error}");
        assert_eq!(error.kind(), "Shape");
        let error = taken(batch(vec![("n", numbers()), ("s", numbers())]), &Count::new()).unwrap_err();
        assert!(error.to_string().contains("column `s` as Int32, expected String"), "{error}");
        assert_eq!(error.kind(), "DType");
    }
}
