//! Rules of optimisers by name, as programs of others ask for them.

use std::collections::BTreeMap;

use gradframe_ml_core::{Error, Result};

use super::{Adagrad, Adam, AdamW, Lion, RmsProp, Sgd, UpdateRule};

/// A rule by its name and numbers; a number that is not given is 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NamedRule {
    /// `sgd`, `adam`, `adamw`, `rmsprop`, `adagrad` or `lion`.
    pub name: String,
    /// `momentum`, `nesterov` (0 or 1), `beta_1`, `beta_2`, `decay`, `epsilon`, `weight_decay`.
    pub numbers: BTreeMap<String, f64>,
}

impl NamedRule {
    /// The rule. Errors: `Plan` if there is none of this name.
    pub fn rule(&self) -> Result<Box<dyn UpdateRule>> {
        let of = |number: &str| self.numbers.get(number).copied().unwrap_or(0.0);
        let adam = Adam { beta_1: of("beta_1"), beta_2: of("beta_2"), epsilon: of("epsilon") };
        Ok(match self.name.as_str() {
            "sgd" => Box::new(Sgd { momentum: of("momentum"), nesterov: of("nesterov") != 0.0 }),
            "adam" => Box::new(adam),
            "adamw" => Box::new(AdamW { adam, weight_decay: of("weight_decay") }),
            "rmsprop" => Box::new(RmsProp { decay: of("decay"), momentum: of("momentum"), epsilon: of("epsilon") }),
            "adagrad" => Box::new(Adagrad { epsilon: of("epsilon") }),
            "lion" => Box::new(Lion { beta_1: of("beta_1"), beta_2: of("beta_2"), weight_decay: of("weight_decay") }),
            other => {
                let error = Error::plan("optimizer", format!("there is no rule `{other}`"));
                return Err(error.hint("sgd, adam, adamw, rmsprop, adagrad or lion"));
            }
        })
    }

    /// What is added to the gradient, times the parameter: the weight decay of rules that do not decay by themselves.
    pub fn penalty(&self) -> f64 {
        let own = matches!(self.name.as_str(), "adamw" | "lion");
        if own { 0.0 } else { self.numbers.get("weight_decay").copied().unwrap_or(0.0) }
    }
}
