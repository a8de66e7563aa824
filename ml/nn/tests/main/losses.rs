//! Losses: values and gradients as PyTorch has them, and what is wrong with what they are given.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::functional::*;
use gradframe_ml_nn::{CrossEntropyLoss, HuberLoss, Loss, MSELoss, NLLLoss};

use crate::reference::{assert_told, numbers, stored, x};

fn check(name: &str, of: impl Fn(&Array) -> Result<Array>) {
    let (at, expected) = (x(&[5, 6], 0), &stored()["losses"][name]);
    let output = of(&at).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_told(name, &output, &expected["output"]);
    let gradients = output.sum(None, false).unwrap().backward().unwrap();
    assert_told(&format!("{name}: gradient"), gradients.of(&at).unwrap(), &expected["gradient"]);
}

fn more() -> Array {
    numbers(&[5, 6], 1)
}

/// Numbers from 0.1 to 0.9.
fn chances() -> Array {
    more().multiply(0.4).unwrap().add(0.5).unwrap()
}

fn labels() -> Array {
    Array::from_vec(&[5], vec![0i64, 3, 5, 1, 3]).unwrap()
}

fn some() -> Array {
    Array::from_vec(&[5], vec![0i64, -100, 5, 1, -100]).unwrap()
}

fn classes() -> Array {
    Array::from_vec(&[6], vec![1.0f64, 0.5, 2.0, 0.1, 3.0, 1.5]).unwrap()
}

#[test]
fn losses_of_elements_are_pytorchs() {
    check("mse", |x| MSELoss::default().forward(x, &more()));
    check("mse of each", |x| mse_loss(x, &more(), Reduction::None));
    check("l1 summed", |x| l1_loss(x, &more(), Reduction::Sum));
    check("huber", |x| HuberLoss { delta: 0.3, ..HuberLoss::default() }.forward(x, &more()));
    check("smooth_l1", |x| smooth_l1_loss(x, &more(), 0.3, Reduction::Mean));
    check("bce_with_logits", |x| binary_cross_entropy_with_logits(&x.multiply(5.0)?, &chances(), Reduction::Mean));
    check("bce", |x| binary_cross_entropy(&x.multiply(0.4)?.add(0.5)?, &chances(), Reduction::Mean));
    check("kl_div", |x| kl_div(&log_softmax(x, -1)?, &softmax(&more(), -1)?, Reduction::Sum));
}

#[test]
fn losses_of_labels_are_pytorchs() {
    check("cross_entropy", |x| cross_entropy(x, &labels(), Reduction::Mean));
    check("cross_entropy of some", |x| cross_entropy(x, &some(), Reduction::Mean));
    check("cross_entropy of each", |x| cross_entropy(x, &some(), Reduction::None));
    let weighed = || CrossEntropyLoss::new().weight(&classes()).label_smoothing(0.2);
    check("cross_entropy by weights, smoothed", |x| weighed().forward(x, &some()));
    check("cross_entropy of chances", |x| weighed().forward(x, &chances()));
    check("nll", |x| NLLLoss::new().forward(&log_softmax(x, -1)?, &some()));
    let left_out = NLLLoss::new().weight(&classes()).ignore_index(3);
    check("nll by weights, one left out", |x| left_out.forward(&log_softmax(x, -1)?, &labels()));
}

#[test]
fn what_does_not_fit_is_named() {
    let (logits, column) = (numbers(&[5, 6], 0), numbers(&[5, 1], 0));
    let error = mse_loss(&logits, &column, Reduction::Mean).unwrap_err();
    assert_eq!(error.kind(), "Shape");
    assert!(error.to_string().contains("[5, 6]") && error.to_string().contains("[5, 1]"), "{error}");
    let beyond = Array::from_vec(&[5], vec![0i64, 1, 2, 3, 6]).unwrap();
    assert_eq!(cross_entropy(&logits, &beyond, Reduction::Mean).unwrap_err().kind(), "OutOfBounds");
    assert_eq!(huber_loss(&logits, &logits, 0.0, Reduction::Mean).unwrap_err().kind(), "Plan");
    let few = CrossEntropyLoss::new().weight(&numbers(&[5], 0)).forward(&logits, &labels());
    assert_eq!(few.unwrap_err().kind(), "Shape");
    assert_eq!(CrossEntropyLoss::new().label_smoothing(1.5).forward(&logits, &labels()).unwrap_err().kind(), "Plan");
}
