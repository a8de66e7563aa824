//! Transforms compose, and leave nothing behind.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::transform::{evaluate, grad, hessian, jacobian, jvp, vjp, vmap};
use gradframe_ml_core::{Dim, Function, Tensor, random};

use crate::{f64s, function, vector};

/// x^3: its derivatives are 3 x^2, 6 x, 6, 0.
fn cube() -> Function {
    function(&[f64s([])], |g, x| {
        let square = g.mul(x[0], x[0])?;
        g.mul(square, x[0])
    })
}

#[test]
fn gradients_of_gradients_go_as_deep_as_asked() {
    let mut f = cube();
    for expected in [12.0, 12.0, 6.0, 0.0] {
        f = grad(&f, &[0]).unwrap();
        assert_eq!(evaluate(&f, &[Tensor::scalar(2.0)]).unwrap()[0], Tensor::scalar(expected));
    }
}

#[test]
fn forward_over_reverse_gives_curvature() {
    let f = jvp(&grad(&cube(), &[0]).unwrap(), &[0]).unwrap();
    let both = evaluate(&f, &[Tensor::scalar(2.0), Tensor::scalar(0.5)]).unwrap();
    assert_eq!(both, [Tensor::scalar(12.0), Tensor::scalar(6.0)]);
}

#[test]
fn a_mapped_gradient_is_the_gradient_of_the_mapped_sum() {
    let x = vector(&[1.0, 2.0, -3.0]);
    let mapped = vmap(&grad(&cube(), &[0]).unwrap(), &[Some(0)], &Dim::symbol("B")).unwrap();
    let mut total = vmap(&cube(), &[Some(0)], &Dim::symbol("B")).unwrap();
    total.outputs[0] = total.graph.sum_all(total.outputs[0]).unwrap();
    let outside = grad(&total, &[0]).unwrap();
    assert_eq!(evaluate(&mapped, std::slice::from_ref(&x)).unwrap(), [vector(&[3.0, 12.0, 27.0])]);
    assert_eq!(evaluate(&outside, &[x]).unwrap(), [vector(&[3.0, 12.0, 27.0])]);
}

#[test]
fn mapping_twice_gives_two_axes() {
    let product = function(&[f64s([]), f64s([])], |g, x| g.mul(x[0], x[1]));
    let rows = vmap(&product, &[None, Some(0)], &Dim::symbol("N")).unwrap();
    let table = vmap(&rows, &[Some(0), None], &Dim::symbol("M")).unwrap();
    let out = evaluate(&table, &[vector(&[1.0, 2.0]), vector(&[3.0, 4.0, 5.0])]).unwrap();
    assert_eq!(out[0], Tensor::from_vec(&[2, 3], vec![3.0, 4.0, 5.0, 6.0, 8.0, 10.0]).unwrap());
}

#[test]
fn an_argument_that_is_not_used_has_a_gradient_of_zeros() {
    let f = function(&[f64s([]), f64s([2.into()])], |g, x| g.sin(x[0]));
    assert_eq!(evaluate(&grad(&f, &[1]).unwrap(), &[Tensor::scalar(1.0), vector(&[1.0, 2.0])]).unwrap()[0], vector(&[0.0, 0.0]));
}

#[test]
fn gradients_leave_no_stand_ins_and_no_dead_nodes() {
    let f = grad(
        &function(&[f64s([Dim::symbol("N")])], |g, x| {
            let y = g.softmax(x[0], 0)?;
            let z = g.mul(y, y)?;
            g.sum_all(z)
        }),
        &[0],
    )
    .unwrap();
    assert_eq!(f.graph.arguments().len(), 1);
    let inputs = f.graph.nodes().filter(|(_, n)| matches!(n.kind, Kind::Input { .. })).count();
    assert_eq!(inputs, 1);
    let again = Function::new(f.graph.clone(), f.outputs.clone()).unwrap();
    assert_eq!(again.graph.nodes().count(), f.graph.nodes().count());
}

#[test]
fn cotangents_of_several_results_are_summed() {
    let mut f = function(&[f64s([])], |g, x| g.exp(x[0]));
    let input = f.graph.arguments()[0].node;
    let square = f.graph.mul(input, input).unwrap();
    f.outputs.push(square);
    let back = vjp(&f, &[0]).unwrap();
    let arguments = [0.0, 2.0, 10.0].map(Tensor::scalar);
    assert_eq!(evaluate(&back, &arguments).unwrap(), [1.0, 0.0, 2.0].map(Tensor::scalar));
    let at_three = [3.0, 0.0, 10.0].map(Tensor::scalar);
    assert_eq!(evaluate(&back, &at_three).unwrap()[2], Tensor::scalar(60.0));
}

#[test]
fn a_jacobian_has_the_axes_of_result_and_argument() {
    let f = function(&[f64s([2.into()]), f64s([3.into()])], |g, x| g.dot(x[0], x[1], Default::default())); // [2, 3]
    let arguments = [vector(&[1.0, 2.0]), vector(&[3.0, 4.0, 5.0])];
    let by_first = evaluate(&jacobian(&f, 0).unwrap(), &arguments).unwrap().remove(0);
    assert_eq!(by_first.shape(), [2, 3, 2]);
    assert_eq!(by_first.to_f64(), [3., 0., 4., 0., 5., 0., 0., 3., 0., 4., 0., 5.]);
    let by_second = evaluate(&jacobian(&f, 1).unwrap(), &arguments).unwrap().remove(0);
    assert_eq!((by_second.shape(), by_second.to_f64()[0]), (&[2, 3, 3][..], 1.0));
}

/// x0^2 x1 + x1^3.
#[test]
fn a_hessian_is_symmetric_and_right() {
    let f = function(&[f64s([2.into()])], |g, x| {
        let (a, b) = (random::nth(g, x[0], 0)?, random::nth(g, x[0], 1)?);
        let (square, cube) = (g.mul(a, a)?, g.mul(b, b)?);
        let (first, second) = (g.mul(square, b)?, g.mul(cube, b)?);
        g.add(first, second)
    });
    let at = evaluate(&hessian(&f, 0).unwrap(), &[vector(&[2.0, 3.0])]).unwrap().remove(0);
    assert_eq!((at.shape(), at.to_f64()), (&[2, 2][..], vec![6.0, 4.0, 4.0, 18.0]));
}

#[test]
fn a_jacobian_of_an_argument_without_fixed_shape_is_refused() {
    let f = function(&[f64s([Dim::symbol("N")])], |g, x| g.exp(x[0]));
    assert_eq!(jacobian(&f, 0).unwrap_err().to_string(), "jacobian: expected an argument of fixed shape, got [N]");
    assert_eq!(jacobian(&f, 3).unwrap_err().to_string(), "jacobian: argument 3 of a function of 1");
}
