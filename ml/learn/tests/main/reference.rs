//! Agreement with scikit-learn on the data of `reference.json` (made by `reference.py`). Without a penalty the one-hot
//! columns and the intercept are collinear: many weights are best, but the loss and the predictions are unique.

use gradframe_ml_learn::estimators::{LinearReg, LogisticReg};
use gradframe_ml_learn::weights_table;
use serde_json::{Value, json};

use crate::fixture::{Column, Data, assert_close, int_classes, texts};

/// The whole file.
pub fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).expect("reference.json is JSON")
}

/// A list of numbers, flattened.
pub fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(floats).collect(),
        number => number.as_f64().into_iter().collect(),
    }
}

fn data(reference: &Value, label: &str, classes: i64) -> Data {
    let nullable = |name: &str| Column::Number(reference[name].as_array().unwrap().iter().map(Value::as_f64).collect());
    let city = texts(reference["city"].as_array().unwrap().iter().filter_map(Value::as_str));
    let columns = vec![("size".into(), nullable("size")), ("weight".into(), nullable("weight")), ("city".into(), city)];
    Data { columns, label: floats(&reference[label]), classes: int_classes(classes) }
}

#[test]
fn linear_regression_finds_scikit_learns_loss_and_predictions() {
    let reference = reference();
    let data = data(&reference, "number", 0);
    for expected in reference["linear"].as_array().unwrap() {
        let (model, fitted, log) = data.fit(&LinearReg, &[("l2_reg", expected["l2_reg"].clone())]).unwrap();
        assert!(fitted.converged && log.len() < 40, "{} steps", log.len());
        assert_close(&[fitted.loss], &floats(&expected["loss"]), 1e-10, "loss");
        let predicted = data.predict(&LinearReg, &model, true).unwrap();
        assert_close(predicted.values().unwrap(), &floats(&expected["predicted"]), 1e-6, "predicted");
        if expected["weights"].is_array() {
            assert_close(&standardized(&model, None), &floats(&expected["weights"]), 1e-6, "weights");
        }
    }
}

#[test]
fn binary_logistic_regression_finds_scikit_learns_loss_and_probabilities() {
    let reference = reference();
    let data = data(&reference, "two", 2);
    for expected in reference["logistic_two"].as_array().unwrap() {
        let (model, fitted, _) = data.fit(&LogisticReg, &[("l2_reg", expected["l2_reg"].clone())]).unwrap();
        assert!(fitted.converged);
        assert_close(&[fitted.loss], &floats(&expected["loss"]), 1e-9, "loss");
        let predicted = data.predict(&LogisticReg, &model, true).unwrap();
        assert_eq!(predicted.shape(), [60, 2]);
        assert_close(predicted.values().unwrap(), &floats(&expected["probabilities"]), 1e-5, "probabilities");
        if expected["weights"].is_array() {
            assert_close(&standardized(&model, Some("1")), &floats(&expected["weights"]), 1e-4, "weights");
        }
    }
}

#[test]
fn softmax_regression_finds_scikit_learns_loss_and_probabilities() {
    let reference = reference();
    let data = data(&reference, "three", 3);
    for expected in reference["logistic_three"].as_array().unwrap() {
        let (model, fitted, _) = data.fit(&LogisticReg, &[("l2_reg", expected["l2_reg"].clone())]).unwrap();
        assert!(fitted.converged);
        assert_close(&[fitted.loss], &floats(&expected["loss"]), 1e-9, "loss");
        let predicted = data.predict(&LogisticReg, &model, true).unwrap();
        assert_eq!(predicted.shape(), [60, 3]);
        assert_close(predicted.values().unwrap(), &floats(&expected["probabilities"]), 1e-5, "probabilities");
        if expected["weights"].is_array() {
            let weights: Vec<f64> = ["0", "1", "2"].iter().flat_map(|class| standardized(&model, Some(class))).collect();
            assert_close(&weights, &floats(&expected["weights"]), 1e-4, "weights");
        }
    }
}

#[test]
fn the_order_of_rows_does_not_change_the_optimum() {
    let reference = reference();
    let mut data = data(&reference, "two", 2);
    let (_, fitted, _) = data.fit(&LogisticReg, &[("l2_reg", json!(0.1))]).unwrap();
    data.label.reverse();
    for (_, column) in &mut data.columns {
        match column {
            Column::Number(values) => values.reverse(),
            Column::Text(values) => values.reverse(),
        }
    }
    let (_, reversed, _) = data.fit(&LogisticReg, &[("l2_reg", json!(0.1))]).unwrap();
    assert_close(&[reversed.loss], &[fitted.loss], 1e-12, "loss");
}

/// The standardised weights of a class in the reference's order: size, weight, null indicator, cities.
fn standardized(model: &gradframe_ml_learn::Model, class: Option<&str>) -> Vec<f64> {
    let rows = weights_table(model).unwrap();
    let of_class = rows.iter().filter(|row| row.class.as_deref() == class && row.feature != "__intercept__");
    of_class.map(|row| row.standardized_weight).collect()
}
