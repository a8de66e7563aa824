//! Random graphs of pointwise functions, views, folds and products.

use gradframe_ml_core::graph::{Graph, NodeId};
use gradframe_ml_core::{DType, Dim, Function, Shape};
use proptest::prelude::*;

use crate::{arguments, check, function};

/// A step takes one or two earlier values, all of shape [N, 3].
fn step(g: &mut Graph, values: &[NodeId], (kind, a, b): (u8, usize, usize)) -> NodeId {
    let (x, y) = (values[a % values.len()], values[b % values.len()]);
    let shape = Shape::new([Dim::symbol("N"), Dim::fixed(3)]);
    match kind % 12 {
        0 => g.add(x, y),
        1 => g.mul(x, y),
        2 => g.sub(x, y),
        3 => g.tanh(x),
        4 => g.max(x, y),
        5 => g.flip(x, &[1]),
        6 => g.softmax(x, 1),
        7 => g.max_keep(x, &[1]).and_then(|m| g.expand(m, &shape)),
        8 => g.mean_keep(x, &[1]).and_then(|m| g.sub(x, m)),
        9 => g.lt(x, y).and_then(|c| g.select(c, x, y)),
        10 => g.mean_keep(x, &[0]).and_then(|m| g.add(y, m)),
        _ => g.reshape(x, &Shape::new([Dim::fixed(3), Dim::symbol("N")])).and_then(|r| g.transpose(r)),
    }
    .unwrap()
}

fn build(steps: &[(u8, usize, usize)], results: usize) -> Function {
    function(&[(DType::F64, &[None, Some(3)]), (DType::F64, &[None, Some(3)])], |g, x| {
        let mut values = x.to_vec();
        for &s in steps {
            let next = step(g, &values, s);
            values.push(next);
        }
        let mut outputs = values[values.len().saturating_sub(results)..].to_vec();
        outputs.push(g.sum_all(values[values.len() - 1]).unwrap());
        outputs
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn compiled_graphs_agree_with_the_reference(
        steps in prop::collection::vec((0u8..12, 0usize..20, 0usize..20), 1..14),
        results in 1usize..4,
        n in prop::sample::select(vec![1usize, 2, 5, 341, 342, 700, 1500]),
    ) {
        let function = build(&steps, results);
        check(&function, &arguments(&function, n), 1e-10);
    }
}
