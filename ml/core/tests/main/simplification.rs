//! Simplified graphs mean what they were written as.

use gradframe_ml_core::graph::{Fn1, Fn2, Span};
use gradframe_ml_core::transform::evaluate;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use proptest::prelude::*;

use crate::f64s;

/// One step of a random program over arrays of shape [2, 3]; operands are taken from what was made before.
#[derive(Debug, Clone)]
enum Step {
    Map1(usize, usize),
    Map2(usize, usize, usize),
    Constant(f64),
    Select(usize, usize, usize),
    Views(usize, u8),
    Sum(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let special = prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(2.0), Just(-1.5), Just(f64::NAN), Just(f64::INFINITY)];
    let at = 0usize..100;
    prop_oneof![
        (0usize..4, at.clone()).prop_map(|(f, i)| Step::Map1(f, i)),
        (0usize..8, at.clone(), at.clone()).prop_map(|(f, i, j)| Step::Map2(f, i, j)),
        special.prop_map(Step::Constant),
        (at.clone(), at.clone(), at.clone()).prop_map(|(c, i, j)| Step::Select(c, i, j)),
        (at.clone(), 0u8..6).prop_map(|(i, v)| Step::Views(i, v)),
        at.prop_map(Step::Sum),
    ]
}

const MAPS: [Fn1; 4] = [Fn1::Neg, Fn1::Abs, Fn1::Exp, Fn1::Floor];
const PAIRS: [Fn2; 8] = [Fn2::Add, Fn2::Sub, Fn2::Mul, Fn2::Div, Fn2::Max, Fn2::Min, Fn2::Pow, Fn2::Rem];

fn build(g: &mut Graph, steps: &[Step]) -> Result<NodeId> {
    let shape = Shape::fixed(&[2, 3]);
    let mut nodes = vec![g.input("x", f64s([2.into(), 3.into()]))];
    for step in steps {
        let pick = |i: &usize| nodes[i % nodes.len()];
        let next = match step {
            Step::Map1(f, i) => g.map1(MAPS[*f], pick(i))?,
            Step::Map2(f, i, j) => g.map2(PAIRS[*f], pick(i), pick(j))?,
            Step::Constant(c) => {
                let c = g.scalar(DType::F64, *c)?;
                g.broadcast_to(c, &shape)?
            }
            Step::Select(c, i, j) => {
                let condition = g.lt(pick(c), pick(i))?;
                g.select(condition, pick(i), pick(j))?
            }
            Step::Views(i, which) => views(g, pick(i), *which)?,
            Step::Sum(i) => {
                let row = g.sum_keep(pick(i), &[0])?;
                g.expand(row, &shape)?
            }
        };
        nodes.push(next);
    }
    Ok(nodes[nodes.len() - 1])
}

/// Some detour from shape [2, 3] back to it.
fn views(g: &mut Graph, x: NodeId, which: u8) -> Result<NodeId> {
    match which {
        0 => g.flip(x, &[1]),
        1 => {
            let turned = g.transpose(x)?;
            g.reshape(turned, &Shape::fixed(&[2, 3]))
        }
        2 => {
            let padded = g.pad(x, &[1, 0], &[0, 2])?;
            let span = |start, stop: usize| Span { start, stop: stop.into(), step: 1 };
            g.slice(padded, &[span(1, 3), span(0, 3)])
        }
        3 => {
            let padded = g.pad(x, &[1, 0], &[0, 2])?;
            let span = |start, stop: usize| Span { start, stop: stop.into(), step: 1 };
            let part = g.slice(padded, &[span(0, 2), span(1, 5)])?;
            g.slice(part, &[span(0, 2), span(0, 3)])
        }
        4 => {
            let flat = g.reshape(x, &Shape::fixed(&[6]))?;
            g.reshape(flat, &Shape::fixed(&[2, 3]))
        }
        _ => {
            let turned = g.permute(x, &[1, 0])?;
            g.permute(turned, &[1, 0])
        }
    }
}

fn run(mut g: Graph, steps: &[Step]) -> Vec<f64> {
    let output = build(&mut g, steps).unwrap();
    let x = Tensor::from_vec(&[2, 3], vec![0.5, -0.0, 2.0, -1.5, f64::NAN, 3.0]).unwrap();
    evaluate(&Function::new(g, vec![output]).unwrap(), &[x]).unwrap()[0].to_f64()
}

/// The same bits, but for which NaN it is; `pow(x, 2)` may round otherwise than `x * x`.
fn same(a: f64, b: f64) -> bool {
    let near = (a - b).abs() <= 1e-12 * a.abs();
    (a.is_nan() && b.is_nan()) || (a == b && a.is_sign_positive() == b.is_sign_positive()) || near && a != b
}

proptest! {
    #[test]
    fn simplified_graphs_have_the_values_of_written_ones(steps in prop::collection::vec(step(), 1..14)) {
        let (written, simplified) = (run(Graph::verbatim(), &steps), run(Graph::new(), &steps));
        for (a, b) in written.iter().zip(&simplified) {
            prop_assert!(same(*a, *b), "{:?} is {:?} when simplified", written, simplified);
        }
    }
}

fn simplified(build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> (NodeId, NodeId) {
    let mut g = Graph::new();
    let x = g.input("x", f64s([Dim::symbol("N"), Dim::fixed(3)]));
    let y = build(&mut g, x).unwrap();
    (x, y)
}

macro_rules! vanish {
    ($($name:ident: |$g:ident, $x:ident| $body:expr;)*) => { $(
        #[test]
        fn $name() {
            let (x, y) = simplified(|$g, $x| $body);
            assert_eq!(x, y);
        }
    )* };
}

vanish! {
    a_product_with_one_vanishes: |g, x| { let one = g.scalar_like(x, 1.0)?; g.mul(one, x) };
    a_difference_with_zero_vanishes: |g, x| { let zero = g.scalar_like(x, 0.0)?; g.sub(x, zero) };
    a_double_negation_vanishes: |g, x| { let y = g.neg(x)?; g.neg(y) };
    a_double_transposition_vanishes: |g, x| { let y = g.transpose(x)?; g.transpose(y) };
    a_double_flip_vanishes: |g, x| { let y = g.flip(x, &[0])?; g.flip(y, &[0]) };
    a_cast_to_the_same_type_vanishes: |g, x| g.cast(x, DType::F64);
    a_slice_of_its_padding_vanishes: |g, x| {
        let y = g.pad(x, &[2, 0], &[1, 1])?;
        let part = g.slice_axis(y, 0, 2, Dim::symbol("N").plus(2))?;
        g.slice_axis(part, 1, 0, Dim::fixed(3))
    };
    a_reshape_and_back_vanishes: |g, x| {
        let shape = g.ty(x).shape.clone();
        let y = g.insert_axis(x, 1)?;
        g.reshape(y, &shape)
    };
    a_choice_between_equals_vanishes: |g, x| { let c = g.lt(x, x)?; g.select(c, x, x) };
}

#[test]
fn what_could_be_seen_stays() {
    let (x, y) = simplified(|g, x| {
        let zero = g.scalar_like(x, 0.0)?;
        g.mul(x, zero)
    });
    assert_ne!(x, y, "a product with zero keeps NaN");
    let (x, y) = simplified(|g, x| {
        let zero = g.scalar_like(x, 0.0)?;
        g.add(x, zero)
    });
    assert_ne!(x, y, "a sum with +0 turns -0 to +0");
}

#[test]
fn constants_are_folded_under_a_symbolic_shape() {
    let mut g = Graph::new();
    let full = g.full(&f64s([Dim::symbol("N")]), 3.0).unwrap();
    let root = g.sqrt(full).unwrap();
    let product = g.mul(root, full).unwrap();
    assert_eq!(g.as_number(product), Some(3.0f64.sqrt() * 3.0));
}
