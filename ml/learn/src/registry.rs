//! Model types by name, and the check of their options.

use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use serde_json::Value;

use crate::estimator::{Allowed, Estimator, OptionDef, OptionValue, Options};
use crate::estimators::{DnnClassifier, DnnRegressor, LinearReg, LogisticReg, ModuleEstimator};

/// Options of every model type, which the planner reads itself.
pub const COMMON_OPTIONS: &[&str] = &[
    "model_type",
    "input_label_cols",
    "seed",
    "data_split_method",
    "data_split_eval_fraction",
    "data_split_col",
    "sample_weight_col",
    "reproducible",
];

/// Every model type, in order of name.
pub fn estimators() -> Vec<Arc<dyn Estimator>> {
    vec![Arc::new(DnnClassifier), Arc::new(DnnRegressor), Arc::new(LinearReg), Arc::new(LogisticReg)]
}

/// The estimator of this name; that of a stored module predicts and cannot be trained anew.
/// Errors: `Plan` listing the model types, with the nearest one.
pub fn estimator(model_type: &str) -> Result<Arc<dyn Estimator>> {
    if let Some(stored) = ModuleEstimator::stored(model_type) {
        return Ok(Arc::new(stored));
    }
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
    for (name, _) in given {
        has_effect(defs, &options, name)?;
    }
    Ok(options)
}

/// An option that nothing will look at was given by mistake. Errors: `Plan`.
fn has_effect(defs: &[OptionDef], options: &Options, name: &str) -> Result<()> {
    let def = defs.iter().find(|def| def.name.eq_ignore_ascii_case(name));
    let Some((def, with)) = def.and_then(|def| Some((def, def.only_with?))) else { return Ok(()) };
    let value = options.get(with.option).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let value = value.unwrap_or_default();
    if with.is.contains(&value.as_str()) {
        return Ok(());
    }
    let what = format!("option `{}` has no effect with {} = {value}, expected {}", def.name, with.option, with.is.join(" or "));
    Err(Error::plan("train", what).hint(def.help))
}

/// A numeric option of a checked set. Errors: `Plan` if it is absent or no number.
pub(crate) fn option(options: &Options, name: &str) -> Result<f64> {
    let value = options.get(name).and_then(Value::as_f64);
    value.ok_or_else(|| Error::plan("train", format!("option `{name}` is missing, expected a number")))
}

/// An option that is true or false. Errors: `Plan` if it is absent or neither.
pub(crate) fn flag(options: &Options, name: &str) -> Result<bool> {
    let value = options.get(name).and_then(Value::as_bool);
    value.ok_or_else(|| Error::plan("train", format!("option `{name}` is missing, expected true or false")))
}

/// An option that is a word. Errors: `Plan` if it is absent or no text.
pub(crate) fn word<'a>(options: &'a Options, name: &str) -> Result<&'a str> {
    let value = options.get(name).and_then(Value::as_str);
    value.ok_or_else(|| Error::plan("train", format!("option `{name}` is missing, expected text")))
}

/// An option that is a list of integers. Errors: `Plan` if it is absent or something else.
pub(crate) fn integers(options: &Options, name: &str) -> Result<Vec<i64>> {
    let value = options.get(name).and_then(Value::as_array);
    let numbers = value.and_then(|items| items.iter().map(Value::as_i64).collect());
    numbers.ok_or_else(|| Error::plan("train", format!("option `{name}` is missing, expected a list of integers")))
}

/// The classes that the option `class_weights` names, as text, with their weights.
/// Errors: `Plan` if it is absent or something else.
pub(crate) fn class_weights(options: &Options) -> Result<Vec<(String, f64)>> {
    let pairs = options.get("class_weights").and_then(Value::as_array);
    let pairs = pairs.and_then(|items| items.iter().map(class_weight).collect());
    pairs.ok_or_else(|| Error::plan("train", "option `class_weights` is missing, expected pairs of class and weight"))
}

fn class_weight(pair: &Value) -> Option<(String, f64)> {
    let [class, weight] = pair.as_array()?.as_slice() else { return None };
    let class = class.as_str().map_or_else(|| class.to_string(), str::to_owned);
    Some((class, weight.as_f64()?))
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
        OptionValue::Ints(_) => whole_numbers(value).map(Value::from),
        OptionValue::ClassWeights => value.as_array().filter(|pairs| pairs.iter().all(is_pair)).cloned().map(Value::from),
    };
    let converted = converted.ok_or_else(|| wrong(def, value, def.default.type_name()))?;
    in_range(def, value, converted)
}

fn in_range(def: &OptionDef, value: &Value, converted: Value) -> Result<Value> {
    let all = |holds: &dyn Fn(f64) -> bool| numbers_in(&converted).into_iter().all(holds);
    let expected = match def.allowed {
        Allowed::AtLeast(least) if !all(&|x| x >= least) => format!("{least} or more"),
        Allowed::MoreThan(limit) if !all(&|x| x > limit) => format!("more than {limit}"),
        Allowed::Within(least, limit) if !all(&|x| x >= least && x < limit) => format!("{least} or more, below {limit}"),
        Allowed::OneOf(words) => {
            let given = converted.as_str().unwrap_or_default();
            match words.iter().find(|word| word.eq_ignore_ascii_case(given)) {
                Some(word) => return Ok(Value::from(*word)),
                None => return Err(suggest(wrong(def, value, &format!("one of {}", words.join(", "))), given, words)),
            }
        }
        _ => return Ok(converted),
    };
    Err(wrong(def, value, &expected))
}

/// The numbers that a range is asked of: the value, the items of a list, the weights of classes.
fn numbers_in(value: &Value) -> Vec<f64> {
    let number = |item: &Value| item.as_array().and_then(|pair| pair.last()).unwrap_or(item).as_f64().unwrap_or(f64::NAN);
    value.as_array().map_or_else(|| vec![number(value)], |items| items.iter().map(number).collect())
}

fn whole_numbers(value: &Value) -> Option<Vec<i64>> {
    value.as_array()?.iter().map(whole_number).collect()
}

fn is_pair(value: &Value) -> bool {
    let class = |v: &Value| v.is_string() || v.is_i64() || v.is_boolean();
    matches!(value.as_array().map(Vec::as_slice), Some([first, second]) if class(first) && second.is_number())
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
            OptionValue::Ints(values) => values.into(),
            OptionValue::ClassWeights => Value::Array(vec![]),
        }
    }

    /// The type's name in messages: `an integer`.
    pub fn type_name(&self) -> &'static str {
        match self {
            OptionValue::Bool(_) => "true or false",
            OptionValue::Int(_) => "an integer",
            OptionValue::Float(_) => "a number",
            OptionValue::Text(_) => "a string",
            OptionValue::Ints(_) => "a list of integers",
            OptionValue::ClassWeights => "a list of STRUCT(class, weight)",
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

    fn check_network(name: &str, value: Value) -> Result<Options> {
        check_options(&DnnClassifier, &[(name.to_string(), value)])
    }

    #[test]
    fn lists_words_and_class_weights_are_checked_item_by_item() {
        assert_eq!(check_network("hidden_units", json!([8, 4.0])).unwrap()["hidden_units"], json!([8, 4]));
        assert_eq!(check_network("activation_fn", json!("GELU")).unwrap()["activation_fn"], json!("gelu"));
        let weights = json!([["yes", 2.0], [0, 1]]);
        assert_eq!(class_weights(&check_network("class_weights", weights).unwrap()).unwrap()[1], ("0".to_string(), 1.0));
        let message = |name, value| check_network(name, value).unwrap_err().to_string();
        assert!(message("hidden_units", json!([8, 0])).contains("option `hidden_units` is [8,0], expected 1 or more"));
        assert!(message("hidden_units", json!(8)).contains("expected a list of integers"));
        assert!(message("dropout", json!(1.0)).contains("expected 0 or more, below 1"));
        assert!(message("optimizer", json!("adma")).contains("expected one of adam, adamw"));
        assert!(message("optimizer", json!("adma")).contains("did you mean `adam`?"));
        assert!(message("class_weights", json!([["yes", 0.0]])).contains("more than 0"));
        assert!(message("class_weights", json!(["yes"])).contains("a list of STRUCT(class, weight)"));
    }

    #[test]
    fn model_types_are_found_by_name_in_any_case() {
        assert_eq!(estimator("LINEAR_REG").unwrap().model_type(), "linear_reg");
    }

    #[test]
    fn an_unknown_model_type_is_told_the_known_ones_and_the_nearest() {
        let error = estimator("logistic_regression").unwrap_err();
        assert_eq!(error.kind(), "Plan");
        let expected = "train: unknown model type `logistic_regression`, expected one of dnn_classifier, \
                        dnn_regressor, linear_reg, logistic_reg; \
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
