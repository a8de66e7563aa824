//! Random numbers: independent streams, right distributions, the same everywhere.

use std::collections::HashSet;

use gradframe_ml_core::transform::{evaluate, vmap};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor, random};

fn draw(seed: u64, build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Tensor {
    let mut g = Graph::new();
    let key = random::key(&mut g, seed);
    let out = build(&mut g, key).unwrap();
    crate::value(g, out)
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

#[test]
fn uniform_numbers_fill_the_unit_interval() {
    for dtype in [DType::F32, DType::F64] {
        let values = draw(7, |g, k| random::uniform(g, k, dtype, &Shape::fixed(&[20, 500]))).to_f64();
        assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        let (mean, variance) = moments(&values);
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.003, "{dtype}: {mean}, {variance}");
    }
}

#[test]
fn normal_numbers_have_mean_zero_and_variance_one() {
    for dtype in [DType::F32, DType::F64] {
        let values = draw(8, |g, k| random::normal(g, k, dtype, &Shape::fixed(&[10_000]))).to_f64();
        let (mean, variance) = moments(&values);
        let beyond_two = values.iter().filter(|v| v.abs() > 2.0).count() as f64 / 10_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{dtype}: {mean}, {variance}");
        assert!((beyond_two - 0.0455).abs() < 0.01, "{beyond_two}");
    }
}

#[test]
fn keys_and_numbers_never_meet() {
    let mut seen = HashSet::new();
    let shape = Shape::fixed(&[500]);
    let number = |g: &mut Graph| g.constant(Tensor::scalar(3u64));
    for words in [
        draw(1, |g, k| random::bits(g, k, &shape)),
        draw(1, |g, k| random::split(g, k, &Dim::fixed(500))),
        draw(1, |g, k| {
            let n = number(g);
            random::fold_in(g, k, n)
        }),
        draw(2, |g, k| random::bits(g, k, &shape)),
    ] {
        words.values::<u64>().unwrap().iter().for_each(|w| assert!(seen.insert(*w), "{w:x} came twice"));
    }
}

#[test]
fn a_batch_of_keys_draws_what_each_key_draws() {
    let mut g = Graph::new();
    let key = g.input("key", gradframe_ml_core::graph::Type::new(DType::U64, Shape::scalar()));
    let out = random::normal(&mut g, key, DType::F64, &Shape::fixed(&[4])).unwrap();
    let single = Function::new(g, vec![out]).unwrap();
    let all = vmap(&single, &[Some(0)], &Dim::symbol("B")).unwrap();
    let batch = evaluate(&all, &[Tensor::from_vec(&[2], vec![5u64, 6]).unwrap()]).unwrap()[0].to_f64();
    let each = [5u64, 6].map(|k| evaluate(&single, &[Tensor::scalar(k)]).unwrap()[0].to_f64()).concat();
    assert_eq!(batch, each);
}
