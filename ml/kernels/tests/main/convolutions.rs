//! Convolutions and their gradients: routines of the processor, products of matrices for devices.

use gradframe_ml_core::graph::{Type, Window};
use gradframe_ml_core::{DType, Graph, NodeId, Result, Shape, Tensor};

use crate::check::{check, function, numbers, tensor};

/// The value, and the cotangents of x and w where the value's is the value itself.
fn with_gradients(g: &mut Graph, x: &[NodeId], windows: &[Window], groups: usize) -> Result<Vec<NodeId>> {
    let value = g.conv(x[0], x[1], windows, groups)?;
    let squares = g.mul(value, value)?;
    let sum = g.sum_all(squares)?;
    let (_, gradients) = g.value_and_gradients(sum, x)?;
    Ok([value].into_iter().chain(gradients).collect())
}

fn convolution(dtype: DType, x: &[usize], w: &[usize], windows: &[Window], groups: usize) {
    let small = |shape: &[usize], seed: u64| -> Tensor {
        tensor(dtype, shape, numbers(shape.iter().product(), seed).iter().map(|x| x / 8.0).collect())
    };
    let types = [x, w].map(|shape| Type::new(dtype, Shape::fixed(shape)));
    check(&function(&types, |g, x| with_gradients(g, x, windows, groups)), &[small(x, 7), small(w, 8)]);
}

#[test]
fn convolutions_and_their_gradients() {
    let three = Window { padding: 1, ..Window::of(3) };
    convolution(DType::F32, &[3, 2, 6, 5], &[4, 2, 3, 3], &[three, three], 1);
    convolution(DType::F64, &[2, 3, 9], &[2, 3, 2], &[Window { dilation: 3, padding: 2, ..Window::of(2) }], 1);
    convolution(DType::F32, &[2, 3, 4, 4], &[5, 3, 1, 1], &[Window::of(1); 2], 1);
    convolution(DType::BF16, &[2, 2, 5, 5], &[3, 2, 3, 3], &[three, three], 1);
}

#[test]
fn strided_convolutions_and_those_of_groups() {
    let apart = Window { stride: 2, padding: 1, ..Window::of(3) };
    convolution(DType::F32, &[2, 2, 7, 6], &[3, 2, 3, 3], &[apart, apart], 1);
    convolution(DType::F32, &[2, 4, 5], &[4, 2, 2], &[Window::of(2)], 2);
}

#[test]
fn convolutions_of_a_batch_of_any_size() {
    let three = Window { padding: 1, ..Window::of(3) };
    let x = Type::new(DType::F32, Shape::new([gradframe_ml_core::Dim::symbol("images"), 2.into(), 5.into(), 4.into()]));
    let w = Type::new(DType::F32, Shape::fixed(&[3, 2, 3, 3]));
    let f = function(&[x, w], |g, x| with_gradients(g, x, &[three, three], 1));
    for images in [1, 3] {
        let values = |count: usize, seed: u64| numbers(count, seed).iter().map(|x| x / 8.0).collect();
        check(
            &f,
            &[tensor(DType::F32, &[images, 2, 5, 4], values(images * 40, 3)), tensor(DType::F32, &[3, 2, 3, 3], values(54, 4))],
        );
    }
}
