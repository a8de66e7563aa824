//! Composites hold where their textbook formulas overflow.

use gradframe_ml_core::graph::{Attention, Kind, Type, Window};
use gradframe_ml_core::transform::{evaluate, grad};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};

use crate::{f64s, function, vector};

fn at(x: f64, build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> (f64, f64) {
    let f = function(&[f64s([])], |g, x| build(g, x[0]));
    let x = [Tensor::scalar(x)];
    (evaluate(&f, &x).unwrap()[0].to_f64()[0], evaluate(&grad(&f, &[0]).unwrap(), &x).unwrap()[0].to_f64()[0])
}

#[test]
fn sigmoid_and_its_logarithm_hold_far_out() {
    assert_eq!(at(800.0, |g, x| g.sigmoid(x)), (1.0, 0.0));
    assert_eq!(at(-800.0, |g, x| g.sigmoid(x)), (0.0, 0.0));
    assert_eq!(at(-800.0, |g, x| g.log_sigmoid(x)), (-800.0, 1.0));
    assert_eq!(at(800.0, |g, x| g.softplus(x)), (800.0, 1.0));
}

#[test]
fn softplus_at_its_fold_has_half_a_slope() {
    let (value, slope) = at(0.0, |g, x| g.softplus(x));
    assert!((value - 2f64.ln()).abs() < 1e-15);
    assert_eq!(slope, 0.5);
}

#[test]
fn relu_and_abs_have_no_slope_at_zero() {
    assert_eq!(at(0.0, |g, x| g.relu(x)), (0.0, 0.0));
    assert_eq!(at(0.0, |g, x| g.abs(x)), (0.0, 0.0));
    assert!(at(f64::NAN, |g, x| g.relu(x)).0.is_nan());
}

#[test]
fn softmax_holds_for_large_and_masked_scores() {
    let f = function(&[f64s([3.into()])], |g, x| g.softmax(x[0], 0));
    let out = evaluate(&f, &[vector(&[1000.0, 1000.0, f64::NEG_INFINITY])]).unwrap();
    assert_eq!(out[0], vector(&[0.5, 0.5, 0.0]));
    let f = function(&[f64s([2.into()])], |g, x| g.logsumexp(x[0], 0));
    assert_eq!(evaluate(&f, &[vector(&[f64::NEG_INFINITY; 2])]).unwrap()[0], Tensor::scalar(f64::NEG_INFINITY));
}

#[test]
fn composites_stay_calls_for_the_back_ends() {
    let f = function(&[f64s([3.into()])], |g, x| g.softmax(x[0], 0));
    let kinds: Vec<&Kind> = f.graph.nodes().map(|(_, n)| &n.kind).collect();
    assert!(matches!(kinds[..], [Kind::Input { .. }, Kind::Call(call)] if call.name == "softmax"), "{f}");
}

#[test]
fn one_hot_marks_the_class_and_leaves_strangers_empty() {
    let mut g = Graph::new();
    let indices = g.constant(Tensor::from_vec(&[3], vec![2i64, 0, 5]).unwrap());
    let hot = g.one_hot(indices, &Dim::fixed(3), DType::F32).unwrap();
    let expected = [0., 0., 1., 1., 0., 0., 0., 0., 0.];
    assert_eq!(crate::value(g, hot).values::<f32>().unwrap(), expected);
}

/// Source: trigamma(1) = pi^2/6, trigamma(1/2) = pi^2/2, trigamma(-1/2) = pi^2/2 + 4.
#[test]
fn trigamma_has_its_known_values() {
    let square = std::f64::consts::PI.powi(2);
    for (x, expected) in [(1.0, square / 6.0), (0.5, square / 2.0), (-0.5, square / 2.0 + 4.0)] {
        let (value, _) = at(x, |g, x| g.trigamma(x));
        assert!((value - expected).abs() < 1e-13 * expected, "trigamma({x}) = {value}, expected {expected}");
    }
}

#[test]
fn the_inverse_of_the_error_function_holds_to_the_ends() {
    for x in [0.0, 1e-10, 0.3, -0.77, 0.999, -0.999_999_9] {
        let (value, slope) = at(x, |g, x| g.erfinv(x));
        assert!((libm::erf(value) - x).abs() < 1e-15, "erfinv({x}) = {value}");
        let exact = std::f64::consts::PI.sqrt() / 2.0 * (value * value).exp();
        assert!((slope / exact - 1.0).abs() < 1e-6, "slope at {x}: {slope}, expected {exact}");
    }
    assert_eq!(at(1.0, |g, x| g.erfinv(x)).0, f64::INFINITY);
    assert!(at(1.5, |g, x| g.erfinv(x)).0.is_nan());
}

#[test]
fn cross_entropy_holds_for_logits_that_are_infinite() {
    let labels = Type::new(DType::I64, Shape::new([2.into()]));
    let f = function(&[f64s([2.into(), 3.into()]), labels], |g, x| g.cross_entropy(x[0], x[1]));
    let logits = Tensor::from_vec(&[2, 3], vec![f64::NEG_INFINITY, 0.0, 0.0, 1000.0, 0.0, 0.0]).unwrap();
    let losses = evaluate(&f, &[logits, Tensor::from_vec(&[2], vec![1i64, 0]).unwrap()]).unwrap();
    assert_eq!(losses[0], vector(&[2f64.ln(), 0.0]));
}

#[test]
fn attention_looks_only_where_it_may() {
    let heads = || f64s([1.into(), 1.into(), 2.into(), 1.into()]);
    let mask = Type::new(DType::Bool, Shape::fixed(&[2, 2]));
    let f = function(&[heads(), heads(), heads(), mask], |g, x| g.attention(x[0], x[1], x[2], Some(x[3]), Attention::default()));
    let column = |a, b| Tensor::from_vec(&[1, 1, 2, 1], vec![a, b]).unwrap();
    let mask = Tensor::from_bools(&[2, 2], &[false, true, true, false]).unwrap();
    let out = evaluate(&f, &[column(1.0, 2.0), column(3.0, 4.0), column(5.0, 6.0), mask]).unwrap();
    assert_eq!(out[0], column(6.0, 5.0));
}

#[test]
fn composites_name_what_does_not_fit() {
    let mut g = Graph::new();
    let x = g.input("x", f64s([2.into(), 3.into(), 4.into()]));
    let messages = [
        g.attention(x, x, x, None, Attention::default()).unwrap_err(),
        g.conv(x, x, &[Window::of(3)], 1).unwrap_err(),
        g.max_pool(x, &[]).unwrap_err(),
        g.unfold(x, 1, Window::of(5)).unwrap_err(),
        g.layer_norm(x, 4, None, None, 1e-5).unwrap_err(),
        g.cross_entropy(x, x).unwrap_err(),
        g.dropout(x, x, 1.0).unwrap_err(),
    ]
    .map(|e| e.to_string());
    for (message, op) in
        messages.iter().zip(["attention", "conv", "max_pool", "unfold", "layer_norm", "cross_entropy", "dropout"])
    {
        assert!(message.starts_with(&format!("{op}: ")), "{message}");
    }
}
