//! Behaviour of training beyond agreement with the reference.

use gradframe_ml_core::{DType, Tensor};
use gradframe_ml_kernels::compile;
use gradframe_ml_learn::estimators::{LinearReg, LogisticReg};
use gradframe_ml_learn::{Estimator, Options, check_options, train_in_memory};
use serde_json::json;

use crate::fixture::{Column, Data, assert_close, int_classes, numbers, texts};

/// y = 3 a - 2 b + offset of city, exactly; k is constant.
fn exact() -> Data {
    let cities = ["Aba", "Bern", "Cork"];
    let row = |i: usize| ((i * 7 % 13) as f64, 1e6 + (i * i % 17) as f64 * 1e3, i * 5 % 3);
    let label = (0..64).map(|i| 3.0 * row(i).0 - 2e-3 * row(i).1 + row(i).2 as f64 * 10.0).collect();
    let columns = vec![
        ("a".to_string(), numbers((0..64).map(|i| row(i).0))),
        ("b".to_string(), numbers((0..64).map(|i| row(i).1))),
        ("k".to_string(), numbers([0.1; 64])),
        ("city".to_string(), texts((0..64).map(|i| cities[row(i).2]))),
    ];
    Data { columns, label, classes: Vec::new() }
}

#[test]
fn an_exact_relation_is_recovered_and_the_constant_column_dropped() {
    let data = exact();
    let (model, fitted, log) = data.fit(&LinearReg, &[]).unwrap();
    assert!(fitted.converged && fitted.loss < 1e-9, "{log:#?}");
    assert_eq!(model.unused_features(), [2]);
    let predicted = data.predict(&LinearReg, &model, false).unwrap();
    assert_close(predicted.values().unwrap(), &data.label, 1e-5, "predicted");
}

#[test]
fn the_same_data_gives_the_same_bits() {
    let (first, second) = (exact().fit(&LinearReg, &[]).unwrap(), exact().fit(&LinearReg, &[]).unwrap());
    assert_eq!(first.0, second.0);
    assert_eq!(first.2, second.2);
}

#[test]
fn the_log_starts_at_epoch_zero_counts_up_and_never_rises() {
    let (_, fitted, log) = exact().fit(&LinearReg, &[("l2_reg", json!(0.01))]).unwrap();
    assert!(log.iter().enumerate().all(|(i, step)| step.epoch == i as u64));
    assert!(log.windows(2).all(|w| w[1].loss <= w[0].loss * (1.0 + 1e-12)));
    assert_eq!(log.last().map(|step| step.loss), Some(fitted.loss));
}

#[test]
fn a_penalty_weighs_the_same_wherever_the_label_lies() {
    let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [1.0, 3.0, 2.0, 5.0, 4.0, 8.0]);
    let predicted = |far: f64| {
        let data = Data {
            columns: vec![("x".to_string(), numbers(x))],
            label: y.iter().map(|y| far + y).collect(),
            classes: Vec::new(),
        };
        let (model, fitted, _) = data.fit(&LinearReg, &[("l2_reg", json!(0.1))]).unwrap();
        assert!(fitted.converged);
        let predicted = data.predict(&LinearReg, &model, false).unwrap();
        predicted.values::<f64>().unwrap().iter().map(|z| z - far).collect::<Vec<f64>>()
    };
    let near = predicted(0.0);
    for far in [1e3, -1e6, 1e8, 1.7e9, 1e10, -1e11, 1e12] {
        assert_close(&predicted(far), &near, 1e-3, "predicted");
    }
}

#[test]
fn the_iteration_limit_stops_unconverged() {
    let (_, fitted, log) = exact().fit(&LinearReg, &[("max_iterations", json!(2))]).unwrap();
    assert!(!fitted.converged);
    assert_eq!(log.len(), 3);
}

#[test]
fn strings_alone_are_enough_to_learn_from() {
    let columns = vec![("city".to_string(), texts(["a", "b", "a", "b", "c", "c"]))];
    let data = Data { columns, label: vec![1.0, 5.0, 3.0, 7.0, 0.0, 0.0], classes: Vec::new() };
    let (model, _, _) = data.fit(&LinearReg, &[]).unwrap();
    let predicted = data.predict(&LinearReg, &model, false).unwrap();
    assert_close(predicted.values().unwrap(), &[2.0, 6.0, 2.0, 6.0, 0.0, 0.0], 1e-6, "predicted");
}

#[test]
fn a_null_indicator_learns_what_nulls_mean() {
    let values = (0..40).map(|i| (i % 4 != 0).then_some(f64::from(i)));
    let label = (0..40).map(|i| if i % 4 == 0 { 100.0 } else { 2.0 * f64::from(i) }).collect();
    let data = Data { columns: vec![("a".to_string(), Column::Number(values.collect()))], label, classes: Vec::new() };
    let (model, fitted, _) = data.fit(&LinearReg, &[]).unwrap();
    assert!(fitted.loss < 1e-12, "{}", fitted.loss);
    let predicted = data.predict(&LinearReg, &model, true).unwrap();
    assert_close(predicted.values().unwrap(), &data.label, 1e-5, "predicted");
}

#[test]
fn separable_classes_end_with_finite_weights() {
    let columns = vec![("a".to_string(), numbers((0..20).map(f64::from)))];
    let label: Vec<f64> = (0..20).map(|i| f64::from(u8::from(i >= 10))).collect();
    let data = Data { columns, label, classes: int_classes(2) };
    let (model, fitted, _) = data.fit(&LogisticReg, &[]).unwrap();
    assert!(fitted.loss < 1e-6, "{}", fitted.loss);
    assert!(model.weights.values().all(|w| w.values::<f64>().unwrap().iter().all(|w| w.is_finite())));
}

#[test]
fn units_of_the_label_do_not_matter() {
    let unscaled = exact().fit(&LinearReg, &[]).unwrap().0;
    for unit in [1e-9, 1e9] {
        let mut data = exact();
        data.label.iter_mut().for_each(|y| *y *= unit);
        let (model, _, _) = data.fit(&LinearReg, &[]).unwrap();
        let dense = |m: &gradframe_ml_learn::Model, unit: f64| -> Vec<f64> {
            m.weights["dense"].values::<f64>().unwrap().iter().map(|w| w / unit).collect()
        };
        assert_close(&dense(&model, unit), &dense(&unscaled, 1.0), 1e-6, "dense");
    }
}

#[test]
fn labels_too_large_to_square_are_an_error() {
    let mut data = exact();
    data.label.iter_mut().for_each(|y| *y *= 1e200);
    let error = data.fit(&LinearReg, &[]).unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn no_rows_and_one_class_are_errors() {
    let mut layout = exact().layout().unwrap();
    let options = check_options(&LinearReg, &[]).unwrap();
    assert!(LogisticReg.begin(&layout, &options, 0).unwrap_err().to_string().contains("fewer than 2 classes"));
    assert_eq!(LinearReg.begin(&layout, &Options::new(), 0).unwrap_err().kind(), "Plan");
    layout.rows = 0;
    assert!(LinearReg.begin(&layout, &options, 0).unwrap_err().to_string().contains("no rows"));
}

#[test]
fn prediction_from_encoded_rows_is_prediction_from_raw_ones() {
    let data = exact();
    let (model, _, _) = data.fit(&LinearReg, &[]).unwrap();
    let chunk = data.chunks(64, DType::F64).unwrap().remove(0);
    let program = compile(&LinearReg.predict_encoded(&model).unwrap()).unwrap();
    let encoded = program.run(&[chunk.dense, chunk.codes[0].clone()]).unwrap().remove(0);
    let raw = data.predict(&LinearReg, &model, false).unwrap();
    assert_close(encoded.values().unwrap(), raw.values().unwrap(), 1e-6, "predicted");
}

/// Weights of rows are what repeating the rows would be.
#[test]
fn a_row_of_weight_two_counts_as_two_rows() {
    let mut data = exact();
    data.label.iter_mut().enumerate().for_each(|(i, y)| *y += (i * i % 7) as f64); // not exact any more
    let options = check_options(&LinearReg, &[("l2_reg".to_string(), json!(0.01))]).unwrap();
    let mut layout = data.layout().unwrap();
    let mut chunks = data.chunks(64, DType::F64).unwrap();
    let mut doubled = data.chunks(64, DType::F64).unwrap();
    doubled.push(data.chunks(16, DType::F64).unwrap().remove(0));
    layout.rows = 80;
    let (twice, _) = train_in_memory(&LinearReg, &layout, &doubled, &options, 0).unwrap();
    let weights = (0..64).map(|i| if i < 16 { 2.0 } else { 1.0 }).collect::<Vec<f64>>();
    chunks[0].weight = Some(Tensor::from_vec(&[64], weights).unwrap());
    (layout.weighted, layout.rows) = (true, 64);
    let (weighted, _) = train_in_memory(&LinearReg, &layout, &chunks, &options, 0).unwrap();
    for (name, tensor) in &twice.weights {
        assert_close(&weighted.weights[name].to_f64(), &tensor.to_f64(), 1e-6, name);
    }
}

#[test]
fn balanced_classes_of_a_logistic_regression_meet_in_the_middle() {
    let columns = vec![("a".to_string(), numbers((0..100).map(|i| f64::from(i * 37 % 100))))];
    let label: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i % 10 == 0))).collect(); // nothing to do with a
    let data = Data { columns, label, classes: int_classes(2) };
    let mean = |options: &[(&str, serde_json::Value)]| {
        let (model, _, _) = data.fit(&LogisticReg, options).unwrap();
        let probabilities = data.predict(&LogisticReg, &model, false).unwrap();
        probabilities.values::<f64>().unwrap().chunks_exact(2).map(|row| row[1]).sum::<f64>() / 100.0
    };
    assert!((mean(&[]) - 0.1).abs() < 1e-3);
    assert!((mean(&[("auto_class_weights", json!(true))]) - 0.5).abs() < 0.02);
    assert!((mean(&[("class_weights", json!([[1, 9.0]]))]) - 0.5).abs() < 0.02);
}
