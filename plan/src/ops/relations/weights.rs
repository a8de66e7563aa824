//! `ML.WEIGHTS`, and `SELECT * FROM m`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use gradframe_ml_core::Result;
use gradframe_ml_learn::{Model, weights_table};

use super::{arrow_error, text};

/// feature (`__intercept__` for the intercept), category of a one-hot feature, class of a classifier with several
/// outputs, weight in units of the raw column, weight of the standardised column.
pub fn weights_schema() -> SchemaRef {
    let weight = |name| Field::new(name, DataType::Float64, false);
    let names = [text("feature", false), text("category", true), text("class", true)];
    let fields = names.into_iter().chain([weight("weight"), weight("standardized_weight")]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of `weights_schema`. Errors: `Internal` if the model lacks a weight that its type has.
pub fn weights_batch(model: &Model) -> Result<RecordBatch> {
    let rows = weights_table(model)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| Some(r.feature.as_str())).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.category.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.class.as_ref().map(ToString::to_string)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| Some(r.weight)).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| Some(r.standardized_weight)).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(weights_schema(), columns).map_err(arrow_error)
}
