//! What can be known of a training from its schema alone.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::data_types::{accepts, accepts_label};
use gradframe_ml_learn::{Task, check_options};

use super::job::{JobSpec, TrainJob};
use super::{DEFAULT_LABEL, TrainRequest};
use crate::ops::columns::missing;
use crate::services::Services;

const OP: &str = "train";

/// The columns of a training query by their part.
pub(super) struct Columns {
    features: Vec<Column>,
    label: Column,
    label_type: DataType,
    feature_types: Vec<DataType>,
}

impl Columns {
    /// The features' names, then the label's.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().chain([&self.label]).map(|c| c.name.as_str())
    }

    /// The features, then the label.
    pub fn expressions(&self) -> Vec<Expr> {
        self.features.iter().chain([&self.label]).cloned().map(Expr::Column).collect()
    }
}

/// The label, and every other column as a feature.
pub(super) fn columns(schema: &DFSchema, request: &TrainRequest) -> Result<Columns> {
    names_differ(schema)?;
    let name = request.label.as_deref().unwrap_or(DEFAULT_LABEL);
    let at = schema.fields().iter().position(|f| f.name() == name).ok_or_else(|| no_label(schema, request, name))?;
    let features: Vec<usize> = (0..schema.fields().len()).filter(|&i| i != at).collect();
    if features.is_empty() {
        let hint = "the training query selects the label and the columns to learn from";
        return Err(Error::plan(OP, "there is no feature: the query has only the label").hint(hint));
    }
    features.iter().try_for_each(|&i| feature_type(schema.field(i).name(), schema.field(i).data_type()))?;
    let column = |i: usize| Column::from(schema.qualified_field(i));
    let label_type = schema.field(at).data_type().clone();
    let feature_types = features.iter().map(|&i| schema.field(i).data_type().clone()).collect();
    Ok(Columns { features: features.into_iter().map(column).collect(), label: column(at), label_type, feature_types })
}

fn names_differ(schema: &DFSchema) -> Result<()> {
    let mut seen = HashMap::new();
    for (i, field) in schema.fields().iter().enumerate() {
        if let Some(first) = seen.insert(field.name(), i) {
            let [a, b] = [first, i].map(|i| Column::from(schema.qualified_field(i)).flat_name());
            let what = format!("two columns are named `{}`: `{a}` and `{b}`", field.name());
            return Err(Error::plan(OP, what).hint("select one of them, or rename one with AS"));
        }
    }
    Ok(())
}

fn no_label(schema: &DFSchema, request: &TrainRequest, name: &str) -> Error {
    match request.label {
        Some(_) => missing(OP, schema, format!("the query has no column `{name}` to be the label"), name),
        None => Error::plan(OP, format!("no label: the query has no column `{name}`"))
            .hint("name the label's column: input_label_cols = ['...']"),
    }
}

/// The learner's word on a type, with the column's name.
fn feature_type(name: &str, data_type: &DataType) -> Result<()> {
    accepts(data_type).map(|_| ()).map_err(|e| naming(e, &format!("feature `{name}`")))
}

fn label_type(task: Task, name: &str, data_type: &DataType) -> Result<()> {
    accepts_label(task, data_type).map(|_| ()).map_err(|e| naming(e, &format!("label `{name}`")))
}

fn naming(error: Error, column: &str) -> Error {
    let detail = error.detail();
    let named = Error::dtype(OP, format!("{column}: {}", detail.what));
    match &detail.hint {
        Some(hint) => named.hint(hint.clone()),
        None => named,
    }
}

/// The training asked for. Errors: `Plan` for its model type and options, `DType` for its label.
pub(super) fn job(request: TrainRequest, columns: &Columns, services: &Services) -> Result<TrainJob> {
    let estimator = gradframe_ml_learn::estimator(&request.model_type)?;
    label_type(estimator.task(), &columns.label.name, &columns.label_type)?;
    let given = request.options.iter().map(|(name, value)| Ok((name.clone(), json(name, value)?))).collect::<Result<Vec<_>>>()?;
    let options = check_options(estimator.as_ref(), &given)?;
    Ok(TrainJob::from(JobSpec {
        name: request.name,
        on_existing: request.on_existing,
        label: columns.label.name.clone(),
        label_type: columns.label_type.clone(),
        feature_types: columns.feature_types.clone(),
        options,
        seed: request.seed.unwrap_or(services.seed),
        query: request.query,
        estimator,
    }))
}

/// An option's value as it is checked and kept.
fn json(name: &str, value: &ScalarValue) -> Result<serde_json::Value> {
    let number = |v: f64| serde_json::Number::from_f64(v).map(serde_json::Value::Number);
    let converted = match value {
        ScalarValue::Boolean(Some(v)) => Some((*v).into()),
        ScalarValue::Float64(_) | ScalarValue::Float32(_) => float(value).and_then(number),
        v if v.is_null() => None,
        v if v.data_type().is_integer() => v.to_string().parse::<i64>().ok().map(Into::into),
        v if v.data_type().is_decimal() => v.cast_to(&DataType::Float64).ok().as_ref().and_then(float).and_then(number),
        v => v.try_as_str().flatten().map(Into::into),
    };
    converted.ok_or_else(|| {
        Error::plan(OP, format!("option `{name}` cannot be {value}")).hint("options are numbers, text or booleans")
    })
}

fn float(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(v) => *v,
        ScalarValue::Float32(v) => v.map(f64::from),
        _ => None,
    }
}
