//! `DESCRIBE MODEL m`: one row a property.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use gradframe_ml_core::Result;
use gradframe_ml_learn::{Encoding, FeatureSpec, ModelSpec};

use super::{arrow_error, scan, text};
use crate::ops::text::MODEL_TYPE;
use crate::services::NamedModel;

/// What is known of a model: rows (property, name, value), such as (feature, distance, "Float64, standardised ...").
pub fn describe_model(model: Arc<NamedModel>) -> Result<LogicalPlan> {
    scan("model", schema(), move || batch(&rows(&model)))
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![text("property", false), text("name", true), text("value", false)]))
}

type Row = (&'static str, Option<String>, String);

fn rows(model: &NamedModel) -> Vec<Row> {
    let spec = &model.model.spec;
    let mut rows = vec![
        ("model", None, model.name.clone()),
        ("version", None, model.version.to_string()),
        ("model_type", None, spec.model_type.clone()),
    ];
    if spec.model_type == MODEL_TYPE {
        rows.extend(spec.options.iter().map(|(name, value)| ("option", Some(name.clone()), value.to_string())));
        return rows;
    }
    rows.extend([("label", Some(spec.label.name.clone()), spec.label.data_type.to_string())]);
    rows.extend(spec.label.classes.iter().map(|class| ("class", None, class.to_string())));
    let transform = spec.transform.iter().flat_map(|transform| &transform.items);
    rows.extend(transform.map(|item| ("transform", Some(item.name.clone()), item.sql.clone())));
    rows.extend(spec.features.iter().map(|f| ("feature", Some(f.name.clone()), describe_feature(f))));
    rows.extend(spec.options.iter().map(|(name, value)| ("option", Some(name.clone()), value.to_string())));
    rows.extend(training(spec));
    rows
}

fn training(spec: &ModelSpec) -> Vec<Row> {
    let t = &spec.training;
    let mut rows = vec![
        ("run", None, t.run.clone()),
        ("rows", None, t.rows.to_string()),
        ("epochs", None, t.epochs.to_string()),
        ("loss", None, t.loss.to_string()),
        ("converged", None, t.converged.to_string()),
        ("seed", None, t.seed.to_string()),
        ("reproducible", None, t.reproducible.to_string()),
    ];
    rows.extend(t.query.iter().map(|query| ("query", None, query.clone())));
    rows
}

fn describe_feature(feature: &FeatureSpec) -> String {
    let (data_type, nulls) = (
        &feature.data_type,
        match &feature.encoding {
            Encoding::Standard { nulls, .. } | Encoding::OneHot { nulls, .. } => *nulls,
            Encoding::Raw { .. } => 0,
        },
    );
    let encoding = match &feature.encoding {
        Encoding::Standard { mean, std, min, max, .. } => format!("standardised, mean {mean}, std {std}, from {min} to {max}"),
        Encoding::Raw { min, max, .. } => format!("as it is, from {min} to {max}"),
        Encoding::OneHot { vocabulary, .. } => format!("one-hot, {} values", vocabulary.len()),
    };
    let nulls = if nulls == 0 { String::new() } else { format!(", {nulls} nulls") };
    format!("{data_type}, {encoding}{nulls}")
}

fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| Some(r.0)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.1.as_deref()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| Some(r.2.as_str())).collect::<StringArray>()),
    ];
    RecordBatch::try_new(schema(), columns).map_err(arrow_error)
}
