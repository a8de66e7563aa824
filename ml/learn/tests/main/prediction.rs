//! The prediction graph against arithmetic by hand.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use gradframe_ml_core::Tensor;
use gradframe_ml_kernels::compile;
use gradframe_ml_learn::estimators::{LinearReg, LogisticReg};
use gradframe_ml_learn::{Encoding, Estimator, FeatureSpec, Model, weights_table};
use proptest::prelude::*;

use crate::fixture::{assert_close, int_classes, model};

fn number(name: &str, mean: f64, std: f64, nulls: u64) -> FeatureSpec {
    let encoding = Encoding::Standard { mean, std, min: 0.0, max: 9.0, nulls };
    FeatureSpec { name: name.to_string(), data_type: DataType::Float64, encoding }
}

fn text(name: &str, values: &[&str], nulls: u64) -> FeatureSpec {
    let encoding = Encoding::OneHot { vocabulary: values.iter().map(ToString::to_string).collect(), nulls };
    FeatureSpec { name: name.to_string(), data_type: DataType::Utf8, encoding }
}

fn vector(values: &[f64]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn codes(values: &[i32]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn bools(values: &[bool]) -> Tensor {
    Tensor::from_bools(&[values.len()], values).unwrap()
}

/// Columns a (nulls in training), k (never matters), b, city (a null category); dense order: a, k, b, a is null.
fn linear_model() -> Model {
    let features =
        vec![number("a", 2.0, 4.0, 1), number("k", 7.0, 1.0, 0), number("b", -1.0, 0.5, 0), text("city", &["x", "y"], 1)];
    let weights = BTreeMap::from([
        ("dense".to_string(), vector(&[3.0, 0.0, -2.0, 10.0])),
        ("category.0".to_string(), vector(&[100.0, 200.0, 300.0])),
        ("intercept".to_string(), Tensor::scalar(0.5)),
    ]);
    model("linear_reg", features, Vec::new(), weights)
}

fn run(estimator: &dyn Estimator, model: &Model, nullable: bool, arguments: &[Tensor]) -> Tensor {
    compile(&estimator.predict(model, nullable).unwrap()).unwrap().run(arguments).unwrap().remove(0)
}

#[test]
fn features_without_weight_are_not_asked_for() {
    let model = linear_model();
    assert_eq!(model.unused_features(), [1]);
    let function = LinearReg.predict(&model, true).unwrap();
    let names: Vec<&str> = function.graph.arguments().iter().map(|argument| argument.name.as_str()).collect();
    assert_eq!(names, ["a", "a.valid", "b", "b.valid", "city"]);
}

#[test]
fn a_model_without_any_weight_still_gives_one_prediction_a_row() {
    let mut model = linear_model();
    model.weights.insert("dense".to_string(), vector(&[0.0; 4]));
    model.weights.insert("category.0".to_string(), vector(&[0.0; 3]));
    assert_eq!(model.unused_features(), [1, 2, 3]);
    let predicted = run(&LinearReg, &model, false, &[vector(&[5.0, 6.0])]);
    assert_eq!(predicted.values::<f64>().unwrap(), [0.5, 0.5]);
}

#[test]
fn nulls_unseen_values_and_the_null_category_score_as_documented() {
    let a = vector(&[6.0, f64::NAN, 2.0, 2.0]);
    let valid = bools(&[true, false, true, true]);
    let b = vector(&[-1.0; 4]);
    let predicted = run(&LinearReg, &linear_model(), true, &[a, valid, b, bools(&[true; 4]), codes(&[0, 1, 2, -1])]);
    // a: one deviation above, null, at the mean, at the mean; city: x, y, null, unseen.
    let expected = [3.0 + 100.0 + 0.5, 10.0 + 200.0 + 0.5, 300.0 + 0.5, 0.5];
    assert_close(predicted.values().unwrap(), &expected, 1e-12, "predicted");
}

#[test]
fn nan_in_a_used_column_predicts_nan() {
    let predicted = run(&LinearReg, &linear_model(), false, &[vector(&[f64::NAN]), vector(&[0.0]), codes(&[0])]);
    assert!(predicted.values::<f64>().unwrap()[0].is_nan());
}

#[test]
fn weights_are_reported_in_units_of_the_raw_columns() {
    let rows = weights_table(&linear_model()).unwrap();
    let found: Vec<(&str, Option<&str>, f64, f64)> =
        rows.iter().map(|r| (r.feature.as_str(), r.category.as_deref(), r.weight, r.standardized_weight)).collect();
    let expected = [
        ("a", None, 0.75, 3.0),
        ("a", Some("__null__"), 10.0, 10.0),
        ("k", None, 0.0, 0.0),
        ("b", None, -4.0, -2.0),
        ("city", Some("x"), 100.0, 100.0),
        ("city", Some("y"), 200.0, 200.0),
        ("city", Some("__null__"), 300.0, 300.0),
        ("__intercept__", None, 0.5 - 1.5 - 4.0, 0.5),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_damaged_model_is_an_error_that_names_the_weight() {
    let mut model = linear_model();
    model.weights.insert("category.0".to_string(), vector(&[1.0]));
    let error = LinearReg.predict(&model, false).unwrap_err();
    assert!(error.to_string().contains("weight `category.0` has shape [1], expected [3]"), "{error}");
    model.weights.remove("intercept");
    assert!(weights_table(&model).unwrap_err().to_string().contains("weight `intercept` is missing"));
}

#[test]
fn extreme_scores_give_probabilities_of_zero_and_one() {
    let weights = BTreeMap::from([("dense".to_string(), vector(&[1.0])), ("intercept".to_string(), Tensor::scalar(0.0))]);
    let model = model("logistic_reg", vec![number("a", 0.0, 1.0, 0)], int_classes(2), weights);
    let predicted = run(&LogisticReg, &model, false, &[vector(&[-1e4, 0.0, 1e4])]);
    assert_eq!(predicted.values::<f64>().unwrap(), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
}

/// Three classes over a, k (unused) and city.
fn softmax_model() -> Model {
    let dense = Tensor::from_vec(&[3, 3], vec![1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 2.0, 0.0, -2.0]).unwrap();
    let city = Tensor::from_vec(&[2, 3], vec![0.1, 0.2, 0.3, -0.3, 0.4, 0.0]).unwrap();
    let weights = BTreeMap::from([
        ("dense".to_string(), dense),
        ("category.0".to_string(), city),
        ("intercept".to_string(), vector(&[0.5, 0.0, -0.5])),
    ]);
    let features = vec![number("a", 1.0, 2.0, 4), number("k", 0.0, 1.0, 0), text("city", &["x", "y"], 0)];
    model("logistic_reg", features, int_classes(3), weights)
}

fn softmax_by_hand(a: Option<f64>, city: i32) -> Vec<f64> {
    let dense = [[1.0, -1.0, 0.5], [2.0, 0.0, -2.0]];
    let cities = [[0.1, 0.2, 0.3], [-0.3, 0.4, 0.0]];
    let score = |class: usize| {
        let number = a.map_or(dense[1][class], |a| (a - 1.0) / 2.0 * dense[0][class]);
        number + usize::try_from(city).map_or(0.0, |c| cities[c][class]) + [0.5, 0.0, -0.5][class]
    };
    let powers: Vec<f64> = (0..3).map(|class| score(class).exp()).collect();
    powers.iter().map(|p| p / powers.iter().sum::<f64>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn linear_predictions_equal_the_sum_by_hand(rows in prop::collection::vec((-9.0..9.0f64, -9.0..9.0f64, -1i32..3), 1..40)) {
        let (a, b): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (r.0, r.1)).unzip();
        let cities: Vec<i32> = rows.iter().map(|r| r.2).collect();
        let expected: Vec<f64> = rows.iter().map(|&(a, b, city)| {
            let category = usize::try_from(city).map_or(0.0, |c| [100.0, 200.0, 300.0][c]);
            (a - 2.0) / 4.0 * 3.0 + (b + 1.0) / 0.5 * -2.0 + category + 0.5
        }).collect();
        let (a, b, cities, valid) = (vector(&a), vector(&b), codes(&cities), bools(&vec![true; rows.len()]));
        let plain = run(&LinearReg, &linear_model(), false, &[a.clone(), b.clone(), cities.clone()]);
        assert_close(plain.values().unwrap(), &expected, 1e-10, "predicted");
        let nullable = run(&LinearReg, &linear_model(), true, &[a, valid.clone(), b, valid, cities]);
        prop_assert_eq!(nullable, plain, "bit for bit the same where nothing is null");
    }

    #[test]
    fn softmax_probabilities_equal_those_by_hand(rows in prop::collection::vec((prop::option::of(-9.0..9.0f64), -1i32..2), 1..40)) {
        let a: Vec<f64> = rows.iter().map(|r| r.0.unwrap_or(f64::NAN)).collect();
        let valid: Vec<bool> = rows.iter().map(|r| r.0.is_some()).collect();
        let cities: Vec<i32> = rows.iter().map(|r| r.1).collect();
        let predicted = run(&LogisticReg, &softmax_model(), true, &[vector(&a), bools(&valid), codes(&cities)]);
        let expected: Vec<f64> = rows.iter().flat_map(|&(a, city)| softmax_by_hand(a, city)).collect();
        assert_close(predicted.values().unwrap(), &expected, 1e-12, "probabilities");
    }
}
