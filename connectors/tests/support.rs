//! Models to store, and where the data for format tests is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;
use gradframe_ml_core::Tensor;
use gradframe_ml_learn::{Encoding, FORMAT_VERSION, FeatureSpec, LabelSpec, Model, ModelSpec, TrainingSummary};

/// A small model whose first weight is `weight`.
pub fn model(weight: f64) -> Model {
    let encoding = Encoding::Standard { mean: 0.1, std: 1.0 / 3.0, min: -1.0, max: 1.0, nulls: 0 };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: "linear_reg".into(),
        label: LabelSpec { name: "y".into(), data_type: DataType::Float64, classes: Vec::new() },
        features: vec![FeatureSpec { name: "x".into(), data_type: DataType::Int64, encoding }],
        options: BTreeMap::from([("l2_reg".into(), serde_json::json!(0.1))]),
        transform: None,
        module: None,
        training: TrainingSummary { run: "r".into(), loss: 0.3, ..TrainingSummary::default() },
        evaluation: None,
    };
    let weights = BTreeMap::from([
        ("weights".to_string(), Tensor::from_vec(&[2], vec![weight, 1.0 / 3.0]).unwrap()),
        ("intercept".to_string(), Tensor::scalar(-0.0f64)),
    ]);
    Model { spec, weights }
}

/// `GRADFRAME_DATA`, else `../shared/data` beside the repository; None, with a word about it, if there is neither.
pub fn shared_data(part: &str) -> Option<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let beside = Path::new(&package).join("../../shared/data");
    let root = std::env::var_os("GRADFRAME_DATA").map_or(beside, PathBuf::from);
    let path = root.join(part);
    if !path.exists() {
        eprintln!("skipped: no `{}`; set GRADFRAME_DATA to the data's directory", path.display());
        return None;
    }
    Some(path)
}
