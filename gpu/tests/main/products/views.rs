//! Views that are products, and how many calls they take; and views that are none.

use gradframe_ml_core::graph::{DotDims, Span, Type};
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape};
use gradframe_ml_kernels::compile;

use super::Alone;
use crate::given::{function, numbers, tensor};

/// The contraction of two f32 arrays of these shapes, as `build` describes it.
fn contraction(shapes: [&[usize]; 2], build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId>) -> Alone {
    let types = shapes.map(|shape| Type::new(DType::F32, Shape::fixed(shape)));
    let program = compile(&function(&types, |g, x| Ok(vec![build(g, x)?]))).unwrap();
    let inputs = shapes.map(|shape| tensor(DType::F32, shape, numbers(shape.iter().product(), 3)));
    let mut all = Alone::all(&program, &inputs);
    assert_eq!(all.len(), 1, "{program}");
    all.remove(0)
}

fn dims(batch: &[(usize, usize)], contract: &[(usize, usize)]) -> DotDims {
    DotDims { batch: batch.iter().copied().collect(), contract: contract.iter().copied().collect() }
}

fn span(start: usize, stop: usize, step: usize) -> Span {
    Span { start, stop: Dim::fixed(stop), step }
}

/// It is a product of so many calls, and of a batch of this size each.
fn is_product(alone: &Alone, calls: usize, batch: usize) {
    let product = alone.product().unwrap_or_else(|| panic!("{:?}", alone.kernel));
    assert_eq!((product.places().len(), product.batch), (calls, batch), "{product:?}");
    assert_eq!(alone.difference(&product), None, "{product:?}");
}

#[test]
fn matrices_as_they_lie_and_transposed() {
    is_product(&contraction([&[3, 4], &[4, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(1, 0)]))), 1, 1);
    is_product(&contraction([&[4, 3], &[4, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(0, 0)]))), 1, 1);
    is_product(&contraction([&[3, 4], &[5, 4]], |g, x| g.dot(x[0], x[1], dims(&[], &[(1, 1)]))), 1, 1);
    is_product(&contraction([&[4, 3], &[5, 4]], |g, x| g.dot(x[0], x[1], dims(&[], &[(0, 1)]))), 1, 1);
}

#[test]
fn vectors_and_axes_of_one() {
    is_product(&contraction([&[6], &[6]], |g, x| g.dot(x[0], x[1], dims(&[], &[(0, 0)]))), 1, 1);
    is_product(&contraction([&[3, 6], &[6]], |g, x| g.dot(x[0], x[1], dims(&[], &[(1, 0)]))), 1, 1);
    is_product(&contraction([&[6], &[6, 3]], |g, x| g.dot(x[0], x[1], dims(&[], &[(0, 0)]))), 1, 1);
    is_product(&contraction([&[1, 6], &[1, 6]], |g, x| g.dot(x[0], x[1], dims(&[(0, 0)], &[(1, 1)]))), 1, 1);
    is_product(&contraction([&[3], &[4]], |g, x| g.dot(x[0], x[1], dims(&[], &[]))), 1, 1); // an outer product
}

#[test]
fn axes_that_are_walked_as_one() {
    // [batch, place, feature] . [feature, out]; and the gradient of the weights, over batch and place.
    is_product(&contraction([&[2, 3, 4], &[4, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(2, 0)]))), 1, 1);
    is_product(&contraction([&[2, 3, 4], &[2, 3, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(0, 0), (1, 1)]))), 1, 1);
    is_product(&contraction([&[2, 3, 4], &[2, 3, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(1, 1), (0, 0)]))), 1, 1);
    is_product(&contraction([&[2, 3, 4, 5], &[2, 3, 6, 5]], |g, x| g.dot(x[0], x[1], dims(&[(0, 0), (1, 1)], &[(3, 3)]))), 1, 6);
}

#[test]
fn heads_within_rows_take_a_call_for_each_image_or_head() {
    // Queries and keys [batch, place, head, feature], as attention has them.
    let scores = contraction([&[3, 5, 2, 4], &[3, 5, 2, 4]], |g, x| {
        let (q, k) = (g.permute(x[0], &[0, 2, 1, 3])?, g.permute(x[1], &[0, 2, 1, 3])?);
        g.dot(q, k, dims(&[(0, 0), (1, 1)], &[(3, 3)]))
    });
    is_product(&scores, 2, 3);
}

#[test]
fn parts_of_arrays_and_repeated_batches() {
    let part = contraction([&[9, 7], &[4, 5]], |g, x| {
        let part = g.slice(x[0], &[span(2, 6, 1), span(1, 5, 1)])?;
        g.dot(part, x[1], dims(&[], &[(1, 0)]))
    });
    is_product(&part, 1, 1);
    let repeated = contraction([&[3, 4], &[2, 4, 5]], |g, x| {
        let left = g.broadcast_to(x[0], &Shape::fixed(&[2, 3, 4]))?;
        g.dot(left, x[1], dims(&[(0, 0)], &[(2, 1)]))
    });
    is_product(&repeated, 1, 2);
}

#[test]
fn what_is_no_product_is_printed() {
    // Every second row and column: neither lies side by side.
    let steps = contraction([&[8, 8], &[4, 5]], |g, x| {
        let part = g.slice(x[0], &[span(0, 8, 2), span(0, 8, 2)])?;
        g.dot(part, x[1], dims(&[], &[(1, 0)]))
    });
    assert_eq!(steps.product(), None);
    let backwards = contraction([&[3, 4], &[4, 5]], |g, x| {
        let left = g.flip(x[0], &[0])?;
        g.dot(left, x[1], dims(&[], &[(1, 0)]))
    });
    assert_eq!(backwards.product(), None);
    let nothing_to_add = contraction([&[3, 0], &[0, 5]], |g, x| g.dot(x[0], x[1], dims(&[], &[(1, 0)])));
    assert_eq!(nothing_to_add.product(), None);
}
