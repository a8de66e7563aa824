//! Training curves from the same weights and batches as PyTorch's in `curves.json` (made by `curves.py`).

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads, compile};
use gradframe_ml_learn::nn::{ConvNet, Gpt, Init, Part, Role, TrainingStep, Values};
use gradframe_ml_learn::optim::{Adam, AdamW, Schedule, Setting, UpdateRule};
use serde_json::Value;

use crate::reference::floats;

const ADAM: Adam = Adam::PUBLISHED;
const DECAYED: AdamW = AdamW { adam: ADAM, weight_decay: Setting::Known(0.1) };
const RATE: Schedule = Schedule::constant(1e-2);
/// Different batches, which come again and again.
const BATCHES: usize = 8;

type Loss = Box<dyn Fn(&mut Graph, &Values, &[NodeId]) -> Result<NodeId>>;

/// A network, and the batches that it sees.
struct Case {
    name: &'static str,
    parts: Vec<Part>,
    rule: &'static dyn UpdateRule,
    /// Types of a batch, the floats being f64.
    batch: Vec<Type>,
    loss: Loss,
    at_step: fn(usize) -> Vec<Tensor>,
}

/// Numbers in 0 .. 1: the bits of `seed` and place, mixed as in Wellons' lowbias32.
fn numbers(seed: usize, count: usize) -> Vec<f64> {
    let mixed = |place: usize| {
        let mut x = (place + seed * 0x9E37_79B9) as u32;
        x ^= x >> 16;
        x = x.wrapping_mul(0x7FEB_352D);
        x ^= x >> 15;
        x = x.wrapping_mul(0x846C_A68B);
        f64::from(x ^ (x >> 16)) / 2f64.powi(32)
    };
    (0..count).map(mixed).collect()
}

fn between(seed: usize, shape: &[usize], low: f64, high: f64) -> Tensor {
    let values = numbers(seed, shape.iter().product()).into_iter().map(|u| low + (high - low) * u);
    Tensor::from_vec(shape, values.collect()).unwrap()
}

fn below(seed: usize, shape: &[usize], count: usize) -> Tensor {
    let values = numbers(seed, shape.iter().product()).into_iter().map(|u| (u * count as f64) as i64);
    Tensor::from_vec(shape, values.collect()).unwrap()
}

/// First values: scales around 1, shifts and biases around 0, weights by the square root of their inputs.
fn parameters(parts: &[Part]) -> Vec<Tensor> {
    let value = |(seed, part): (usize, &Part)| {
        let inputs = if part.name.starts_with("conv") { part.shape[1..].iter().product() } else { part.shape[0] };
        let (middle, reach) = match part.shape.len() {
            1 if part.name.ends_with("scale") => (1.0, 0.1),
            1 => (0.0, 0.1),
            _ => (0.0, (3.0 / inputs as f64).sqrt()),
        };
        between(1000 + seed, &part.shape, middle - reach, middle + reach)
    };
    parts.iter().enumerate().map(value).collect()
}

fn curve(case: &Case, dtype: DType, steps: usize) -> Vec<f64> {
    let step = TrainingStep { parts: &case.parts, dtype, rule: case.rule, rate: RATE };
    let narrowed = |x: Tensor| if x.dtype().is_float() { x.cast(dtype).unwrap() } else { x };
    let types: Vec<(&str, Type)> = case
        .batch
        .iter()
        .map(|ty| ("batch", ty.clone()))
        .map(|(name, mut ty)| {
            ty.dtype = if ty.dtype.is_float() { dtype } else { ty.dtype };
            (name, ty)
        })
        .collect();
    let function = step.function(&types, |g, values, x| (case.loss)(g, values, x)).unwrap();
    let program = compile(&function).unwrap();
    let mut scratch = Scratch::new();
    let mut state = step.state_of(parameters(&case.parts).into_iter().map(narrowed).collect()).unwrap();
    let mut losses = Vec::new();
    for step in 0..steps {
        state.extend((case.at_step)(step % BATCHES).into_iter().map(narrowed));
        state = program.run_owned(state, &mut scratch, Threads::One).unwrap();
        losses.push(state.pop().unwrap().to_f64()[0]);
    }
    losses
}

fn assert_follows(case: &Case) {
    let reference: Value = serde_json::from_str(include_str!("curves.json")).unwrap();
    let expected = floats(&reference[case.name]);
    assert_eq!(expected.len(), 100);
    for (dtype, tolerance) in [(DType::F64, 1e-8), (DType::F32, 1e-3)] {
        let losses = curve(case, dtype, expected.len());
        for (step, (ours, theirs)) in losses.iter().zip(&expected).enumerate() {
            assert!(
                (ours - theirs).abs() <= tolerance * theirs.abs(),
                "{} {dtype}, step {step}: {ours}, not {theirs}",
                case.name
            );
        }
    }
}

fn mean_cross_entropy(g: &mut Graph, scores: NodeId, labels: NodeId) -> Result<NodeId> {
    let losses = g.cross_entropy(scores, labels)?;
    g.mean_all(losses)
}

fn floats_of(shape: &[usize]) -> Type {
    Type::new(DType::F64, Shape::new(std::iter::once(Dim::symbol("batch")).chain(shape.iter().map(|&n| n.into()))))
}

fn labels() -> Type {
    Type::new(DType::I64, Shape::new([Dim::symbol("batch")]))
}

#[test]
fn a_perceptron_learns_as_pytorchs_does() {
    let sizes = [20, 32, 16, 5];
    let mut parts = Vec::new();
    for (i, layer) in sizes.windows(2).enumerate() {
        let part =
            |name: &str, shape: Vec<usize>, role| Part { name: format!("{}.{name}", i + 1), shape, init: Init::Zeros, role };
        parts.push(part("weight", layer.to_vec(), Role::Weight));
        parts.push(part("bias", vec![layer[1]], Role::Offset));
    }
    assert_follows(&Case {
        name: "perceptron",
        parts,
        rule: &ADAM,
        batch: vec![floats_of(&[20]), labels()],
        loss: Box::new(|g, values, x| {
            let mut hidden = x[0];
            for layer in 1..=3 {
                let product = g.matmul(hidden, values[&format!("{layer}.weight")])?;
                hidden = g.add(product, values[&format!("{layer}.bias")])?;
                hidden = if layer < 3 { g.relu(hidden)? } else { hidden };
            }
            mean_cross_entropy(g, hidden, x[1])
        }),
        at_step: |step| vec![between(10 * step, &[24, 20], -1.0, 1.0), below(10 * step + 1, &[24], 5)],
    });
}

#[test]
fn a_convolutional_network_learns_as_pytorchs_does() {
    let net = ConvNet { image: [2, 14, 13], channels: vec![4, 6], hidden: 16, classes: 5 };
    assert_follows(&Case {
        name: "convolutional",
        parts: net.parts(),
        rule: &ADAM,
        batch: vec![floats_of(&[2, 14, 13]), labels()],
        loss: Box::new(move |g, values, x| {
            let scores = net.scores(g, values, x[0])?;
            mean_cross_entropy(g, scores, x[1])
        }),
        at_step: |step| vec![between(10 * step, &[8, 2, 14, 13], -1.0, 1.0), below(10 * step + 1, &[8], 5)],
    });
}

#[test]
fn a_gpt_learns_as_pytorchs_does() {
    let net = Gpt { vocabulary: 11, context: 12, width: 16, heads: 2, layers: 2 };
    let tokens = Type::new(DType::I64, Shape::new([Dim::symbol("batch"), 13.into()]));
    assert_follows(&Case {
        name: "gpt",
        parts: net.parts(),
        rule: &DECAYED,
        batch: vec![tokens],
        loss: Box::new(move |g, values, x| {
            let (seen, next) = (g.slice_axis(x[0], 1, 0, 12.into())?, g.slice_axis(x[0], 1, 1, 13.into())?);
            let scores = net.scores(g, values, seen)?;
            mean_cross_entropy(g, scores, next)
        }),
        at_step: |step| vec![below(10 * step, &[4, 13], 11)],
    });
}
