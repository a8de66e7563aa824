//! What a model's TRANSFORM is: its expressions as text, the constants that training found for them, and the columns that
//! go in. The text is planned again wherever the model predicts.

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

/// The readable record of a TRANSFORM, in `model.json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TransformSpec {
    /// The columns of the training query that the items read.
    pub inputs: Vec<InputColumn>,
    /// The columns that come out, in order: the features, and the label where it is passed on.
    pub items: Vec<TransformItem>,
}

/// A column that a TRANSFORM reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputColumn {
    pub name: String,
    /// The column's Arrow type in the training query.
    pub data_type: DataType,
    pub stats: InputStats,
}

/// What training saw in an input column, before anything was done to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InputStats {
    pub nulls: u64,
    /// Of a numeric column with any finite value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberSummary>,
    /// Number of different values of a text or boolean column, unless there are too many to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<u64>,
}

/// A numeric column in five numbers; `std` is the population's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NumberSummary {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub median: f64,
    pub std: f64,
}

/// A column that a TRANSFORM makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransformItem {
    pub name: String,
    /// As it was written: `ML.STANDARD_SCALER(x) OVER () AS z`.
    pub sql: String,
    /// The constants of its analytic functions, in the order in which they stand in the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fitted: Vec<FittedFunction>,
}

/// The constants that training found for an analytic function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "function", rename_all = "snake_case")]
pub enum FittedFunction {
    /// `(x - mean) / std`; `std` is the population's, 1 where it is 0.
    StandardScaler { mean: f64, std: f64 },
    /// `(x - min) / (max - min)`, not below 0 and not above 1.
    MinMaxScaler { min: f64, max: f64 },
    /// `x / max_abs`; 1 where it is 0.
    MaxAbsScaler { max_abs: f64 },
    /// `(x - center) / scale`; `scale` is the distance of two quantiles, 1 where it is 0.
    RobustScaler { center: f64, scale: f64 },
    /// `bin_1` below the first split point, `bin_2` from there on, and so forth.
    QuantileBucketize { split_points: Vec<f64> },
    /// The values that are categories, in ascending order; others become null.
    OneHotEncoder { vocabulary: Vec<String> },
    /// The values with a number from 1, in ascending order; others become 0.
    LabelEncoder { vocabulary: Vec<String> },
    /// What stands for a null number.
    NumberImputer { value: f64 },
    /// What stands for a null text.
    TextImputer { value: String },
}
