//! The NaN hunt names the operation that made the first NaN.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::{evaluate, hunt_nan};
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};

fn function(build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Function {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F64, Shape::fixed(&[3])));
    let y = build(&mut g, x).unwrap();
    Function::new(g, vec![y]).unwrap()
}

fn vector(values: [f64; 3]) -> Tensor {
    Tensor::from_vec(&[3], values.to_vec()).unwrap()
}

#[test]
fn the_first_operation_is_named_with_its_operands_and_shapes() {
    let f = function(|g, x| {
        let log = g.log(x)?;
        let shifted = g.exp(log)?;
        g.sum_all(shifted)
    });
    let error = hunt_nan(&f, &[vector([1.0, -2.0, 3.0])]).unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert_eq!(error.to_string(), "log: the first NaN is made here: %1 = log(%0): f64[3] at element 1, of -2 (f64[3])");
}

#[test]
fn it_looks_into_composites() {
    let f = function(|g, x| {
        let rows = g.reshape(x, &Shape::fixed(&[1, 3]))?;
        g.call("normalised", &[rows], |g, x| {
            let total = g.sum_keep(x[0], &[1])?;
            g.div(x[0], total)
        })
    });
    let error = hunt_nan(&f, &[vector([0.0, 0.0, 0.0])]).unwrap_err().to_string();
    assert!(error.starts_with("div: the first NaN is made here in normalised:"), "{error}");
}

#[test]
fn an_argument_that_holds_one_is_named() {
    let f = function(|g, x| g.exp(x));
    let error = hunt_nan(&f, &[vector([0.0, f64::NAN, 1.0])]).unwrap_err().to_string();
    assert_eq!(error, "nan_hunt: argument `x` holds a NaN at element 1");
}

#[test]
fn without_one_the_results_are_those_of_the_evaluator() {
    let f = function(|g, x| g.softmax(x, 0));
    let x = [vector([0.5, -1.0, 2.0])];
    assert_eq!(hunt_nan(&f, &x).unwrap(), evaluate(&f, &x).unwrap());
}
