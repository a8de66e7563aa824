//! A model ready to predict: its compiled programs, its vocabularies, its classes as a column.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, Float64Array, ListArray, StructArray, new_empty_array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::FieldRef;
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::{Program, compile};
use gradframe_ml_learn::metrics::predicted_class;
use gradframe_ml_learn::{FeatureSpec, LabelSpec, PlaceCheck, Vocabulary, estimator, place_check};
use gradframe_plan::NamedModel;
use gradframe_plan::error::copy;
use gradframe_plan::ops::predict::{PredictOptions, PredictOutput, used_features};

use crate::columns::{class_values, codes, numbers, take_classes, whole_numbers};

/// Predicts batches. What is costly is made at the first batch and kept: one program for batches with nulls in a
/// number, one for those without.
#[derive(Debug)]
pub(super) struct Predictor {
    model: Arc<NamedModel>,
    options: PredictOptions,
    outputs: Vec<PredictOutput>,
    lookups: OnceLock<Vec<Option<Vocabulary>>>,
    plain: OnceLock<Result<Program>>,
    nullable: OnceLock<Result<Program>>,
    /// What a module picks by, if anything.
    places: OnceLock<Result<Option<PlaceCheck>>>,
}

/// A feature of a batch as the program takes it.
enum Argument {
    Number(Tensor, Option<Tensor>),
    /// Codes, or whole numbers.
    Exact(Tensor),
}

impl Predictor {
    /// A predictor of these outputs, nothing compiled yet.
    pub fn new(model: Arc<NamedModel>, options: PredictOptions, outputs: Vec<PredictOutput>) -> Self {
        let (plain, nullable) = (OnceLock::new(), OnceLock::new());
        Predictor { model, options, outputs, lookups: OnceLock::new(), plain, nullable, places: OnceLock::new() }
    }

    /// `fare@3`: the model and its version.
    pub fn title(&self) -> String {
        format!("{}@{}", self.model.name, self.model.version)
    }

    /// The appended columns.
    pub fn fields(&self) -> impl Iterator<Item = FieldRef> + '_ {
        self.outputs.iter().map(|output| output.field(self.label()))
    }

    /// The appended columns' values, given the used features'; `run` runs a program, and is told whether it is the one for nulls.
    /// Errors: `Execution` if a feature's value cannot be a number; `DType` if it is not whole where a module takes whole numbers;
    /// `OutOfBounds` if a module picks by it what there is not.
    pub fn predict(
        &self,
        features: &[ArrayRef],
        rows: usize,
        run: impl FnOnce(&Program, bool, &[Tensor]) -> Result<Vec<Tensor>>,
    ) -> Result<Vec<ArrayRef>> {
        if rows == 0 {
            return Ok(self.fields().map(|field| new_empty_array(field.data_type())).collect());
        }
        self.check_nulls(features)?;
        let columns = self.columns(features)?;
        let nullable = columns.iter().any(|c| matches!(c, Argument::Number(_, Some(_))));
        let arguments = arguments(columns, nullable, rows)?;
        self.check_places(&arguments)?;
        let mut results = run(self.program(nullable)?, nullable, &arguments)?;
        let result = results.pop().ok_or_else(|| Error::internal("ml.predict", "the model's program gives nothing"))?;
        if self.label().classes.is_empty() {
            return Ok(self.outputs.iter().map(|_| float_array(&result)).collect());
        }
        let values = class_values(self.label())?;
        self.outputs.iter().map(|output| self.class_output(*output, &result, &values)).collect()
    }

    fn label(&self) -> &LabelSpec {
        &self.model.model.spec.label
    }

    /// Errors: `Execution` naming a feature that is null and may not be.
    fn check_nulls(&self, features: &[ArrayRef]) -> Result<()> {
        if self.model.model.spec.module.is_none() {
            return Ok(());
        }
        let specs = used_features(&self.model.model);
        match specs.iter().zip(features).find(|(_, array)| array.null_count() > 0) {
            Some((spec, _)) => {
                let what = format!("feature `{}` of {} is null in a row", spec.name, self.model.title());
                Err(Error::execution("ml.predict", what).hint("a module takes no nulls: leave such rows out, or fill them"))
            }
            None => Ok(()),
        }
    }

    /// The used features as the program takes them.
    fn columns(&self, features: &[ArrayRef]) -> Result<Vec<Argument>> {
        let model = &self.model.model;
        if model.spec.module.is_none() {
            return features.iter().zip(self.lookups()).map(|(array, lookup)| argument(array, lookup.as_ref())).collect();
        }
        let column = |(array, spec): (&ArrayRef, &FeatureSpec)| match spec.encoding.whole() {
            Some(dtype) => whole_numbers(array, dtype, |what| self.not_whole(&spec.name, what)).map(Argument::Exact),
            None => argument(array, None),
        };
        features.iter().zip(&model.spec.features).map(column).collect()
    }

    fn not_whole(&self, feature: &str, what: &str) -> Error {
        let what = format!("feature `{feature}` of {} is {what}", self.model.title());
        Error::dtype("ml.predict", what).hint("cast it, or leave such rows out")
    }

    /// Errors: `OutOfBounds` if the model's module picks what there is not.
    fn check_places(&self, arguments: &[Tensor]) -> Result<()> {
        match self.places.get_or_init(|| place_check(&self.model.model)) {
            Ok(None) => Ok(()),
            Ok(Some(places)) => places.check("ml.predict", &format!(" of {}", self.model.title()), arguments),
            Err(error) => Err(copy(error)),
        }
    }

    fn lookups(&self) -> &[Option<Vocabulary>] {
        self.lookups.get_or_init(|| used_features(&self.model.model).iter().map(|f| Vocabulary::of(&f.encoding)).collect())
    }

    /// The program for batches with nulls in a number, or without. Errors: those of the model's specification.
    pub fn program(&self, nullable: bool) -> Result<&Program> {
        let cell = if nullable { &self.nullable } else { &self.plain };
        cell.get_or_init(|| self.compile(nullable)).as_ref().map_err(copy)
    }

    fn compile(&self, nullable: bool) -> Result<Program> {
        let model = &self.model.model;
        compile(&estimator(&model.spec.model_type)?.predict(model, nullable)?)
    }

    /// `probabilities` [N, C], class order.
    fn class_output(&self, output: PredictOutput, probabilities: &Tensor, classes: &ArrayRef) -> Result<ArrayRef> {
        let rows = probabilities.values::<f64>()?.chunks_exact(classes.len());
        match output {
            PredictOutput::Label => {
                let class = |row| predicted_class(row, self.options.threshold).map(|class| class as u32);
                take_classes(classes, rows.map(class).collect::<Vec<_>>())
            }
            PredictOutput::Probabilities => probability_lists(self.label(), rows, classes),
        }
    }
}

fn argument(array: &ArrayRef, vocabulary: Option<&Vocabulary>) -> Result<Argument> {
    match vocabulary {
        Some(vocabulary) => codes(array, vocabulary).map(Argument::Exact),
        None => numbers(array).map(|(values, valid)| Argument::Number(values, valid)),
    }
}

/// In the program's order; with `nullable` each number is followed by its validity.
fn arguments(columns: Vec<Argument>, nullable: bool, rows: usize) -> Result<Vec<Tensor>> {
    let all_valid = nullable.then(|| Tensor::from_bools(&[rows], &vec![true; rows])).transpose()?;
    let mut arguments = Vec::with_capacity(columns.len() * 2);
    for column in columns {
        match column {
            Argument::Exact(own) => arguments.push(own),
            Argument::Number(values, valid) => {
                arguments.push(values);
                arguments.extend(valid.or_else(|| all_valid.clone()).filter(|_| nullable));
            }
        }
    }
    Ok(arguments)
}

fn float_array(values: &Tensor) -> ArrayRef {
    Arc::new(Float64Array::new(ScalarBuffer::from(values.buffer().clone()), None))
}

/// Each row's classes with their probabilities, most probable first; equal ones in class order.
fn probability_lists<'a>(label: &LabelSpec, rows: impl Iterator<Item = &'a [f64]>, classes: &ArrayRef) -> Result<ArrayRef> {
    let width = classes.len();
    let mut indices: Vec<u32> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for row in rows {
        let from = indices.len();
        indices.extend(0..width as u32);
        let by_probability = |a: &u32, b: &u32| descending(row[*a as usize], row[*b as usize]);
        indices[from..].sort_by(by_probability); // stable
        values.extend(indices[from..].iter().map(|&i| row[i as usize]));
    }
    let lengths = std::iter::repeat_n(width, indices.len() / width);
    let columns = vec![take_classes(classes, indices)?, Arc::new(Float64Array::from(values)) as ArrayRef];
    let items = StructArray::new(PredictOutput::item_fields(label), columns, None);
    Ok(Arc::new(ListArray::new(PredictOutput::item_field(label), OffsetBuffer::from_lengths(lengths), Arc::new(items), None)))
}

fn descending(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}
