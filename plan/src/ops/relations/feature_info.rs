//! `ML.FEATURE_INFO(MODEL m)`: what training saw in the input columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;
use gradframe_ml_learn::transform::{InputColumn, InputStats, NumberSummary};
use gradframe_ml_learn::{Encoding, FeatureSpec, ModelSpec};

use super::{arrow_error, scan, text};
use crate::ops::transform::Transform;
use crate::services::NamedModel;

/// One row an input column: of a number min, max, mean, median and population stddev, of text the number of different
/// values, of both the number of nulls. With a TRANSFORM the columns are those that it reads, before anything is done to
/// them; without one they are the features, and the median, for which nothing is kept, is null.
pub fn feature_info(model: Arc<NamedModel>) -> Result<LogicalPlan> {
    scan("feature_info", schema(), move || batch(&rows(&model.model.spec)?))
}

fn schema() -> SchemaRef {
    let float = |name| Field::new(name, DataType::Float64, true);
    let integer = |name, nullable| Field::new(name, DataType::Int64, nullable);
    let numbers = ["min", "max", "mean", "median", "stddev"].map(float);
    let counts = [integer("category_count", true), integer("null_count", false)];
    Arc::new(Schema::new(std::iter::once(text("input", false)).chain(numbers).chain(counts).collect::<Vec<_>>()))
}

/// An input column; its median may be unknown.
struct Row {
    input: String,
    stats: InputStats,
    median: Option<f64>,
}

fn rows(spec: &ModelSpec) -> Result<Vec<Row>> {
    let Some(stored) = &spec.transform else { return Ok(spec.features.iter().map(feature).collect()) };
    let transform = Transform::of_spec(stored)?;
    let names: Vec<&str> = transform.feature_inputs(&spec.label.name).collect();
    let inputs = stored.inputs.iter().filter(|input| names.contains(&input.name.as_str()));
    let median = |input: &InputColumn| input.stats.numbers.map(|numbers| numbers.median);
    let row = |i: &InputColumn| Row { input: i.name.clone(), stats: i.stats.clone(), median: median(i) };
    Ok(inputs.map(row).collect())
}

fn feature(feature: &FeatureSpec) -> Row {
    let stats = match &feature.encoding {
        Encoding::Standard { mean, std, min, max, nulls } => {
            let numbers = NumberSummary { min: *min, max: *max, mean: *mean, median: *mean, std: own_std(*std, *min, *max) };
            InputStats { nulls: *nulls, numbers: Some(numbers), categories: None }
        }
        Encoding::Raw { mean, std, min, max, .. } => {
            let numbers = NumberSummary { min: *min, max: *max, mean: *mean, median: *mean, std: *std };
            InputStats { nulls: 0, numbers: Some(numbers), categories: None }
        }
        Encoding::OneHot { vocabulary, nulls } => {
            InputStats { nulls: *nulls, numbers: None, categories: Some(vocabulary.len() as u64) }
        }
    };
    Row { input: feature.name.clone(), stats, median: None }
}

/// The encoding divides a constant column by 1.
fn own_std(std: f64, min: f64, max: f64) -> f64 {
    if min == max { 0.0 } else { std }
}

fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let number = |get: fn(NumberSummary) -> f64| {
        Arc::new(rows.iter().map(|row| row.stats.numbers.map(get)).collect::<Float64Array>()) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| Some(row.input.as_str())).collect::<StringArray>()),
        number(|n| n.min),
        number(|n| n.max),
        number(|n| n.mean),
        Arc::new(rows.iter().map(|row| row.median).collect::<Float64Array>()),
        number(|n| n.std),
        Arc::new(rows.iter().map(|row| row.stats.categories.map(|c| c as i64)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| Some(row.stats.nulls as i64)).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(schema(), columns).map_err(arrow_error)
}
