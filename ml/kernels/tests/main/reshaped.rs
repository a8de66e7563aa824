//! Reshapes inside kernels: axes that are joined or split cut no kernel in two.

use gradframe_ml_core::graph::{Span, Type, Window};
use gradframe_ml_core::transform::grad;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::schedule::Kernel;

use crate::check::{check, function, numbers, tensor};

fn ty(shape: &[usize]) -> Type {
    Type::new(DType::F32, Shape::fixed(shape))
}

/// Compiles and compares over arguments of these shapes; the number of kernels.
fn kernels(shapes: &[&[usize]], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<Vec<NodeId>>) -> usize {
    let f = function(&shapes.iter().map(|shape| ty(shape)).collect::<Vec<Type>>(), build);
    let argument = |(i, shape): (usize, &&[usize])| tensor(DType::F32, shape, numbers(shape.iter().product(), i as u64));
    check(&f, &shapes.iter().enumerate().map(argument).collect::<Vec<Tensor>>()).kernels().len()
}

#[test]
fn what_is_computed_below_a_reshape_is_computed_in_its_users_kernel() {
    let joined = kernels(&[&[6, 5, 4], &[6, 20], &[4]], |g, x| {
        let sum = g.add(x[0], x[2])?; // the last argument is spread over an axis that is then part of one
        let flat = g.reshape(sum, &Shape::fixed(&[6, 20]))?;
        Ok(vec![g.mul(flat, x[1])?])
    });
    let split = kernels(&[&[6, 20], &[6, 5, 4], &[20]], |g, x| {
        let sum = g.add(x[0], x[2])?;
        let cut = g.reshape(sum, &Shape::fixed(&[6, 5, 4]))?;
        Ok(vec![g.mul(cut, x[1])?])
    });
    let both = kernels(&[&[6, 20], &[30, 4]], |g, x| {
        let root = g.exp(x[0])?;
        let other = g.reshape(root, &Shape::fixed(&[30, 4]))?;
        Ok(vec![g.mul(other, x[1])?])
    });
    assert_eq!((joined, split, both), (1, 1, 1));
}

#[test]
fn views_above_and_below_a_reshape_are_seen_through() {
    let turned = kernels(&[&[4, 6, 2], &[8, 6]], |g, x| {
        let root = g.neg(x[0])?;
        let turned = g.permute(root, &[0, 2, 1])?;
        let flat = g.reshape(turned, &Shape::fixed(&[8, 6]))?;
        Ok(vec![g.mul(flat, x[1])?])
    });
    let cut = kernels(&[&[3, 14], &[3, 3, 2]], |g, x| {
        let root = g.neg(x[0])?;
        let middle = g.slice(root, &[Span::all(&3.into()), Span { start: 1, stop: 13.into(), step: 2 }])?;
        let split = g.reshape(middle, &Shape::fixed(&[3, 3, 2]))?;
        let back = g.flip(split, &[2])?;
        Ok(vec![g.mul(back, x[1])?])
    });
    let numbered = kernels(&[&[5, 4]], |g, x| {
        let places = g.iota(DType::F32, &Shape::fixed(&[20]), 0)?;
        let places = g.reshape(places, &Shape::fixed(&[5, 4]))?;
        Ok(vec![g.mul(x[0], places)?])
    });
    assert_eq!((turned, cut, numbered), (1, 1, 1));
}

#[test]
fn rows_below_a_reshape_keep_a_kernel_of_their_own() {
    let rows = kernels(&[&[6, 5, 4], &[30, 4]], |g, x| {
        let shares = g.softmax(x[0], 2)?;
        let flat = g.reshape(shares, &Shape::fixed(&[30, 4]))?;
        Ok(vec![g.mul(flat, x[1])?])
    });
    assert_eq!(rows, 2);
}

#[test]
fn axes_of_unknown_size_are_joined_too() {
    let batch = || Dim::symbol("batch");
    let types = [
        Type::new(DType::F32, Shape::new([batch(), 3.into(), 4.into()])),
        Type::new(DType::F32, Shape::new([batch().mul(&3.into()).unwrap(), 4.into()])),
    ];
    let f = function(&types, |g, x| {
        let root = g.exp(x[0])?;
        let flat = g.reshape(root, &g.ty(x[1]).shape.clone())?;
        Ok(vec![g.mul(flat, x[1])?])
    });
    let arguments = [tensor(DType::F32, &[5, 3, 4], numbers(60, 1)), tensor(DType::F32, &[15, 4], numbers(60, 2))];
    assert_eq!(check(&f, &arguments).kernels().len(), 1);
}

/// A bias, ReLU and the largest of windows that touch: one kernel forth. Back, one says where the largest lie, one puts the gradient
/// there and through the ReLU.
#[test]
fn a_pooling_and_what_is_around_it_are_one_kernel_forth_and_two_back() {
    let (image, bias): (&[usize], &[usize]) = (&[2, 3, 28, 28], &[3, 1, 1]);
    let pooled = |g: &mut Graph, x: &[NodeId]| {
        let sum = g.add(x[0], x[1])?;
        let active = g.relu(sum)?;
        g.max_pool(active, &[Window::apart(2); 2])
    };
    assert_eq!(kernels(&[image, bias], |g, x| Ok(vec![pooled(g, x)?])), 1);
    let slope: Function = {
        let f = function(&[ty(image), ty(bias), ty(&[2, 3, 14, 14])], |g, x| {
            let largest = pooled(g, x)?;
            let weighed = g.mul(largest, x[2])?;
            Ok(vec![g.sum_all(weighed)?])
        });
        grad(&f, &[0]).unwrap()
    };
    let arguments = [
        tensor(DType::F32, image, numbers(2 * 3 * 28 * 28, 1)),
        tensor(DType::F32, bias, numbers(3, 2)),
        tensor(DType::F32, &[2, 3, 14, 14], numbers(2 * 3 * 14 * 14, 3)),
    ];
    let program = check(&slope, &arguments);
    assert_eq!(program.kernels().len(), 2, "{program}");
    assert!(program.kernels().iter().all(|kernel| matches!(kernel, Kernel::Loop(_))), "{program}");
}

/// The elements of windows, and numbers spread over them, at sizes around those that are read as whole vectors.
#[test]
fn short_stretches_are_read_to_the_last_element() {
    for side in [2, 4, 14, 28, 30, 32, 34, 64] {
        let (shape, half): (&[usize], &[usize]) = (&[3, side, side], &[3, side / 2, side / 2]);
        let every = |start: usize| Span { start, stop: side.into(), step: 2 };
        let picked = kernels(&[shape], |g, x| {
            let (first, last) = (
                g.slice(x[0], &[Span::all(&3.into()), every(0), every(0)])?,
                g.slice(x[0], &[Span::all(&3.into()), every(1), every(1)])?,
            );
            Ok(vec![g.mul(first, last)?])
        });
        let spread = kernels(&[half, shape], |g, x| {
            let mut wide = x[0];
            for axis in [2, 4] {
                wide = g.repeat_axis(wide, axis, &2.into())?;
            }
            let wide = g.reshape(wide, &Shape::fixed(shape))?;
            Ok(vec![g.mul(wide, x[1])?])
        });
        assert_eq!((picked, spread), (1, 1), "side {side}");
    }
}

#[test]
fn a_fold_is_computed_whose_result_has_the_shape_of_rows_that_are_folded_inside_it() {
    kernels(&[&[3, 4]], |g, x| {
        let total = g.sum_keep(x[0], &[1])?;
        let share = g.mul(x[0], total)?;
        let of_each = g.reshape(share, &Shape::fixed(&[3, 4, 1, 1]))?;
        let pairs = g.mul(of_each, x[0])?; // [3, 4, 3, 4]
        Ok(vec![g.sum(pairs, &[0, 1])?])
    });
}
