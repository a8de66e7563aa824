//! Pretrained models in the registry: an entry that names their directory.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::model::FORMAT_VERSION;
use gradframe_ml_learn::{LabelSpec, Model, ModelSpec, TrainingSummary};
use gradframe_ml_models::DtypeChoice;
use serde_json::Value;

use crate::names::suggest;
use crate::services::{FindOptions, OnExisting, Services};

/// The `model_type` of a pretrained model.
pub const MODEL_TYPE: &str = "huggingface";

const OP: &str = "create model";
const DIRECTORY: &str = "directory";
const PATH: &str = "path";
const DTYPE: &str = "dtype";

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
    let asked = Asked::read(&request.options)?;
    let directory = services.pretrained.find(asked.path, &FindOptions::default())?;
    let opened = services.pretrained.open(&directory, asked.dtype)?;
    opened.tokenizer()?; // that it is one, and the model's
    let text = |value: &str| Value::from(value.to_owned());
    let options = BTreeMap::from([
        (PATH.to_owned(), text(asked.path)),
        (DIRECTORY.to_owned(), text(&directory.to_string_lossy())),
        ("architecture".to_owned(), text(opened.kind())),
        (DTYPE.to_owned(), text(asked.dtype.name())),
        ("weights_dtype".to_owned(), text(&opened.weights().main_dtype())),
        ("parameters".to_owned(), Value::from(opened.parameters())),
        ("context".to_owned(), Value::from(opened.architecture().context())),
        ("width".to_owned(), Value::from(opened.architecture().width())),
        ("head".to_owned(), opened.task().map_or(Value::Null, |task| text(task.name()))),
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

/// The options, read.
struct Asked<'a> {
    path: &'a str,
    dtype: DtypeChoice,
}

impl<'a> Asked<'a> {
    fn read(options: &'a [(String, ScalarValue)]) -> Result<Self> {
        let (mut path, mut dtype) = (None, DtypeChoice::Auto);
        for (name, value) in options {
            match (name.as_str(), value) {
                (PATH, ScalarValue::Utf8(Some(text))) if !text.is_empty() => path = Some(text.as_str()),
                (PATH, other) => return Err(Error::plan(OP, format!("option `path` takes a text, got `{other}`"))),
                (DTYPE, ScalarValue::Utf8(Some(text))) => dtype = text.parse().map_err(|_| wrong_dtype(value))?,
                (DTYPE, other) => return Err(wrong_dtype(other)),
                (other, _) => {
                    let what = format!("unknown option `{other}` of model_type `{MODEL_TYPE}`");
                    return Err(Error::plan(OP, what).hint(suggest(other, [PATH, DTYPE, "model_type"])));
                }
            }
        }
        let missing = || {
            let what = format!("no path is given for model_type `{MODEL_TYPE}`");
            Error::plan(OP, what).hint("path = the directory that holds config.json, or org/name of the hub")
        };
        Ok(Asked { path: path.ok_or_else(missing)?, dtype })
    }
}

fn wrong_dtype(value: &ScalarValue) -> Error {
    Error::plan(OP, format!("option `dtype` takes 'auto', 'f32' or 'bf16', got `{value}`"))
}

/// The directory of a pretrained model and what it is computed in; None of a model that was trained here. What an older version has
/// stored as `dtype` is the checkpoint's own type, which is what `auto` comes to.
pub fn directory_of(model: &Model) -> Option<(&Path, DtypeChoice)> {
    if model.spec.model_type != MODEL_TYPE {
        return None;
    }
    let text = |name: &str| model.spec.options.get(name).and_then(Value::as_str);
    let dtype = text(DTYPE).and_then(|name| name.parse().ok()).unwrap_or_default();
    Some((Path::new(text(DIRECTORY)?), dtype))
}
