//! What networks reach on real data, in minutes: run by hand, in release,
//! `cargo test --release -p gradframe-ml-learn --test main convergence -- --ignored --nocapture`.
//!
//! The data are those of `GRADFRAME_DATA`, else `../shared/data`. Figures: docs/performance.md.

use std::path::PathBuf;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};
use gradframe_ml_learn::nn::{ConvNet, Gpt, TrainingStep, Values};
use gradframe_ml_learn::optim::{Adam, AdamW, Decay, Schedule, Setting};

const BATCH: usize = 128;
const CONTEXT: usize = 64;
const ROWS_OF_TOKENS: usize = 12;
const TOKEN_STEPS: usize = 2000;

fn data(path: &str) -> Vec<u8> {
    let folder = std::env::var_os("GRADFRAME_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let bytes = std::fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path} in {}: {error}", folder.display()));
    if path.ends_with(".gz") { inflated(&bytes) } else { bytes }
}

/// The content of a gzip file with no more than a name in its header. Source: RFC 1952.
fn inflated(bytes: &[u8]) -> Vec<u8> {
    let named = bytes[3] & 8 != 0;
    let start = if named { 11 + bytes[10..].iter().position(|&b| b == 0).unwrap() } else { 10 };
    miniz_oxide::inflate::decompress_to_vec(&bytes[start..]).unwrap()
}

/// Images f32 [rows, 1, 28, 28] and labels.
fn mnist(part: &str) -> (Vec<f32>, Vec<i64>) {
    let images = data(&format!("vision/mnist/{part}-images-idx3-ubyte.gz"));
    let labels = data(&format!("vision/mnist/{part}-labels-idx1-ubyte.gz"));
    (images[16..].iter().map(|&b| f32::from(b) / 255.0).collect(), labels[8..].iter().map(|&b| i64::from(b)).collect())
}

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize
}

fn mean_cross_entropy(g: &mut Graph, scores: NodeId, labels: NodeId) -> Result<NodeId> {
    let losses = g.cross_entropy(scores, labels)?;
    g.mean_all(losses)
}

/// The parts, then a batch, to what `build` makes of it.
fn evaluation(
    step: &TrainingStep,
    batch: &[Type],
    build: impl FnOnce(&mut Graph, &Values, &[NodeId]) -> Result<NodeId>,
) -> Program {
    let mut g = Graph::new();
    let part = |g: &mut Graph, name: &str, shape: &[usize]| g.input(name, Type::new(DType::F32, Shape::fixed(shape)));
    let values: Values = step.parts.iter().map(|p| (p.name.clone(), part(&mut g, &p.name, &p.shape))).collect();
    let batch: Vec<NodeId> = batch.iter().map(|ty| g.input("batch", ty.clone())).collect();
    let result = build(&mut g, &values, &batch).unwrap();
    compile(&Function::new(g, vec![result]).unwrap()).unwrap()
}

#[test]
#[ignore = "takes minutes"]
fn a_convolutional_network_reads_digits() {
    let net = ConvNet { image: [1, 28, 28], channels: vec![32, 64], hidden: 128, classes: 10 };
    let (parts, (images, labels)) = (net.parts(), mnist("train"));
    let rule = Adam::PUBLISHED;
    let step = TrainingStep { parts: &parts, dtype: DType::F32, rule: &rule, rate: Schedule::constant(1e-3) };
    let image = Type::new(DType::F32, Shape::new([Dim::symbol("batch"), 1.into(), 28.into(), 28.into()]));
    let label = Type::new(DType::I64, Shape::new([Dim::symbol("batch")]));
    let function = step.function(&[("images", image.clone()), ("labels", label)], |g, values, x| {
        let scores = net.scores(g, values, x[0])?;
        mean_cross_entropy(g, scores, x[1])
    });
    let (program, mut scratch) = (compile(&function.unwrap()).unwrap(), Scratch::new());
    let mut state = step.first_state(1).unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15;
    for epoch in 1..=3 {
        let mut order: Vec<usize> = (0..labels.len()).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, next(&mut random) % (i + 1)));
        for rows in order.chunks_exact(BATCH) {
            let picked = rows.iter().flat_map(|&row| images[row * 784..][..784].iter().copied()).collect();
            state.push(Tensor::from_vec(&[BATCH, 1, 28, 28], picked).unwrap());
            state.push(Tensor::from_vec(&[BATCH], rows.iter().map(|&row| labels[row]).collect()).unwrap());
            state = program.run_owned(state, &mut scratch, Threads::Pool).unwrap();
            state.pop();
        }
        println!("epoch {epoch} done");
    }
    let scores = evaluation(&step, &[image], |g, values, x| {
        let scores = net.scores(g, values, x[0])?;
        g.argmax(scores, 1)
    });
    let (images, labels) = mnist("t10k");
    let mut arguments = state[..parts.len()].to_vec();
    arguments.push(Tensor::from_vec(&[labels.len(), 1, 28, 28], images).unwrap());
    let read = scores.run(&arguments).unwrap();
    let hits = read[0].values::<i64>().unwrap().iter().zip(&labels).filter(|(a, b)| a == b).count();
    println!("accuracy {:.2} %", hits as f64 / 100.0);
    assert!(hits >= 9870, "{hits} of 10,000");
}

#[test]
#[ignore = "takes minutes"]
fn a_gpt_writes_like_shakespeare() {
    let text = data("text/tinyshakespeare/data/tinyshakespeare/input.txt");
    let mut letters: Vec<u8> = text.clone();
    letters.sort_unstable();
    letters.dedup();
    let codes: Vec<i64> = text.iter().map(|b| letters.binary_search(b).unwrap() as i64).collect();
    let (seen, held_back) = codes.split_at(codes.len() * 9 / 10);
    let net = Gpt { vocabulary: letters.len(), context: CONTEXT, width: 128, heads: 4, layers: 4 };
    let parts = net.parts();
    let adam = Adam { beta_2: Setting::Known(0.99), ..Adam::PUBLISHED };
    let rule = AdamW { adam, weight_decay: Setting::Known(0.1) };
    let rate = Schedule { rate: 2e-3, warmup_steps: 100.0, decay: Decay::Cosine { steps: TOKEN_STEPS as f64 } };
    let step = TrainingStep { parts: &parts, dtype: DType::F32, rule: &rule, rate };
    let tokens = || Type::new(DType::I64, Shape::new([Dim::symbol("batch"), CONTEXT.into()]));
    let loss = |g: &mut Graph, values: &Values, x: &[NodeId]| {
        let scores = net.scores(g, values, x[0])?;
        mean_cross_entropy(g, scores, x[1])
    };
    let (program, mut scratch) =
        (compile(&step.function(&[("tokens", tokens()), ("next", tokens())], loss).unwrap()).unwrap(), Scratch::new());
    let mut state = step.first_state(1).unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15;
    let rows = |starts: Vec<usize>, of: &[i64]| {
        let part = |ahead: usize| {
            let all = starts.iter().flat_map(|&at| of[at + ahead..][..CONTEXT].iter().copied()).collect();
            Tensor::from_vec(&[starts.len(), CONTEXT], all).unwrap()
        };
        [part(0), part(1)]
    };
    for at in 1..=TOKEN_STEPS {
        let starts = (0..ROWS_OF_TOKENS).map(|_| next(&mut random) % (seen.len() - CONTEXT - 1)).collect();
        state.extend(rows(starts, seen));
        state = program.run_owned(state, &mut scratch, Threads::Pool).unwrap();
        let loss = state.pop().unwrap().to_f64()[0];
        if at % 500 == 0 {
            println!("step {at}: {loss:.3}");
        }
    }
    let evaluation = evaluation(&step, &[tokens(), tokens()], loss);
    let starts: Vec<usize> = (0..held_back.len() - CONTEXT - 1).step_by(CONTEXT).collect();
    let (mut total, mut count) = (0.0, 0);
    for starts in starts.chunks_exact(64) {
        let mut arguments = state[..parts.len()].to_vec();
        arguments.extend(rows(starts.to_vec(), held_back));
        total += evaluation.run(&arguments).unwrap()[0].to_f64()[0];
        count += 1;
    }
    let loss = total / f64::from(count);
    println!("loss on what was held back: {loss:.3}");
    assert!(loss <= 1.95, "{loss}");
}
