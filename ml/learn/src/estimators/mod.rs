//! The model types, one file each. A new one is a file here and a line in [`crate::registry`].

mod dnn_classifier;
mod dnn_regressor;
pub(crate) mod epochs;
mod gradients;
pub(crate) mod linear_model;
mod linear_reg;
mod logistic_reg;
mod losses;
mod module;
pub(crate) mod network;
mod row_weights;

pub use dnn_classifier::DnnClassifier;
pub use dnn_regressor::DnnRegressor;
pub use linear_reg::LinearReg;
pub use logistic_reg::LogisticReg;
pub use module::{Module, ModuleEstimator, ModuleFunction, ModuleGroup, ModuleInput, PlaceCheck, StoredModule, place_check};
