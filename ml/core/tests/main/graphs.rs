//! The arena: sharing, pruning, grafting, printing.

use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{Dim, Function, Graph, Shape, Tensor};
use proptest::prelude::*;

use crate::{f64s, function, vector};

proptest! {
    #[test]
    fn equal_expressions_are_one_node(steps in prop::collection::vec((0u8..4, 0usize..9, 0usize..9), 1..12)) {
        let mut g = Graph::new();
        let x = g.input("x", f64s([Dim::symbol("N")]));
        let build = |g: &mut Graph| {
            let mut nodes = vec![x];
            for &(op, i, j) in &steps {
                let (a, b) = (nodes[i % nodes.len()], nodes[j % nodes.len()]);
                nodes.push(match op {
                    0 => g.add(a, b),
                    1 => g.mul(a, b),
                    2 => g.tanh(a),
                    _ => g.sub(a, b),
                }.unwrap());
            }
            nodes
        };
        let first = build(&mut g);
        let count = g.nodes().count();
        prop_assert_eq!(build(&mut g), first);
        prop_assert_eq!(g.nodes().count(), count);
    }
}

#[test]
fn sums_and_products_are_one_node_in_either_order() {
    let mut g = Graph::new();
    let (x, y) = (g.input("x", f64s([])), g.input("y", f64s([])));
    assert_eq!(g.add(x, y).unwrap(), g.add(y, x).unwrap());
    assert_eq!(g.mul(x, y).unwrap(), g.mul(y, x).unwrap());
    assert_ne!(g.sub(x, y).unwrap(), g.sub(y, x).unwrap());
}

#[test]
fn closing_a_graph_drops_what_no_result_needs_and_keeps_arguments() {
    let mut g = Graph::new();
    let (x, unused) = (g.input("x", f64s([])), g.input("unused", f64s([])));
    let dead = g.exp(unused).unwrap();
    g.log(dead).unwrap();
    let output = g.sin(x).unwrap();
    let f = Function::new(g, vec![output]).unwrap();
    assert_eq!(f.graph.nodes().count(), 3);
    assert_eq!(f.graph.arguments().len(), 2);
}

#[test]
fn grafting_takes_the_operands_dimensions() {
    let n = Dim::symbol("N");
    let centred = function(&[f64s([n.clone()])], |g, x| {
        let mean = g.mean_keep(x[0], &[0])?;
        g.sub(x[0], mean)
    });
    let mut g = Graph::new();
    let x = g.input("x", f64s([Dim::symbol("T").plus(1)]));
    let out = g.inline(&centred, &[x]).unwrap();
    assert_eq!(g.ty(out[0]).shape, Shape::new([Dim::symbol("T").plus(1)]));
    let f = Function::new(g, out).unwrap();
    assert_eq!(evaluate(&f, &[vector(&[1.0, 2.0, 6.0])]).unwrap()[0], vector(&[-2.0, -1.0, 3.0]));
}

#[test]
fn graphs_print_one_node_a_line() {
    let f = function(&[f64s([Dim::symbol("N"), Dim::fixed(4)])], |g, x| {
        let two = g.scalar_like(x[0], 2.0)?;
        let scaled = g.mul(x[0], two)?;
        g.sum(scaled, &[1])
    });
    let expected = "\
%0 = input(x0): f64[N, 4]
%1 = constant([2]): f64[1, 1]
%2 = expand(%1): f64[N, 4]
%3 = mul(%0, %2): f64[N, 4]
%4 = reduce_sum(%3, axes=[1]): f64[N]
return %4";
    assert_eq!(f.to_string(), expected);
}

#[test]
fn equal_functions_are_equal_and_hash_alike() {
    use std::hash::{BuildHasher, RandomState};
    let build = || function(&[f64s([])], |g, x| g.softplus(x[0]));
    let hasher = RandomState::new();
    assert_eq!(build(), build());
    assert_eq!(hasher.hash_one(build()), hasher.hash_one(build()));
    assert_ne!(build(), function(&[f64s([])], |g, x| g.sigmoid(x[0])));
}

#[test]
fn constants_differ_by_bits() {
    let mut g = Graph::new();
    let zero = g.constant(Tensor::scalar(0.0));
    assert_ne!(zero, g.constant(Tensor::scalar(-0.0)));
    assert_eq!(g.constant(Tensor::scalar(f64::NAN)), g.constant(Tensor::scalar(f64::NAN)));
}
