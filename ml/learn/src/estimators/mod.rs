//! The model types, one file each. A new one is a file here and a line in [`crate::registry`].

pub(crate) mod linear_model;
mod linear_reg;
mod logistic_reg;

pub use linear_reg::LinearReg;
pub use logistic_reg::LogisticReg;
