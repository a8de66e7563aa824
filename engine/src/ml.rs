//! Estimators for [`crate::DataFrame::fit`], and the graph language they are written in.

mod module;

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use gradframe_ml_learn::Model;
use gradframe_plan::ops::train::{class_weight, list};

pub use self::module::Module;
use crate::{Error, Result};

/// Modules as they are trained, for bindings: [`Module`] makes them.
pub mod traced {
    pub use gradframe_ml_learn::optim::NamedRule;
    pub use gradframe_ml_learn::{Module, ModuleFunction, ModuleGroup, ModuleInput, Task};
}

/// Tensors and automatic differentiation: graphs, their transforms, the reference evaluator.
pub mod graph {
    pub use gradframe_ml_core::*;
}

/// A model's specification as JSON, the same as in its `model.json` but for the checksum.
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
    pub(crate) module: Option<Arc<gradframe_ml_learn::Module>>,
}

impl Estimator {
    /// A model type by its name in SQL. An unknown one is an error of `fit`.
    pub fn new(model_type: impl Into<String>) -> Self {
        Self { model_type: model_type.into(), options: vec![], seed: None, module: None }
    }

    /// A module that was traced; [`Module`] makes them of functions. Its parts are checked by `fit`.
    pub fn module(module: gradframe_ml_learn::Module) -> Self {
        let title = module.title.clone();
        let own = Self { module: Some(Arc::new(module)), ..Self::new("module") };
        own.option("module", title)
    }

    /// Sets an option by its name in SQL. An unknown one is an error of `fit`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Sets an option that is a list, such as `hidden_units`.
    pub fn list_option<T: Into<ScalarValue>>(self, name: impl Into<String>, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<ScalarValue> = values.into_iter().map(Into::into).collect();
        self.option(name, list(&values))
    }

    /// Sets what rows of a class count for, the option `class_weights`; classes as they are printed.
    pub fn class_weights<'a>(self, weights: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let weights: Vec<ScalarValue> = weights.into_iter().map(|(class, weight)| class_weight(class, weight)).collect();
        self.option("class_weights", list(&weights))
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

macro_rules! network {
    ($(#[$doc:meta])* $name:ident, $model_type:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(Estimator);

        impl $name {
            /// With the default options.
            pub fn new() -> Self {
                Self(Estimator::new($model_type))
            }

            /// Units of each hidden layer, from the input on. Default 64, 32.
            pub fn hidden_units(self, units: impl IntoIterator<Item = u32>) -> Self {
                Self(self.0.list_option("hidden_units", units.into_iter().map(i64::from)))
            }

            /// The function after each hidden layer: `relu`, `gelu`, `tanh`, ... Default `relu`.
            pub fn activation(self, name: &str) -> Self {
                Self(self.0.option("activation_fn", name))
            }

            /// The part of hidden units that is silent in each step of training. Default 0.
            pub fn dropout(self, part: f64) -> Self {
                Self(self.0.option("dropout", part))
            }

            /// Normalises each hidden layer over the batch. Default false.
            pub fn batch_norm(self, on: bool) -> Self {
                Self(self.0.option("batch_norm", on))
            }

            /// `adam`, `adamw`, `sgd`, `rmsprop` or `adagrad`. Default `adam`.
            pub fn optimizer(self, name: &str) -> Self {
                Self(self.0.option("optimizer", name))
            }

            /// The highest learning rate. Default 0.001.
            pub fn learning_rate(self, rate: f64) -> Self {
                Self(self.0.option("learning_rate", rate))
            }

            /// How the learning rate falls: `constant`, `step`, `exponential`, `linear` or `cosine`. Default `constant`.
            pub fn learn_rate_schedule(self, name: &str) -> Self {
                Self(self.0.option("learn_rate_schedule", name))
            }

            /// Rows of a mini-batch. Default 256.
            pub fn batch_size(self, rows: u32) -> Self {
                Self(self.0.option("batch_size", i64::from(rows)))
            }

            /// Passes over the training rows at most. Default 20.
            pub fn epochs(self, epochs: u32) -> Self {
                Self(self.0.option("max_iterations", i64::from(epochs)))
            }

            /// The penalty's weight: `l2 / 2` times the sum of the squared weights is added to the mean loss. Default 0.
            pub fn l2(self, l2: f64) -> Self {
                Self(self.0.option("l2_reg", l2))
            }

            /// Any other option of the model type, by its name in SQL. An unknown one is an error of `fit`.
            pub fn option(self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
                Self(self.0.option(name, value))
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

network! {
    /// A network that learns a number, in mini-batches: `dnn_regressor`.
    DnnRegressor, "dnn_regressor"
}

network! {
    /// A network that learns two or more classes, in mini-batches: `dnn_classifier`.
    DnnClassifier, "dnn_classifier"
}

impl DnnClassifier {
    /// What rows of a class count for, others 1; classes as they are printed.
    pub fn class_weights<'a>(self, weights: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        Self(self.0.class_weights(weights))
    }
}
