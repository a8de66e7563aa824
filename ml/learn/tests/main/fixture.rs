//! A small data set in memory, from raw columns to a trained model.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use gradframe_ml_core::{DType, Result, Tensor};
use gradframe_ml_kernels::compile;
use gradframe_ml_learn::features::layout;
use gradframe_ml_learn::{
    Chunk, ClassLabel, Encoder, Estimator, FORMAT_VERSION, FeatureSpec, FeatureStats, Fitted, LabelSpec, Layout, Model,
    ModelSpec, Options, RawColumn, Step, TrainingSummary, Vocabulary, check_options, train_in_memory,
};
use serde_json::Value;

/// A raw column.
#[derive(Debug, Clone)]
pub enum Column {
    Number(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Named columns and an encoded label.
#[derive(Debug, Clone)]
pub struct Data {
    pub columns: Vec<(String, Column)>,
    pub label: Vec<f64>,
    pub classes: Vec<ClassLabel>,
}

/// A column of numbers without nulls.
pub fn numbers(values: impl IntoIterator<Item = f64>) -> Column {
    Column::Number(values.into_iter().map(Some).collect())
}

/// A column of strings without nulls.
pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Column {
    Column::Text(values.into_iter().map(|v| Some(v.to_string())).collect())
}

/// The classes 0, 1, .. as integers.
pub fn int_classes(count: i64) -> Vec<ClassLabel> {
    (0..count).map(ClassLabel::Int).collect()
}

impl Data {
    pub fn features(&self) -> Result<Vec<FeatureSpec>> {
        self.columns.iter().map(|(name, column)| feature(name, column)).collect()
    }

    pub fn label_spec(&self) -> LabelSpec {
        let data_type = if self.classes.is_empty() { DataType::Float64 } else { DataType::Int64 };
        LabelSpec { name: "y".to_string(), data_type, classes: self.classes.clone() }
    }

    pub fn layout(&self) -> Result<Layout> {
        Ok(layout(self.label.len() as u64, &self.features()?, &self.label_spec()))
    }

    /// The encoded training set, in chunks of this many rows.
    pub fn chunks(&self, rows: usize, dtype: DType) -> Result<Vec<Chunk>> {
        let features = self.features()?;
        let encoder = Encoder::new(&features, dtype)?;
        let starts = (0..self.label.len()).step_by(rows);
        starts.map(|start| self.chunk(&features, &encoder, start, (start + rows).min(self.label.len()))).collect()
    }

    fn chunk(&self, features: &[FeatureSpec], encoder: &Encoder, start: usize, stop: usize) -> Result<Chunk> {
        let columns =
            self.columns.iter().zip(features).map(|((_, column), f)| raw(column, f, start..stop)).collect::<Result<Vec<_>>>()?;
        encoder.encode(&columns, Tensor::from_vec(&[stop - start], self.label[start..stop].to_vec())?)
    }

    /// Trains with these options, on chunks of 16 rows.
    pub fn fit(&self, estimator: &dyn Estimator, options: &[(&str, Value)]) -> Result<(Model, Fitted, Vec<Step>)> {
        let given: Vec<(String, Value)> = options.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        let options = check_options(estimator, &given)?;
        let chunks = self.chunks(16, estimator.feature_dtype())?;
        let (fitted, log) = train_in_memory(estimator, &self.layout()?, &chunks, &options, 1)?;
        Ok((self.model(estimator, options, &fitted)?, fitted, log))
    }

    /// The model of these weights.
    pub fn model(&self, estimator: &dyn Estimator, options: Options, fitted: &Fitted) -> Result<Model> {
        let spec = ModelSpec {
            format: FORMAT_VERSION,
            model_type: estimator.model_type().to_string(),
            label: self.label_spec(),
            features: self.features()?,
            options,
            transform: None,
            module: None,
            training: TrainingSummary::default(),
            evaluation: None,
        };
        Ok(Model { spec, weights: fitted.weights.clone() })
    }

    /// Predicts all rows. Without `nullable`, the data must have no nulls in numbers.
    pub fn predict(&self, estimator: &dyn Estimator, model: &Model, nullable: bool) -> Result<Tensor> {
        let unused = model.unused_features();
        let mut arguments = Vec::new();
        for (i, ((_, column), feature)) in self.columns.iter().zip(&model.spec.features).enumerate() {
            if !unused.contains(&i) {
                arguments.extend(raw_arguments(raw(column, feature, 0..self.label.len())?, nullable)?);
            }
        }
        Ok(compile(&estimator.predict(model, nullable)?)?.run(&arguments)?.remove(0))
    }
}

fn feature(name: &str, column: &Column) -> Result<FeatureSpec> {
    let data_type = match column {
        Column::Number(_) => DataType::Float64,
        Column::Text(_) => DataType::Utf8,
    };
    let mut stats = FeatureStats::for_type(&data_type)?;
    match (&mut stats, column) {
        (FeatureStats::Number(stats), Column::Number(values)) => {
            let (values, valid) = tensors(values)?;
            stats.update(&values, valid.as_ref(), None)?;
        }
        (FeatureStats::Text(stats), Column::Text(values)) => stats.update(values.iter().map(|v| v.as_deref())),
        _ => unreachable!("the statistics are of the column's kind"),
    }
    stats.finish(name, &data_type)
}

fn raw(column: &Column, feature: &FeatureSpec, rows: std::ops::Range<usize>) -> Result<RawColumn> {
    match column {
        Column::Number(values) => {
            let (values, valid) = tensors(&values[rows])?;
            RawColumn::number(values, valid)
        }
        Column::Text(values) => {
            let vocabulary = Vocabulary::of(&feature.encoding).expect("text is one-hot");
            let codes: Vec<i32> = values[rows].iter().map(|v| vocabulary.code(v.as_deref())).collect();
            RawColumn::codes(Tensor::from_vec(&[codes.len()], codes)?)
        }
    }
}

/// Values, with NaN under nulls, and validity where something is null.
fn tensors(values: &[Option<f64>]) -> Result<(Tensor, Option<Tensor>)> {
    let valid: Vec<bool> = values.iter().map(Option::is_some).collect();
    let numbers = values.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
    let has_nulls = valid.contains(&false);
    let valid = if has_nulls { Some(Tensor::from_bools(&[values.len()], &valid)?) } else { None };
    Ok((Tensor::from_vec(&[values.len()], numbers)?, valid))
}

fn raw_arguments(column: RawColumn, nullable: bool) -> Result<Vec<Tensor>> {
    Ok(match column {
        RawColumn::Codes(own) | RawColumn::Whole(own) => vec![own],
        RawColumn::Number { values, .. } if !nullable => vec![values],
        RawColumn::Number { values, valid } => {
            let all_valid = Tensor::from_bools(values.shape(), &vec![true; values.len()])?;
            vec![values, valid.unwrap_or(all_valid)]
        }
    })
}

/// A model of these features with these weights, not trained.
pub fn model(model_type: &str, features: Vec<FeatureSpec>, classes: Vec<ClassLabel>, weights: BTreeMap<String, Tensor>) -> Model {
    let data_type = if classes.is_empty() { DataType::Float64 } else { DataType::Int64 };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: model_type.to_string(),
        label: LabelSpec { name: "y".to_string(), data_type, classes },
        features,
        options: BTreeMap::new(),
        transform: None,
        module: None,
        training: TrainingSummary::default(),
        evaluation: None,
    };
    Model { spec, weights }
}

/// Fails unless both are as long and differ by at most `tolerance`.
pub fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance, "{what}[{i}]: {a}, expected {e}");
    }
}
