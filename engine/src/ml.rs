//! Estimators for [`crate::DataFrame::fit`], and the graph language they are written in.

use datafusion::scalar::ScalarValue;
use gradframe_ml_learn::Model;

use crate::{Error, Result};

/// Tensors and automatic differentiation: graphs, their transforms, the reference evaluator.
pub mod graph {
    pub use gradframe_ml_core::*;
}

/// A model's specification as JSON, the same as in its `model.json`.
pub fn spec_json(model: &Model) -> Result<String> {
    serde_json::to_string_pretty(&model.spec).map_err(|error| Error::internal("spec_json", error.to_string()))
}

/// A model type with its options, as [`crate::DataFrame::fit`] takes it.
///
/// The builders here make one; `Estimator::new("linear_reg").option("l2_reg", 0.1)` is the same by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimator {
    pub(crate) model_type: String,
    pub(crate) options: Vec<(String, ScalarValue)>,
    pub(crate) seed: Option<u64>,
}

impl Estimator {
    /// A model type by its name in SQL. An unknown one is an error of `fit`.
    pub fn new(model_type: impl Into<String>) -> Self {
        Self { model_type: model_type.into(), options: vec![], seed: None }
    }

    /// Sets an option by its name in SQL. An unknown one is an error of `fit`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// The seed, where it is not to be the session's.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

macro_rules! builder {
    ($(#[$doc:meta])* $name:ident, $model_type:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(Estimator);

        impl $name {
            /// With the default options.
            pub fn new() -> Self {
                Self(Estimator::new($model_type))
            }

            /// The penalty's weight: `l2 / 2` times the sum of the squared weights is added to the mean loss. Default 0.
            pub fn l2(self, l2: f64) -> Self {
                Self(self.0.option("l2_reg", l2))
            }

            /// At most this many passes of the optimiser. Default 300.
            pub fn max_iterations(self, iterations: u32) -> Self {
                Self(self.0.option("max_iterations", i64::from(iterations)))
            }

            /// Training ends when a pass changes less than this, relative. Default 1e-9.
            pub fn tolerance(self, tolerance: f64) -> Self {
                Self(self.0.option("tolerance", tolerance))
            }

            /// The seed, where it is not to be the session's.
            pub fn seed(self, seed: u64) -> Self {
                Self(self.0.seed(seed))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<$name> for Estimator {
            fn from(builder: $name) -> Self {
                builder.0
            }
        }
    };
}

builder! {
    /// Least squares on standardised numbers and one-hot strings: `linear_reg`.
    /// scikit-learn's `Ridge(alpha)` on the same encoded matrix is `l2 = alpha / rows`.
    LinearRegression, "linear_reg"
}

builder! {
    /// Logistic regression of two or more classes: `logistic_reg`.
    /// scikit-learn's `LogisticRegression(C)` on the same encoded matrix is `l2 = 1 / (rows * C)`.
    LogisticRegression, "logistic_reg"
}
