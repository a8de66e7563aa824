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

#[test]
fn distributions_have_their_means_and_spreads() {
    type Draw = fn(&mut Graph, NodeId) -> Result<NodeId>;
    let many = || Shape::fixed(&[20_000]);
    let cases: [(&str, Draw, f64, f64); 6] = [
        ("exponential", |g, k| random::exponential(g, k, DType::F64, &Shape::fixed(&[20_000])), 1.0, 1.0),
        ("gumbel", |g, k| random::gumbel(g, k, DType::F64, &Shape::fixed(&[20_000])), 0.5772, 1.6449),
        ("logistic", |g, k| random::logistic(g, k, DType::F64, &Shape::fixed(&[20_000])), 0.0, 3.2899),
        ("laplace", |g, k| random::laplace(g, k, DType::F64, &Shape::fixed(&[20_000])), 0.0, 2.0),
        ("integers", |g, k| random::integers(g, k, -3, 4, &Shape::fixed(&[20_000])), 0.0, 4.0),
        // Source: a normal cut at -1 and 2 has mean (phi(-1) - phi(2)) / (Phi(2) - Phi(-1)).
        ("truncated", |g, k| random::truncated_normal(g, k, -1.0, 2.0, DType::F64, &Shape::fixed(&[20_000])), 0.2296, 0.5199),
    ];
    for (name, build, mean, variance) in cases {
        let values = draw(9, build).to_f64();
        assert_eq!(values.len(), many().as_fixed().unwrap()[0]);
        let (m, v) = moments(&values);
        assert!((m - mean).abs() < 0.04 && (v - variance).abs() < 0.1 * variance, "{name}: {m}, {v}");
    }
}

#[test]
fn open_uniform_numbers_leave_both_ends_out() {
    for dtype in [DType::F32, DType::F64] {
        let values = draw(3, |g, k| random::uniform_open(g, k, dtype, &Shape::fixed(&[10_000]))).to_f64();
        assert!(values.iter().all(|&v| v > 0.0 && v < 1.0));
    }
}

#[test]
fn classes_come_as_often_as_their_probabilities_say() {
    let drawn = draw(4, |g, k| {
        let logits = g.constant(Tensor::from_vec(&[3], vec![0.1f64.ln(), 0.6f64.ln(), 0.3f64.ln()]).unwrap());
        let rows = g.broadcast_to(logits, &Shape::fixed(&[10_000, 3]))?;
        random::categorical(g, k, rows)
    });
    for (class, expected) in [0.1, 0.6, 0.3].into_iter().enumerate() {
        let share = drawn.to_f64().iter().filter(|&&c| c == class as f64).count() as f64 / 10_000.0;
        assert!((share - expected).abs() < 0.02, "class {class}: {share}");
    }
}

#[test]
fn a_permutation_holds_each_number_once() {
    let order = draw(5, |g, k| random::permutation(g, k, &Dim::fixed(100))).to_f64();
    let mut sorted = order.clone();
    sorted.sort_by(f64::total_cmp);
    let all: Vec<f64> = (0..100).map(f64::from).collect();
    assert_eq!(sorted, all);
    assert_ne!(order, all);
    assert_eq!(draw(5, |g, k| random::choice(g, k, &Dim::fixed(100), &Dim::fixed(7))).to_f64(), order[..7]);
}

#[test]
fn dropout_keeps_the_mean() {
    let values = draw(6, |g, k| {
        let ones = g.full(&gradframe_ml_core::graph::Type::new(DType::F64, Shape::fixed(&[10_000])), 1.0)?;
        g.dropout(ones, k, 0.25)
    })
    .to_f64();
    let (mean, _) = moments(&values);
    assert!((mean - 1.0).abs() < 0.02 && values.iter().all(|&v| v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-12), "{mean}");
}

#[test]
fn gamma_and_beta_numbers_have_their_means_and_variances() {
    let shape = Shape::fixed(&[20_000]);
    for alpha in [0.3, 1.0, 4.5] {
        let values = draw(11, |g, k| {
            let alpha = g.scalar(DType::F64, alpha)?;
            random::gamma(g, k, alpha, &shape)
        });
        let (mean, variance) = moments(&values.to_f64());
        assert!((mean - alpha).abs() < 0.05 * (1.0 + alpha), "gamma({alpha}): mean {mean}");
        assert!((variance - alpha).abs() < 0.1 * (1.0 + alpha), "gamma({alpha}): variance {variance}");
    }
    let (a, b) = (2.0, 3.5);
    let values = draw(12, |g, k| {
        let (a, b) = (g.scalar(DType::F32, a)?, g.scalar(DType::F32, b)?);
        random::beta(g, k, a, b, &shape)
    });
    let (mean, variance) = moments(&values.to_f64());
    let expected = a * b / ((a + b) * (a + b) * (a + b + 1.0));
    assert!((mean - a / (a + b)).abs() < 0.01 && (variance - expected).abs() < 0.005, "beta: {mean}, {variance}");
}
