//! Pretrained models in the registry: an entry that names their directory.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::model::FORMAT_VERSION;
use gradframe_ml_learn::{LabelSpec, Model, ModelSpec, TrainingSummary};
use serde_json::Value;

use crate::names::suggest;
use crate::services::{OnExisting, Services};

/// The `model_type` of a pretrained model.
pub const MODEL_TYPE: &str = "huggingface";

const OP: &str = "create model";
const DIRECTORY: &str = "directory";
const PATH: &str = "path";

/// What CREATE MODEL asks of a pretrained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Pretrained {
    /// The name that it gets.
    pub name: String,
    /// What happens to a model of that name.
    pub on_existing: OnExisting,
    /// The options but `model_type`.
    pub options: Vec<(String, ScalarValue)>,
}

/// The entry of a pretrained model, whose files are there and fit together.
/// Errors: `Plan` for an unknown option or no path; those of a directory that is not whole, as `gradframe_ml_models::Model::open`.
pub fn pretrained(request: &Pretrained, services: &Services) -> Result<Model> {
    let path = path_of(&request.options)?;
    let directory = services.pretrained.find(path)?;
    let opened = services.pretrained.open(&directory)?;
    let text = |value: &str| Value::from(value.to_owned());
    let options = BTreeMap::from([
        (PATH.to_owned(), text(path)),
        (DIRECTORY.to_owned(), text(&directory.to_string_lossy())),
        ("architecture".to_owned(), text(opened.kind())),
        ("dtype".to_owned(), text(&opened.weights().main_dtype())),
    ]);
    Ok(Model { spec: spec(options), weights: BTreeMap::new() })
}

fn spec(options: BTreeMap<String, Value>) -> ModelSpec {
    ModelSpec {
        format: FORMAT_VERSION,
        model_type: MODEL_TYPE.to_owned(),
        label: LabelSpec { name: String::new(), data_type: DataType::Null, classes: Vec::new() },
        features: Vec::new(),
        options,
        transform: None,
        training: TrainingSummary::default(),
        evaluation: None,
        module: None,
    }
}

fn path_of(options: &[(String, ScalarValue)]) -> Result<&str> {
    let mut path = None;
    for (name, value) in options {
        match (name.as_str(), value) {
            (PATH, ScalarValue::Utf8(Some(text))) if !text.is_empty() => path = Some(text.as_str()),
            (PATH, other) => return Err(Error::plan(OP, format!("option `path` takes a text, got `{other}`"))),
            (other, _) => {
                let what = format!("unknown option `{other}` of model_type `{MODEL_TYPE}`");
                return Err(Error::plan(OP, what).hint(suggest(other, [PATH, "model_type"])));
            }
        }
    }
    path.ok_or_else(|| {
        let what = format!("no path is given for model_type `{MODEL_TYPE}`");
        Error::plan(OP, what).hint("path = the directory that holds config.json, or org/name in the hub's cache")
    })
}

/// The directory of a pretrained model; None of a model that was trained here.
pub fn directory_of(model: &Model) -> Option<&Path> {
    if model.spec.model_type != MODEL_TYPE {
        return None;
    }
    model.spec.options.get(DIRECTORY)?.as_str().map(Path::new)
}
