//! Networks: what they learn, that their gradients are right, and that nothing but the seed decides their bits.

use gradframe_ml_core::{DType, Error, Tensor};
use gradframe_ml_kernels::compile;
use gradframe_ml_learn::estimators::{DnnClassifier, DnnRegressor};
use gradframe_ml_learn::in_memory::{finish_in_memory, sum_over};
use gradframe_ml_learn::{
    Chunk, Estimator, Fitted, Options, Part, Position, Request, Step, Sweep, Training, check_options, weights_table,
};
use serde_json::{Value, json};

use crate::fixture::{Column, Data, assert_close, int_classes, numbers, texts};

/// Numbers in -1 .. 1 that look random.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as f64 / (1u64 << 31) as f64) * 2.0 - 1.0
    };
    (0..count).map(next).collect()
}

/// y = 1000 (sin 3a + city's sign * b) + 5000: not linear in anything.
fn waves(rows: usize) -> Data {
    let (a, b) = (noise(rows, 1), noise(rows, 2));
    let city = |i: usize| ["Aba", "Bern", "Cork"][i % 3];
    let sign = |i: usize| [-1.0, 0.0, 1.0][i % 3];
    let label = (0..rows).map(|i| 1000.0 * ((3.0 * a[i]).sin() + sign(i) * b[i]) + 5000.0).collect();
    let columns = vec![
        ("a".to_string(), numbers(a)),
        ("b".to_string(), numbers(b)),
        ("k".to_string(), numbers(vec![0.1; rows])),
        ("city".to_string(), texts((0..rows).map(city))),
    ];
    Data { columns, label, classes: Vec::new() }
}

/// The class is the ring in which (a, b) lies.
fn rings(rows: usize, classes: i64) -> Data {
    let (a, b) = (noise(rows, 3), noise(rows, 4));
    let ring = |i: usize| ((a[i].hypot(b[i]) * classes as f64).floor()).min(classes as f64 - 1.0);
    let label = (0..rows).map(ring).collect();
    Data { columns: vec![("a".into(), numbers(a)), ("b".into(), numbers(b))], label, classes: int_classes(classes) }
}

fn options(estimator: &dyn Estimator, given: &[(&str, Value)]) -> Options {
    let given: Vec<_> = given.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    check_options(estimator, &given).unwrap()
}

fn begin(estimator: &dyn Estimator, data: &Data, given: &[(&str, Value)]) -> Box<dyn Training> {
    estimator.begin(&data.layout().unwrap(), &options(estimator, given), 1).unwrap()
}

/// The first sweep that a training asks for.
fn first_sweep(training: &mut dyn Training, chunks: &[Chunk]) -> Sweep {
    let mut answer = None;
    loop {
        match training.next(answer).unwrap().1 {
            Request::Fold(fold) => answer = Some(sum_over(&fold, chunks).unwrap()),
            Request::Sweep(sweep) => return sweep,
            Request::Done(_) => panic!("done before the first sweep"),
        }
    }
}

fn accuracy(probabilities: &Tensor, label: &[f64]) -> f64 {
    let width = probabilities.shape()[1];
    let rows = probabilities.values::<f64>().unwrap().chunks_exact(width);
    let best = |row: &[f64]| (0..width).max_by(|&i, &j| row[i].total_cmp(&row[j])).unwrap() as f64;
    rows.zip(label).filter(|(row, label)| best(row) == **label).count() as f64 / label.len() as f64
}

#[test]
fn a_curve_is_learned_in_the_labels_units() {
    let data = waves(1200);
    let given = [("max_iterations", json!(60)), ("learning_rate", json!(0.01)), ("batch_size", json!(64))];
    let (model, fitted, log) = data.fit(&DnnRegressor, &given).unwrap();
    assert_eq!(model.unused_features(), [2]);
    let predicted = data.predict(&DnnRegressor, &model, false).unwrap();
    let errors = predicted.values::<f64>().unwrap().iter().zip(&data.label).map(|(p, y)| (p - y).powi(2));
    let error = errors.sum::<f64>() / 1200.0;
    assert!(error < 5000.0, "mean squared error {error} of a label with variance 650,000");
    assert!(fitted.loss < 5000.0 && fitted.loss == log.last().unwrap().loss, "{fitted:?}");
    assert_eq!(log[0].epoch, 1);
}

#[test]
fn rings_are_told_apart_by_two_classes_or_more() {
    for classes in [2, 3] {
        let data = rings(1500, classes);
        let given = [("max_iterations", json!(60)), ("learning_rate", json!(0.01)), ("batch_size", json!(64))];
        let (model, _, _) = data.fit(&DnnClassifier, &given).unwrap();
        let probabilities = data.predict(&DnnClassifier, &model, false).unwrap();
        let sums = probabilities.values::<f64>().unwrap().chunks_exact(classes as usize).map(|row| row.iter().sum::<f64>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-12));
        let accuracy = accuracy(&probabilities, &data.label);
        assert!(accuracy > 0.95, "{classes} classes: {accuracy}");
    }
}

#[test]
fn every_optimizer_activation_and_regulariser_learns() {
    let data = rings(800, 2);
    let start = 2f64.ln();
    let variants = [
        vec![("optimizer", json!("sgd")), ("learning_rate", json!(0.3)), ("momentum", json!(0.9)), ("nesterov", json!(true))],
        vec![("optimizer", json!("rmsprop")), ("learning_rate", json!(0.005)), ("momentum", json!(0.5))],
        vec![("optimizer", json!("adagrad")), ("learning_rate", json!(0.1))],
        vec![("optimizer", json!("adamw")), ("learning_rate", json!(0.01)), ("l2_reg", json!(0.01))],
        vec![("batch_norm", json!(true)), ("dropout", json!(0.1)), ("learning_rate", json!(0.01))],
        vec![("l1_reg", json!(1e-4)), ("l2_reg", json!(1e-4)), ("clip_norm", json!(1.0)), ("learning_rate", json!(0.01))],
        vec![("activation_fn", json!("gelu")), ("learn_rate_schedule", json!("cosine")), ("learning_rate", json!(0.02))],
        vec![("activation_fn", json!("selu")), ("warmup_steps", json!(20)), ("learning_rate", json!(0.01))],
        vec![("hidden_units", json!([16])), ("activation_fn", json!("tanh")), ("learning_rate", json!(0.05))],
    ];
    for mut given in variants {
        given.extend([("max_iterations", json!(40)), ("batch_size", json!(50)), ("early_stop", json!(false))]);
        let (_, fitted, log) = data.fit(&DnnClassifier, &given).unwrap();
        assert!(fitted.loss < 0.5 * start, "{given:?}: {} after {} epochs", fitted.loss, log.len());
    }
}

/// sgd with rate 1 subtracts the gradient: it is read off one step, and compared with differences of the loss.
#[test]
fn the_gradient_of_the_whole_network_agrees_with_differences() {
    let data = waves(48);
    let chunks = data.chunks(48, DType::F32).unwrap();
    for norm in [false, true] {
        let given = [
            ("optimizer", json!("sgd")),
            ("learning_rate", json!(1.0)),
            ("hidden_units", json!([5, 4])),
            ("activation_fn", json!("tanh")),
            ("batch_norm", json!(norm)),
            ("l2_reg", json!(0.1)),
        ];
        let sweep = first_sweep(begin(&DnnRegressor, &data, &given).as_mut(), &chunks);
        let run = |state: &[Tensor]| {
            let arguments: Vec<Tensor> = state.iter().cloned().chain(chunks[0].arguments()).collect();
            sweep.program.run(&arguments).unwrap()
        };
        let state = &sweep.from.state;
        let after = run(state);
        let loss = |outputs: &[Tensor]| outputs[state.len()].values::<f64>().unwrap()[0] / 48.0;
        let mut compared = 0;
        for (i, tensor) in state[..state.len() - 2].iter().enumerate() {
            let values = tensor.values::<f32>().unwrap();
            for at in 0..values.len().min(4) {
                let gradient = values[at] - after[i].values::<f32>().unwrap()[at];
                let moved = |by: f32| {
                    let mut values = values.to_vec();
                    values[at] += by;
                    let mut state = state.clone();
                    state[i] = Tensor::from_vec(tensor.shape(), values).unwrap();
                    loss(&run(&state))
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                if slope == 0.0 {
                    continue; // a running statistic
                }
                let tolerance = 2e-3 + 0.02 * slope.abs();
                assert!((f64::from(gradient) - slope).abs() < tolerance, "part {i}[{at}]: {gradient}, expected {slope}");
                compared += 1;
            }
        }
        assert!(compared > 20, "{compared}");
    }
}

#[test]
fn prediction_of_a_training_row_is_the_training_time_value_to_the_bit() {
    let data = waves(700);
    let given =
        [("hidden_units", json!([24, 9])), ("batch_norm", json!(true)), ("dropout", json!(0.2)), ("max_iterations", json!(3))];
    let (model, _, _) = data.fit(&DnnRegressor, &given).unwrap();
    let served = data.predict(&DnnRegressor, &model, false).unwrap();
    let chunk = data.chunks(700, DType::F32).unwrap().remove(0);
    let program = compile(&DnnRegressor.predict_encoded(&model).unwrap()).unwrap();
    let trained = program.run(&[chunk.dense.clone(), chunk.codes[0].clone()]).unwrap().remove(0);
    assert!(served == trained, "the bits differ");
    // A row alone goes through other kernels than many: the same number up to rounding.
    let alone = program.run(&[rows(&chunk.dense, 5, 1), rows(&chunk.codes[0], 5, 1)]).unwrap().remove(0);
    assert_close(alone.values().unwrap(), &trained.values::<f64>().unwrap()[5..6], 1e-2, "alone");
}

/// Some rows of a tensor.
fn rows(tensor: &Tensor, first: usize, count: usize) -> Tensor {
    let width: usize = tensor.shape()[1..].iter().product::<usize>() * tensor.dtype().size_bytes();
    let shape: Vec<usize> = std::iter::once(count).chain(tensor.shape()[1..].iter().copied()).collect();
    Tensor::try_new(tensor.dtype(), &shape, tensor.buffer().slice_with_length(first * width, count * width)).unwrap()
}

#[test]
fn the_bits_do_not_depend_on_threads_or_chunks_of_one_size() {
    let data = rings(900, 2);
    let given = [("max_iterations", json!(3)), ("dropout", json!(0.3)), ("batch_norm", json!(true))];
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| data.fit(&DnnClassifier, &given).unwrap())
    };
    let (one, four) = (fit(1), fit(4));
    assert_eq!(one.0, four.0);
    assert_eq!(one.2, four.2);
}

/// Trains with the last quarter of rows held back; after `stop` batches in all, goes on in a new training from a
/// checkpoint.
fn with_break(data: &Data, given: &[(&str, Value)], stop: Option<u64>) -> (Fitted, Vec<Step>) {
    let chunks = data.chunks(data.label.len() / 4, DType::F32).unwrap();
    let (train, eval) = chunks.split_at(3);
    let mut layout = data.layout().unwrap();
    layout.eval_rows = eval.iter().map(|c| c.rows as u64).sum();
    layout.rows -= layout.eval_rows;
    let options = options(&DnnRegressor, given);
    let begin = || DnnRegressor.begin(&layout, &options, 1).unwrap();
    let Some(stop) = stop else { return finish_in_memory(begin().as_mut(), train, eval).unwrap() };

    let (mut training, mut log, mut answer, mut done) = (begin(), Vec::new(), None, 0);
    loop {
        let (step, request) = training.next(answer).unwrap();
        log.extend(step);
        answer = Some(match request {
            Request::Fold(fold) => sum_over(&fold, if fold.over == Part::Train { train } else { eval }).unwrap(),
            Request::Done(_) => panic!("done before the break"),
            Request::Sweep(sweep) => {
                let mut broken: Option<Position> = None;
                let ended = sweep.run(&train, &gradframe_ml_kernels::Threads::Pool, |at| {
                    done += 1;
                    if done < stop {
                        return Ok(());
                    }
                    broken = Some(at.position()?);
                    Err(Error::cancelled("test", "a break"))
                });
                if let Some(at) = broken {
                    let checkpoint = training.checkpoint(Some(&at)).unwrap().unwrap();
                    let mut next = begin();
                    next.restore(&checkpoint).unwrap();
                    let (fitted, rest) = finish_in_memory(next.as_mut(), train, eval).unwrap();
                    log.extend(rest);
                    return (fitted, log);
                }
                ended.unwrap()
            }
        });
    }
}

#[test]
fn a_training_resumed_from_a_checkpoint_ends_with_the_same_bits() {
    let data = waves(400);
    let given = [("batch_size", json!(32)), ("max_iterations", json!(4)), ("dropout", json!(0.2)), ("batch_norm", json!(true))];
    let whole = with_break(&data, &given, None);
    assert_eq!(whole.1.len(), 4);
    assert!(whole.1.iter().all(|step| step.eval_loss.is_some()));
    for stop in [1, 10, 15, 37] {
        let resumed = with_break(&data, &given, Some(stop));
        assert_eq!(whole.0.weights, resumed.0.weights, "after {stop} batches");
        assert_eq!(whole.1, resumed.1, "after {stop} batches");
    }
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let data = waves(64);
    let chunks = data.chunks(64, DType::F32).unwrap();
    let mut training = begin(&DnnRegressor, &data, &[]);
    first_sweep(training.as_mut(), &chunks);
    let checkpoint = training.checkpoint(None).unwrap().unwrap();
    for (given, expected) in [(json!([64, 16]), "has shape"), (json!([64]), "has shape"), (json!([64, 32, 8]), "missing")] {
        let error = begin(&DnnRegressor, &data, &[("hidden_units", given)]).restore(&checkpoint).unwrap_err();
        assert!(error.to_string().contains("does not fit") && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn early_stop_keeps_the_epoch_with_the_least_evaluation_loss() {
    let mut data = waves(200);
    data.label = noise(200, 9); // nothing to learn: more epochs only fit noise
    let given = [("max_iterations", json!(200)), ("learning_rate", json!(0.02)), ("batch_size", json!(25))];
    let (fitted, log) = with_break(&data, &given, None);
    assert!(fitted.converged && log.len() < 200, "{}", log.len());
    let least = log.iter().min_by(|a, b| a.eval_loss.partial_cmp(&b.eval_loss).unwrap()).unwrap();
    assert_eq!(fitted.loss, least.loss);
    assert_eq!(log.last().unwrap().epoch - least.epoch, 3, "the patience");
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_and_says_where() {
    let given = [("optimizer", json!("sgd")), ("learning_rate", json!(1e30)), ("batch_size", json!(32))];
    let error = waves(200).fit(&DnnRegressor, &given).unwrap_err();
    assert_eq!(error.kind(), "Execution");
    let text = error.to_string();
    assert!(text.contains("became") && text.contains("in epoch 1, step "), "{text}");
    assert!(text.contains("lower learning_rate"), "{text}");
}

#[test]
fn a_row_of_weight_two_counts_as_two_rows() {
    let given =
        [("optimizer", json!("sgd")), ("learning_rate", json!(0.1)), ("batch_size", json!(1000)), ("max_iterations", json!(5))];
    let once = waves(60);
    let mut chunks = once.chunks(60, DType::F32).unwrap();
    let weights = (0..60).map(|i| if i < 20 { 2.0f32 } else { 1.0 }).collect();
    chunks[0].weight = Some(Tensor::from_vec(&[60], weights).unwrap());
    let mut layout = once.layout().unwrap();
    layout.weighted = true;
    let options = options(&DnnRegressor, &given);
    let mut training = DnnRegressor.begin(&layout, &options, 1).unwrap();
    let (weighted, weighted_log) = finish_in_memory(training.as_mut(), &chunks, &[]).unwrap();

    // The same rows in the encoding of `once`, the first twenty of them twice.
    let twenty = once.chunks(20, DType::F32).unwrap().swap_remove(0);
    let mut doubled = once.chunks(60, DType::F32).unwrap();
    doubled.push(twenty);
    layout.weighted = false;
    layout.rows = 80;
    let mut training = DnnRegressor.begin(&layout, &options, 1).unwrap();
    let (plain, plain_log) = finish_in_memory(training.as_mut(), &doubled, &[]).unwrap();
    for (name, tensor) in &plain.weights {
        assert_close(&weighted.weights[name].to_f64(), &tensor.to_f64(), 1e-3, name);
    }
    assert_eq!(weighted_log.len(), plain_log.len());
}

#[test]
fn class_weights_shift_the_border_and_unknown_classes_are_named() {
    let mut data = rings(600, 2);
    data.label.iter_mut().zip(noise(600, 8)).for_each(|(label, chance)| *label = f64::from(u8::from(chance > 0.6)));
    let share = |given: &[(&str, Value)]| {
        let (model, _, _) = data.fit(&DnnClassifier, given).unwrap();
        let probabilities = data.predict(&DnnClassifier, &model, false).unwrap();
        probabilities.values::<f64>().unwrap().chunks_exact(2).map(|row| row[1]).sum::<f64>() / 600.0
    };
    let plain = share(&[("max_iterations", json!(10))]);
    let balanced = share(&[("max_iterations", json!(10)), ("auto_class_weights", json!(true))]);
    let heavy = share(&[("max_iterations", json!(10)), ("class_weights", json!([[1, 20.0]]))]);
    assert!(plain < 0.3 && (0.4..0.6).contains(&balanced) && heavy > 0.7, "{plain} {balanced} {heavy}");
    let error = data.fit(&DnnClassifier, &[("class_weights", json!([["2", 1.0]]))]).unwrap_err();
    assert_eq!(error.kind(), "Plan");
    assert!(error.to_string().contains("names the class `2`") && error.to_string().contains("`0`, `1`"), "{error}");
}

#[test]
fn nulls_and_unseen_strings_are_predicted() {
    let values = (0..60).map(|i| (i % 4 != 0).then_some(f64::from(i)));
    let label = (0..60).map(|i| if i % 4 == 0 { 100.0 } else { 2.0 * f64::from(i) }).collect();
    let data = Data { columns: vec![("a".to_string(), Column::Number(values.collect()))], label, classes: Vec::new() };
    let (model, _, _) = data.fit(&DnnRegressor, &[]).unwrap();
    let predicted = data.predict(&DnnRegressor, &model, true).unwrap();
    assert!(predicted.values::<f64>().unwrap().iter().all(|p| p.is_finite()));
}

#[test]
fn connections_are_listed_with_their_ends() {
    let data = waves(100);
    let given = [("hidden_units", json!([3, 2])), ("max_iterations", json!(1))];
    let rows = weights_table(&data.fit(&DnnRegressor, &given).unwrap().0).unwrap();
    assert_eq!(rows.len(), 3 * 3 + 3 * 3 + 3 + 3 * 2 + 2 + 2 + 1);
    let ends = |i: usize| (rows[i].feature.as_str(), rows[i].category.as_deref(), rows[i].class.as_deref());
    assert_eq!(ends(0), ("a", None, Some("hidden.1[0]")));
    assert_eq!(ends(9), ("city", Some("Aba"), Some("hidden.1[0]")));
    assert_eq!(ends(18), ("__intercept__", None, Some("hidden.1[0]")));
    assert_eq!(ends(21), ("hidden.1[0]", None, Some("hidden.2[0]")));
    assert_eq!(ends(rows.len() - 2), ("hidden.2[1]", None, None));
    assert_eq!(ends(rows.len() - 1), ("__intercept__", None, None));
}
