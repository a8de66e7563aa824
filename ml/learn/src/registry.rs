//! Model types by name, and the check of their options.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use crate::estimator::{Allowed, Estimator, OptionDef, OptionValue, Options};
use crate::estimators::{LinearReg, LogisticReg};

/// Options of every model type, which the planner reads itself.
pub const COMMON_OPTIONS: &[&str] = &[
    "model_type",
    "input_label_cols",
    "seed",
    "data_split_method",
    "data_split_eval_fraction",
    "data_split_col",
    "sample_weight_col",
];

/// Every model type, in order of name.
pub fn estimators() -> Vec<Arc<dyn Estimator>> {
    vec![Arc::new(LinearReg), Arc::new(LogisticReg)]
}

/// The estimator of this name. Errors: `Plan` listing the model types, with the nearest one.
pub fn estimator(model_type: &str) -> Result<Arc<dyn Estimator>> {
    let all = estimators();
    if let Some(found) = all.iter().find(|e| e.model_type().eq_ignore_ascii_case(model_type)) {
        return Ok(Arc::clone(found));
    }
    let names: Vec<&str> = all.iter().map(|e| e.model_type()).collect();
    let what = format!("unknown model type `{model_type}`, expected one of {}", names.join(", "));
    Err(suggest(Error::plan("train", what), model_type, &names))
}

/// The options as given, checked, with defaults for the rest.
/// Errors: `Plan` for an unknown option, one given twice, or a value of the wrong type or out of range.
pub fn check_options(estimator: &dyn Estimator, given: &[(String, Value)]) -> Result<Options> {
    let defs = estimator.options();
    let mut options = Options::new();
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        let def = defs.iter().find(|def| def.name == name).ok_or_else(|| unknown_option(estimator, &name))?;
        if options.insert(name, checked(def, value)?).is_some() {
            return Err(Error::plan("train", format!("option `{}` is given twice", def.name)));
        }
    }
    for def in defs {
        options.entry(def.name.to_string()).or_insert_with(|| def.default.to_json());
    }
    Ok(options)
}

/// A numeric option of a checked set. Errors: `Plan` if it is absent or no number.
pub(crate) fn option(options: &Options, name: &str) -> Result<f64> {
    let value = options.get(name).and_then(Value::as_f64);
    value.ok_or_else(|| Error::plan("train", format!("option `{name}` is missing, expected a number")))
}

fn unknown_option(estimator: &dyn Estimator, name: &str) -> Error {
    let own = estimator.options().iter().map(|def| def.name);
    let names: Vec<&str> = COMMON_OPTIONS.iter().copied().chain(own).collect();
    let what = format!("unknown option `{name}`, {} takes {}", estimator.model_type(), names.join(", "));
    suggest(Error::plan("train", what), name, &names)
}

fn suggest(error: Error, name: &str, names: &[&str]) -> Error {
    let similarity = |candidate: &str| strsim::jaro_winkler(&name.to_ascii_lowercase(), candidate);
    let nearest = names.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    match nearest {
        Some(nearest) if similarity(nearest) > 0.7 => error.hint(format!("did you mean `{nearest}`?")),
        _ => error,
    }
}

/// The value in its option's type. An integer will do for a float, and a whole float for an integer.
fn checked(def: &OptionDef, value: &Value) -> Result<Value> {
    let converted = match def.default {
        OptionValue::Bool(_) => value.as_bool().map(Value::from),
        OptionValue::Int(_) => whole_number(value).map(Value::from),
        OptionValue::Float(_) => value.as_f64().map(Value::from),
        OptionValue::Text(_) => value.as_str().map(Value::from),
    };
    let converted = converted.ok_or_else(|| wrong(def, value, def.default.type_name()))?;
    let number = converted.as_f64().unwrap_or(f64::NAN);
    match def.allowed {
        Allowed::AtLeast(least) if number < least => Err(wrong(def, value, &format!("{least} or more"))),
        Allowed::MoreThan(limit) if number <= limit => Err(wrong(def, value, &format!("more than {limit}"))),
        _ => Ok(converted),
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    let whole = |x: &f64| x.fract() == 0.0 && x.abs() < 9e15;
    value.as_i64().or_else(|| value.as_f64().filter(whole).map(|x| x as i64))
}

fn wrong(def: &OptionDef, value: &Value, expected: &str) -> Error {
    Error::plan("train", format!("option `{}` is {value}, expected {expected}", def.name)).hint(def.help)
}

impl OptionValue {
    /// The value in JSON.
    pub fn to_json(&self) -> Value {
        match *self {
            OptionValue::Bool(value) => value.into(),
            OptionValue::Int(value) => value.into(),
            OptionValue::Float(value) => value.into(),
            OptionValue::Text(value) => value.into(),
        }
    }

    /// The type's name in messages: `an integer`.
    pub fn type_name(&self) -> &'static str {
        match self {
            OptionValue::Bool(_) => "true or false",
            OptionValue::Int(_) => "an integer",
            OptionValue::Float(_) => "a number",
            OptionValue::Text(_) => "a string",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(name: &str, value: Value) -> Result<Options> {
        check_options(&LinearReg, &[(name.to_string(), value)])
    }

    #[test]
    fn model_types_are_found_by_name_in_any_case() {
        assert_eq!(estimator("LINEAR_REG").unwrap().model_type(), "linear_reg");
    }

    #[test]
    fn an_unknown_model_type_is_told_the_known_ones_and_the_nearest() {
        let error = estimator("logistic_regression").unwrap_err();
        assert_eq!(error.kind(), "Plan");
        let expected = "train: unknown model type `logistic_regression`, expected one of linear_reg, logistic_reg; \
                        hint: did you mean `logistic_reg`?";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let options = check("L2_REG", json!(2)).unwrap();
        assert_eq!(serde_json::to_value(options).unwrap(), json!({"l2_reg": 2.0, "max_iterations": 300, "tolerance": 1e-9}));
    }

    #[test]
    fn wrong_options_are_told_what_is_right() {
        let message = |name, value| check(name, value).unwrap_err().to_string();
        assert!(
            message("l2_rag", json!(1))
                .contains("unknown option `l2_rag`, linear_reg takes model_type, input_label_cols, seed, data_split_method")
        );
        assert!(message("l2_rag", json!(1)).contains("did you mean `l2_reg`?"));
        assert!(message("l2_reg", json!("much")).contains("option `l2_reg` is \"much\", expected a number"));
        assert!(message("l2_reg", json!(-1)).contains("expected 0 or more"));
        assert!(message("tolerance", json!(0)).contains("expected more than 0"));
        assert!(message("max_iterations", json!(1.5)).contains("expected an integer"));
        let twice = [("l2_reg".to_string(), json!(1)), ("l2_reg".to_string(), json!(2))];
        assert!(check_options(&LinearReg, &twice).unwrap_err().to_string().contains("given twice"));
    }
}
