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

/// The largest distance between the share of numbers below a point and what a distribution function says.
/// Source: Kolmogorov 1933; above 1.95 / sqrt(n) in one run out of a thousand.
fn distance(mut values: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let one = |(i, &x): (usize, &f64)| (below(x) - i as f64 / n).abs().max((below(x) - (i + 1) as f64 / n).abs());
    values.iter().enumerate().map(one).fold(0.0, f64::max)
}

#[test]
fn numbers_are_distributed_as_their_distribution_function_says() {
    type Draw = fn(&mut Graph, NodeId, &Shape) -> Result<NodeId>;
    type Below = fn(f64) -> f64;
    fn normal(x: f64) -> f64 {
        0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
    }
    let cases: [(&str, Draw, Below); 11] = [
        ("uniform", |g, k, s| random::uniform(g, k, DType::F64, s), |x| x),
        ("normal", |g, k, s| random::normal(g, k, DType::F64, s), normal),
        ("log normal", |g, k, s| random::log_normal(g, k, DType::F64, s), |x| normal(x.ln())),
        (
            "truncated",
            |g, k, s| random::truncated_normal(g, k, -1.0, 2.0, DType::F64, s),
            |x| (normal(x) - normal(-1.0)) / (normal(2.0) - normal(-1.0)),
        ),
        ("exponential", |g, k, s| random::exponential(g, k, DType::F64, s), |x| 1.0 - (-x).exp()),
        ("gumbel", |g, k, s| random::gumbel(g, k, DType::F64, s), |x| (-(-x).exp()).exp()),
        ("logistic", |g, k, s| random::logistic(g, k, DType::F64, s), |x| 1.0 / (1.0 + (-x).exp())),
        (
            "laplace",
            |g, k, s| random::laplace(g, k, DType::F64, s),
            |x| {
                if x < 0.0 { 0.5 * x.exp() } else { 1.0 - 0.5 * (-x).exp() }
            },
        ),
        ("cauchy", |g, k, s| random::cauchy(g, k, DType::F64, s), |x| 0.5 + x.atan() / std::f64::consts::PI),
        (
            "gamma of order 2",
            |g, k, s| g.scalar(DType::F64, 2.0).and_then(|a| random::gamma(g, k, a, s)),
            |x| 1.0 - (1.0 + x) * (-x).exp(),
        ),
        (
            "beta of orders 2 and 1",
            |g, k, s| {
                let (a, b) = (g.scalar(DType::F64, 2.0)?, g.scalar(DType::F64, 1.0)?);
                random::beta(g, k, a, b, s)
            },
            |x| x * x,
        ),
    ];
    const COUNT: usize = 20_000;
    for (name, build, below) in cases {
        let found = distance(draw(21, |g, k| build(g, k, &Shape::fixed(&[COUNT]))).to_f64(), below);
        assert!(found < 1.95 / (COUNT as f64).sqrt(), "{name}: {found}");
    }
}

/// The shares of the counts below `shares.len()`, against those expected: chi squared, a degree of freedom each.
fn chi_squared(values: &[f64], shares: &[f64]) -> f64 {
    let n = values.len() as f64;
    let one = |(count, share): (usize, &f64)| {
        let found = values.iter().filter(|&&v| v == count as f64).count() as f64;
        (found - n * share).powi(2) / (n * share)
    };
    shares.iter().enumerate().filter(|(_, share)| **share * n > 20.0).map(one).sum::<f64>()
}

#[test]
fn counts_come_as_often_as_poisson_says() {
    const COUNT: usize = 20_000;
    for rate in [0.05, 1.0, 4.2, 9.99, 10.0, 30.0, 400.0] {
        for dtype in [DType::F32, DType::F64] {
            let values = draw(31, |g, k| {
                let rate = g.scalar(dtype, rate)?;
                random::poisson(g, k, rate, &Shape::fixed(&[COUNT]))
            })
            .to_f64();
            let (mean, variance) = moments(&values);
            assert!((mean - rate).abs() < 5.0 * (rate / COUNT as f64).sqrt(), "poisson({rate}): mean {mean}");
            assert!((variance / rate - 1.0).abs() < 0.08, "poisson({rate}): variance {variance}");
            let share = |k: usize| (k as f64 * rate.ln() - rate - libm::lgamma(k as f64 + 1.0)).exp();
            let shares: Vec<f64> = (0..600).map(share).collect();
            let degrees = shares.iter().filter(|s| **s * COUNT as f64 > 20.0).count() as f64;
            let found = chi_squared(&values, &shares);
            assert!(found < degrees + 5.0 * (2.0 * degrees).sqrt(), "poisson({rate}): {found} for {degrees} degrees");
        }
    }
}

#[test]
fn rates_that_are_none_give_minus_one() {
    let values = draw(3, |g, k| {
        let rates = g.constant(Tensor::from_vec(&[4], vec![0.0, -1.0, f64::NAN, 1e12])?);
        random::poisson(g, k, rates, &Shape::fixed(&[4]))
    });
    let values = values.values::<i64>().unwrap();
    assert_eq!(values[..3], [0, -1, -1]);
    assert!((values[3] - 1_000_000_000_000).abs() < 6_000_000);
}

#[test]
fn geometric_numbers_count_trials() {
    let values = draw(5, |g, k| {
        let p = g.scalar(DType::F64, 0.3)?;
        random::geometric(g, k, p, &Shape::fixed(&[20_000]))
    })
    .to_f64();
    let shares: Vec<f64> = (0..40).map(|k| if k == 0 { 0.0 } else { 0.3 * 0.7f64.powi(k - 1) }).collect();
    assert!(values.iter().all(|&v| v >= 1.0) && chi_squared(&values, &shares) < 50.0);
    let certain = draw(5, |g, k| {
        let p = g.scalar(DType::F64, 1.0)?;
        random::geometric(g, k, p, &Shape::fixed(&[50]))
    });
    assert_eq!(certain.to_f64(), [1.0; 50]);
}

#[test]
fn weighted_choices_are_different_and_prefer_the_heavy() {
    let (mut first, mut g) = ([0; 3], Graph::new());
    let key = g.input("key", gradframe_ml_core::graph::Type::new(DType::U64, Shape::scalar()));
    let logits = g.constant(Tensor::from_vec(&[3], vec![0.2f64.ln(), 0.5f64.ln(), 0.3f64.ln()]).unwrap());
    let chosen = random::choice_weighted(&mut g, key, logits, &Dim::fixed(2)).unwrap();
    let all = vmap(&Function::new(g, vec![chosen]).unwrap(), &[Some(0)], &Dim::fixed(4000)).unwrap();
    let keys = Tensor::from_vec(&[4000], (0..4000u64).collect()).unwrap();
    for pair in evaluate(&all, &[keys]).unwrap()[0].values::<i64>().unwrap().chunks(2) {
        assert_ne!(pair[0], pair[1]);
        first[pair[0] as usize] += 1;
    }
    for (found, share) in first.iter().zip([0.2, 0.5, 0.3]) {
        assert!((f64::from(*found) / 4000.0 - share).abs() < 0.03, "{first:?}");
    }
}

#[test]
fn dirichlet_numbers_sum_to_one_and_have_their_means() {
    let values = draw(8, |g, k| {
        let alpha = g.constant(Tensor::from_vec(&[3], vec![1.0, 2.0, 5.0])?);
        let alpha = g.broadcast_to(alpha, &Shape::fixed(&[5000, 3]))?;
        random::dirichlet(g, k, alpha)
    })
    .to_f64();
    assert!(values.chunks(3).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    for (column, expected) in [0.125, 0.25, 0.625].into_iter().enumerate() {
        let mean = values.iter().skip(column).step_by(3).sum::<f64>() / 5000.0;
        assert!((mean - expected).abs() < 0.01, "{column}: {mean}");
    }
}
