//! Attention, its gradients and theirs beside the definition in plain operations, from which rows that see nothing are left out.

use gradframe_ml_core::graph::{Attention, DotDims};
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{Dim, Function, Graph, NodeId, Result, Shape, Tensor};

use crate::f64s;

const HEADS: usize = 2;
const WIDTH: usize = 3;

/// Deterministic numbers between -1 and 1.
fn numbers(shape: &[usize], seed: usize) -> Tensor {
    let count = shape.iter().product();
    let values = (0..count).map(|i| ((i * 7 + seed * 13) as f64 * 0.7).sin()).collect();
    Tensor::from_vec(shape, values).unwrap()
}

/// `softmax(q k' / sqrt(width)) v` where `seen` [T][S] says what a query looks at.
fn plain(g: &mut Graph, [q, k, v]: [NodeId; 3], seen: &[Vec<bool>]) -> Result<NodeId> {
    let along =
        |left, right| DotDims { batch: [(0, 0), (1, 1)].into_iter().collect(), contract: [(left, right)].into_iter().collect() };
    let products = g.dot(q, k, along(3, 3))?;
    let scores = g.scaled_by(products, 1.0 / (WIDTH as f64).sqrt())?;
    let exp = g.exp(scores)?;
    let mask = g.constant(Tensor::from_bools(&[seen.len(), seen[0].len()], &seen.concat()).unwrap());
    let zero = g.scalar_like(exp, 0.0)?;
    let terms = g.select(mask, exp, zero)?;
    let total = g.sum_keep(terms, &[3])?;
    let weights = g.div(terms, total)?;
    g.dot(weights, v, along(3, 2))
}

/// Of q, k, v and factors: the value of the rows from `first` on, the gradients of the sum of its squares times the factors, and those
/// of the sum of these gradients' squares. Before `first` the values are zeros.
fn derived(g: &mut Graph, x: &[NodeId], value: NodeId, factors: NodeId, first: usize) -> Result<Vec<NodeId>> {
    let square = g.mul(value, value)?;
    let product = g.mul(square, factors)?;
    let sum = g.sum_all(product)?;
    let (_, gradients) = g.value_and_gradients(sum, &x[..3])?;
    let mut sizes = Vec::new();
    for &gradient in &gradients {
        let square = g.mul(gradient, gradient)?;
        sizes.push(g.sum_all(square)?);
    }
    let (size, rest) = (g.add(sizes[0], sizes[1])?, sizes[2]);
    let size = g.add(size, rest)?;
    let (_, second) = g.value_and_gradients(size, &x[..3])?;
    let rows = g.ty(value).shape.dims()[2].clone();
    let value = g.slice_axis(value, 2, first, rows)?;
    Ok([vec![value], gradients, second].concat())
}

/// The sizes of queries and keys: numbers, or symbols with these values.
#[derive(Clone, Copy)]
enum Sizes {
    Fixed,
    Symbols,
}

/// Runs both: `looked` is attention; the first `blind` rows of `seen` are all false, the others say what it should look at.
fn compare(seen: &[Vec<bool>], key_heads: usize, sizes: Sizes, looked: impl Fn(&mut Graph, [NodeId; 3]) -> Result<NodeId>) {
    let (queries, keys) = (seen.len(), seen[0].len());
    let blind = seen.iter().take_while(|row| !row.contains(&true)).count();
    let shapes =
        [[1, HEADS, queries, WIDTH], [1, key_heads, keys, WIDTH], [1, key_heads, keys, WIDTH], [1, HEADS, queries, WIDTH]];
    let inputs: Vec<Tensor> = shapes.iter().enumerate().map(|(i, shape)| numbers(shape, i)).collect();
    let named = |i: usize| match sizes {
        Sizes::Fixed => Dim::fixed(shapes[i][2]),
        Sizes::Symbols => Dim::symbol(["queries", "keys", "keys", "queries"][i]),
    };
    let mut g = Graph::new();
    let x: Vec<NodeId> =
        (0..4).map(|i| g.input(&format!("x{i}"), f64s([1.into(), shapes[i][1].into(), named(i), WIDTH.into()]))).collect();
    let value = looked(&mut g, [x[0], x[1], x[2]]).unwrap();
    let outputs = derived(&mut g, &x, value, x[3], blind).unwrap();
    let ours = evaluate(&Function::new(g, outputs).unwrap(), &inputs).unwrap();

    let mut g = Graph::new();
    let x: Vec<NodeId> = (0..4).map(|i| g.input(&format!("x{i}"), f64s(shapes[i].map(Dim::from)))).collect();
    let rows = |g: &mut Graph, x: NodeId| g.slice_axis(x, 2, blind, queries.into()).unwrap();
    let (q, factors) = (rows(&mut g, x[0]), rows(&mut g, x[3]));
    let [k, v] = [x[1], x[2]].map(|x| g.broadcast_to(x, &Shape::fixed(&[1, HEADS, keys, WIDTH])).unwrap());
    let value = plain(&mut g, [q, k, v], &seen[blind..]).unwrap();
    let outputs = derived(&mut g, &x, value, factors, 0).unwrap();
    let expected = evaluate(&Function::new(g, outputs).unwrap(), &inputs).unwrap();

    for (n, (ours, expected)) in ours.iter().zip(&expected).enumerate() {
        assert_eq!(ours.shape(), expected.shape());
        for (a, b) in ours.to_f64().iter().zip(expected.to_f64()) {
            assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "result {n}, {queries} queries, {keys} keys: {a}, expected {b}");
        }
    }
}

fn causal(queries: usize, keys: usize) -> Vec<Vec<bool>> {
    (0..queries).map(|row| (0..keys).map(|key| key + queries <= row + keys).collect()).collect()
}

const CAUSAL: Attention = Attention { causal: true, scale: None };

#[test]
fn causal_attention_and_its_derivatives_leave_out_queries_that_see_nothing() {
    for (queries, keys) in [(5, 3), (4, 4), (3, 5), (4, 1)] {
        for key_heads in [HEADS, 1] {
            for sizes in [Sizes::Fixed, Sizes::Symbols] {
                compare(&causal(queries, keys), key_heads, sizes, |g, [q, k, v]| g.attention(q, k, v, None, CAUSAL));
            }
        }
    }
}

#[test]
fn masked_attention_and_its_derivatives_leave_out_queries_that_see_nothing() {
    let seen = vec![vec![false; 3], vec![false; 3], vec![true, false, true], vec![false, true, false], vec![true; 3]];
    for key_heads in [HEADS, 1] {
        compare(&seen, key_heads, Sizes::Fixed, |g, [q, k, v]| {
            let mask = g.constant(Tensor::from_bools(&[5, 3], &seen.concat()).unwrap());
            g.attention(q, k, v, Some(mask), Attention::default())
        });
    }
}

#[test]
fn the_value_of_a_query_that_sees_nothing_is_zero() {
    let mut g = Graph::new();
    let [q, k] = [3, 2].map(|rows| g.constant(numbers(&[1, 1, rows, WIDTH], rows)));
    let mask = g.constant(Tensor::from_bools(&[3, 2], &[true, true, false, false, false, true]).unwrap());
    let causal = g.attention(q, k, k, None, CAUSAL).unwrap();
    let masked = g.attention(q, k, k, Some(mask), Attention::default()).unwrap();
    let is_zero = |g: &Graph, node| crate::value(g.clone(), node).to_f64().iter().map(|x| *x == 0.0).collect::<Vec<_>>();
    assert_eq!(is_zero(&g, causal), [[true; WIDTH], [false; WIDTH], [false; WIDTH]].concat());
    assert_eq!(is_zero(&g, masked), [[false; WIDTH], [true; WIDTH], [false; WIDTH]].concat());
}
