//! Predict: every input row out again, in order, with the model's answer appended.

mod node;
mod output;
mod resolve;

use std::sync::Arc;

use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Task, registry};

pub use self::node::PredictNode;
pub use self::output::PredictOutput;
pub use self::resolve::used_features;
use crate::names::suggest;
use crate::services::NamedModel;

/// What may be asked of a prediction beyond its input.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct PredictOptions {
    /// Binary classification: the second class is predicted from this probability on; None is 0.5.
    pub threshold: Option<f64>,
}

impl PredictOptions {
    /// The options of `STRUCT(0.5 AS threshold)`. Errors: `Plan` for an unknown name or a threshold outside [0, 1].
    pub fn from_pairs(pairs: &[(String, ScalarValue)]) -> Result<Self> {
        let mut options = PredictOptions::default();
        for (name, value) in pairs {
            match name.to_lowercase().as_str() {
                "threshold" => options.threshold = Some(threshold(value)?),
                other => return Err(Error::plan(OP, format!("unknown option `{other}`")).hint(suggest(other, ["threshold"]))),
            }
        }
        Ok(options)
    }
}

pub(crate) const OP: &str = "ml.predict";

fn threshold(value: &ScalarValue) -> Result<f64> {
    let number = value.cast_to(&arrow::datatypes::DataType::Float64).ok().and_then(|v| match v {
        ScalarValue::Float64(v) => v,
        _ => None,
    });
    let wrong = || Error::plan(OP, format!("threshold is {value}, expected a number from 0 to 1"));
    number.filter(|v| (0.0..=1.0).contains(v)).ok_or_else(wrong)
}

/// The plan that appends the model's predictions to the rows of `input`.
///
/// Columns: the input's, then `predicted_<label>` and, for classification, `predicted_<label>_probs`
/// (a list of {label, prob}, most probable first).
/// Errors: `Plan` if a feature is not in the input or is there twice, if the input has a column of an output's name,
/// or if a threshold is given to a model that is no binary classifier; `DType` if a feature has another kind of type.
pub fn predict(input: LogicalPlan, model: Arc<NamedModel>, options: PredictOptions) -> Result<LogicalPlan> {
    model.needs_training(OP)?;
    takes_threshold(&model, &options)?;
    let node = PredictNode::try_new(input, model, options)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

fn takes_threshold(model: &NamedModel, options: &PredictOptions) -> Result<()> {
    let spec = &model.model.spec;
    if options.threshold.is_none() || spec.label.classes.len() == 2 {
        return Ok(());
    }
    let what = match registry::estimator(&spec.model_type)?.task() {
        Task::Regression => format!("{} predicts a number, a threshold is for two classes", model.title()),
        Task::Classification => {
            format!("{} has {} classes, a threshold is for two", model.title(), spec.label.classes.len())
        }
    };
    Err(Error::plan(OP, what))
}
