//! The columns that Predict appends.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use gradframe_ml_core::Result;
use gradframe_ml_learn::{LabelSpec, Model, Task, registry};

/// One appended column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PredictOutput {
    /// `predicted_<label>`: the number (f64), or the class in the label's type.
    Label,
    /// `predicted_<label>_probs`: every class with its probability, most probable first.
    Probabilities,
}

impl PredictOutput {
    /// All that a model gives, in order.
    pub fn of(model: &Model) -> Result<Vec<PredictOutput>> {
        Ok(match registry::estimator(&model.spec.model_type)?.task() {
            Task::Regression => vec![PredictOutput::Label],
            Task::Classification => vec![PredictOutput::Label, PredictOutput::Probabilities],
        })
    }

    /// The column's name.
    pub fn name(self, label: &LabelSpec) -> String {
        match self {
            PredictOutput::Label => format!("predicted_{}", label.name),
            PredictOutput::Probabilities => format!("predicted_{}_probs", label.name),
        }
    }

    /// The column. Null is a class alone, where a probability is NaN: a feature is NaN or infinite.
    pub fn field(self, label: &LabelSpec) -> FieldRef {
        let data_type = match self {
            PredictOutput::Label => Self::label_type(label),
            PredictOutput::Probabilities => DataType::List(Self::item_field(label)),
        };
        let is_class = self == PredictOutput::Label && !label.classes.is_empty();
        Arc::new(Field::new(self.name(label), data_type, is_class))
    }

    /// The type of `predicted_<label>`: Float64 for regression.
    pub fn label_type(label: &LabelSpec) -> DataType {
        if label.classes.is_empty() { DataType::Float64 } else { label.data_type.clone() }
    }

    /// The element of the list of probabilities.
    pub fn item_field(label: &LabelSpec) -> FieldRef {
        Arc::new(Field::new("item", DataType::Struct(Self::item_fields(label)), false))
    }

    /// The fields of an element: label, prob.
    pub fn item_fields(label: &LabelSpec) -> Fields {
        Fields::from(vec![Field::new("label", label.data_type.clone(), false), Field::new("prob", DataType::Float64, false)])
    }
}
