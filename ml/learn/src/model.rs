//! What training leaves behind: a readable specification and named weights.

use std::collections::BTreeMap;
use std::fmt;

use arrow_schema::DataType;
use gradframe_ml_core::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::estimators::linear_model::LinearWeights;
use crate::estimators::{StoredModule, network};
use crate::transform::TransformSpec;

/// The version of the specification's layout that this build writes.
pub const FORMAT_VERSION: u32 = 2;

/// A trained model. Equal specification and weights predict the same bits in every process.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub spec: ModelSpec,
    /// Named weights; what names an estimator uses is in its own file.
    pub weights: BTreeMap<String, Tensor>,
}

impl Model {
    /// The indexes of features that no prediction depends on: all their weights are exactly 0, as a constant column's
    /// are; of a network, the features that were constant in training. Where that is true of every feature, the first is used all the same: predictions need a row count.
    pub fn unused_features(&self) -> Vec<usize> {
        if self.spec.module.is_some() {
            return Vec::new();
        }
        let mut unused = match LinearWeights::of(self) {
            _ if network::is_network(self) => network::unused_features(&self.spec.features),
            Ok(weights) => weights.unused_features(),
            Err(_) => return Vec::new(),
        };
        if unused.len() == self.spec.features.len() {
            unused.retain(|&i| i != 0);
        }
        unused
    }
}

/// The readable half of a model: `model.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// `FORMAT_VERSION` of the build that wrote it.
    pub format: u32,
    /// The estimator's name: `linear_reg`, `logistic_reg`.
    pub model_type: String,
    pub label: LabelSpec,
    /// The columns that are learned from and how each is encoded, in the order of the training query or the TRANSFORM.
    pub features: Vec<FeatureSpec>,
    /// The options as used, defaults included.
    pub options: BTreeMap<String, serde_json::Value>,
    /// What is done to the columns of the training query before they are features; None for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<TransformSpec>,
    /// What was traced of a user's own module; None for the other model types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<StoredModule>,
    pub training: TrainingSummary,
    /// What ML.EVALUATE reports of the rows held back from training, by name (None where a metric is not defined); None
    /// where none were.
    #[serde(default)]
    pub evaluation: Option<BTreeMap<String, Option<f64>>>,
}

/// The column that was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelSpec {
    pub name: String,
    /// The column's Arrow type in the training query; predictions of classes have it too.
    pub data_type: DataType,
    /// The classes in ascending order, for classification; empty for regression.
    pub classes: Vec<ClassLabel>,
}

/// One value of a class label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassLabel {
    Bool(bool),
    Int(i64),
    Text(String),
}

impl fmt::Display for ClassLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClassLabel::Bool(value) => value.fmt(f),
            ClassLabel::Int(value) => value.fmt(f),
            ClassLabel::Text(value) => value.fmt(f),
        }
    }
}

/// One input column and its encoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureSpec {
    pub name: String,
    /// The column's Arrow type in the training query.
    pub data_type: DataType,
    pub encoding: Encoding,
}

/// How a column becomes numbers.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "encoding", rename_all = "snake_case")]
pub enum Encoding {
    /// `(x - mean) / std` (population standard deviation; 1 where it is 0). Booleans count as 0 and 1, dates as days
    /// and timestamps as seconds since 1970. A null becomes the mean, and where training saw nulls (`nulls > 0`) an
    /// indicator column says so.
    Standard { mean: f64, std: f64, min: f64, max: f64, nulls: u64 },
    /// One column a value, in `vocabulary` order (ascending); where training saw nulls they are one more category,
    /// the last. A value not seen in training is no category: all zeros.
    OneHot { vocabulary: Vec<String>, nulls: u64 },
    /// The number as it is; there may be no null. The statistics are of the training rows. With `whole` it is a whole number of that
    /// integer type, which the module takes: no float on the way rounds it.
    Raw {
        mean: f64,
        std: f64,
        min: f64,
        max: f64,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "integer_type")]
        whole: Option<DType>,
    },
}

impl fmt::Debug for Encoding {
    /// Checkpoints carry a hash of it: what is not said of a column is not written, so that those of earlier builds can be resumed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |name, mean: &f64, std: &f64, min: &f64, max: &f64, f: &mut fmt::Formatter<'_>| {
            write!(f, "{name} {{ mean: {mean:?}, std: {std:?}, min: {min:?}, max: {max:?}")
        };
        match self {
            Encoding::Standard { mean, std, min, max, nulls } => {
                numbers("Standard", mean, std, min, max, f)?;
                write!(f, ", nulls: {nulls:?} }}")
            }
            Encoding::OneHot { vocabulary, nulls } => {
                f.debug_struct("OneHot").field("vocabulary", vocabulary).field("nulls", nulls).finish()
            }
            Encoding::Raw { mean, std, min, max, whole } => {
                numbers("Raw", mean, std, min, max, f)?;
                whole.iter().try_for_each(|dtype| write!(f, ", whole: {dtype:?}"))?;
                f.write_str(" }")
            }
        }
    }
}

impl Encoding {
    /// The number of categories of a one-hot column, the null category included; None for a numeric column.
    pub fn categories(&self) -> Option<usize> {
        match self {
            Encoding::OneHot { vocabulary, nulls } => Some(vocabulary.len() + usize::from(*nulls > 0)),
            Encoding::Standard { .. } | Encoding::Raw { .. } => None,
        }
    }

    /// True for columns that stand in the dense block, as floats.
    pub fn is_dense(&self) -> bool {
        !matches!(self, Encoding::OneHot { .. }) && self.whole().is_none()
    }

    /// The integer type of a column of whole numbers; None of any other.
    pub fn whole(&self) -> Option<DType> {
        if let Encoding::Raw { whole, .. } = self { *whole } else { None }
    }
}

/// An integer type by its name: `i64`.
mod integer_type {
    use gradframe_ml_core::DType;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(dtype: &Option<DType>, serializer: S) -> Result<S::Ok, S::Error> {
        dtype.map(DType::name).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DType>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let found = DType::ALL.into_iter().find(|dtype| dtype.is_integer() && dtype.name() == name);
        found.map(Some).ok_or_else(|| D::Error::custom(format!("there is no integer type `{name}`")))
    }
}

/// How training went.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// The run that trained it.
    pub run: String,
    /// The training query's SQL, where there was one.
    pub query: Option<String>,
    pub rows: u64,
    pub epochs: u64,
    /// Final loss, penalty included.
    pub loss: f64,
    pub converged: bool,
    pub seed: u64,
    pub reproducible: bool,
}
