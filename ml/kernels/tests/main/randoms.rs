//! Random numbers are the same for the same key on every back end and any number of threads.

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor, random};

use crate::check::{check, function};

type Draw = fn(&mut Graph, NodeId, &Shape) -> Result<NodeId>;

/// A parameter: the same number everywhere.
fn number(g: &mut Graph, value: f64) -> Result<NodeId> {
    g.scalar(DType::F64, value)
}

const DRAWS: [(&str, Draw); 18] = [
    ("bits", |g, k, s| random::bits(g, k, s)),
    ("uniform", |g, k, s| random::uniform(g, k, DType::F32, s)),
    ("normal", |g, k, s| random::normal(g, k, DType::F64, s)),
    ("truncated normal", |g, k, s| random::truncated_normal(g, k, -1.0, 2.0, DType::F64, s)),
    ("log normal", |g, k, s| random::log_normal(g, k, DType::F64, s)),
    ("integers", |g, k, s| random::integers(g, k, -3, 4, s)),
    ("bernoulli", |g, k, s| number(g, 0.3).and_then(|p| random::bernoulli(g, k, p, s))),
    ("exponential", |g, k, s| random::exponential(g, k, DType::F64, s)),
    ("gumbel", |g, k, s| random::gumbel(g, k, DType::F64, s)),
    ("laplace", |g, k, s| random::laplace(g, k, DType::F64, s)),
    ("gamma", |g, k, s| number(g, 0.7).and_then(|a| random::gamma(g, k, a, s))),
    ("beta", |g, k, s| number(g, 2.0).and_then(|a| random::beta(g, k, a, a, s))),
    ("poisson, small", |g, k, s| number(g, 3.5).and_then(|rate| random::poisson(g, k, rate, s))),
    ("poisson, large", |g, k, s| number(g, 70.0).and_then(|rate| random::poisson(g, k, rate, s))),
    ("geometric", |g, k, s| number(g, 0.2).and_then(|p| random::geometric(g, k, p, s))),
    ("categorical", |g, k, s| {
        let logits = g.iota(DType::F64, &s.insert(1, 4.into()), 1)?;
        random::categorical(g, k, logits)
    }),
    ("permutation", |g, k, s| random::permutation(g, k, &s.dims()[0])),
    ("weighted choice", |g, k, s| {
        let logits = g.iota(DType::F64, s, 0)?;
        random::choice_weighted(g, k, logits, &1.into())
    }),
];

#[test]
fn a_key_gives_the_same_numbers_everywhere() {
    for (name, draw) in DRAWS {
        let types = [Type::new(DType::U64, Shape::scalar()), Type::new(DType::F64, Shape::new([Dim::symbol("N")]))];
        let f = function(&types, |g, x| {
            let shape = g.ty(x[1]).shape.clone();
            Ok(vec![draw(g, x[0], &shape)?])
        });
        for count in [1, 300] {
            println!("{name}: {count}");
            check(&f, &[Tensor::scalar(77u64), Tensor::from_vec(&[count], vec![0.0; count]).unwrap()]);
        }
    }
}
