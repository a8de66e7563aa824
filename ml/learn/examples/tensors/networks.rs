//! Training steps of three networks, float32: sizes as in `shared/bench/peers_ml.py`.

use std::time::{Duration, Instant};

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};
use gradframe_ml_learn::nn::{ConvNet, Gpt, Init, Part, Role, TrainingStep};
use gradframe_ml_learn::optim::{Adam, AdamW, Schedule, Setting};

use crate::Options;
use crate::memory::Resident;
use crate::numbers::{Random, mnist};
use crate::timing::{median_seconds, say};

const RATE: Schedule = Schedule::constant(1e-3);
const BATCH: usize = 128;
const PERCEPTRON: [usize; 4] = [784, 256, 128, 10];
const TOKENS: usize = 65;
const CONTEXT: usize = 64;
const ROWS_OF_TOKENS: usize = 12;
const TOKEN_STEPS: usize = 20;

/// One epoch of a 784-256-128-10 perceptron over 60,000 rows.
pub fn mlp(options: &Options) -> Result<()> {
    let (images, labels) = mnist(options.data.as_deref(), 60_000)?;
    let mut training = perceptron(PERCEPTRON)?;
    let mut random = Random::new(3);
    let next = |picked: &[i64]| Ok(vec![images.clone(), labels.clone(), Tensor::from_vec(&[BATCH], picked.to_vec())?]);
    let seconds = median_seconds(|| {
        let order = random.order(60_000);
        order.chunks_exact(BATCH).try_for_each(|picked| training.step(next(picked)?))
    })?;
    say("mlp epoch", seconds, "s");
    let picked = random.order(60_000);
    training.list_kernels(options, || next(&picked[..BATCH]))
}

/// Memory of its training step.
pub fn mlp_memory(options: &Options) -> Result<()> {
    let (images, labels) = mnist(options.data.as_deref(), 60_000)?;
    let mut random = Random::new(3);
    let mut batch = || {
        let picked = (0..BATCH).map(|_| random.below(60_000) as i64).collect();
        Ok(vec![images.clone(), labels.clone(), Tensor::from_vec(&[BATCH], picked)?])
    };
    memory_of("mlp", || perceptron(PERCEPTRON), &mut batch)
}

fn perceptron(sizes: [usize; 4]) -> Result<Training> {
    let parts = perceptron_parts(sizes);
    let step = TrainingStep { parts: &parts, dtype: DType::F32, rule: &Adam::PUBLISHED, rate: RATE };
    let rows = Dim::symbol("rows");
    let batch = [
        ("images", Type::new(DType::F32, Shape::new([rows.clone(), sizes[0].into()]))),
        ("labels", Type::new(DType::I64, Shape::new([rows]))),
        ("picked", Type::new(DType::I64, Shape::new([Dim::symbol("batch")]))),
    ];
    let function = step.function(&batch, |g, values, x| {
        let (mut hidden, labels) = (g.gather(x[0], x[2], 0)?, g.gather(x[1], x[2], 0)?);
        for layer in 1..sizes.len() {
            let product = g.matmul(hidden, values[&format!("{layer}.weight")])?;
            hidden = g.add(product, values[&format!("{layer}.bias")])?;
            hidden = if layer + 1 < sizes.len() { g.relu(hidden)? } else { hidden };
        }
        mean_cross_entropy(g, hidden, labels)
    })?;
    Training::new(&function, step.first_state(1)?)
}

fn perceptron_parts(sizes: [usize; 4]) -> Vec<Part> {
    let part = |name: String, shape: Vec<usize>, init, role| Part { name, shape, init, role };
    let layer = |(i, sizes): (usize, &[usize])| {
        let weights = Init::Uniform { limit: (6.0 / sizes[0] as f64).sqrt() };
        [
            part(format!("{}.weight", i + 1), sizes.to_vec(), weights, Role::Weight),
            part(format!("{}.bias", i + 1), vec![sizes[1]], Init::Zeros, Role::Offset),
        ]
    };
    sizes.windows(2).enumerate().flat_map(layer).collect()
}

/// A hundred steps of a convolutional network on images of MNIST.
pub fn cnn(options: &Options) -> Result<()> {
    const STEPS: usize = 100;
    let (images, labels) = mnist(options.data.as_deref(), STEPS * BATCH)?;
    let mut training = convolutions()?;
    let part = |i: usize| Ok(vec![rows(&images, i * BATCH, &[BATCH, 1, 28, 28])?, rows(&labels, i * BATCH, &[BATCH])?]);
    let seconds = median_seconds(|| (0..STEPS).try_for_each(|i| training.step(part(i)?)))?;
    say("cnn 100 steps", seconds, "s");
    training.list_kernels(options, || part(0))
}

/// Memory of its training step.
pub fn cnn_memory(options: &Options) -> Result<()> {
    let (images, labels) = mnist(options.data.as_deref(), BATCH)?;
    let mut batch = || Ok(vec![rows(&images, 0, &[BATCH, 1, 28, 28])?, rows(&labels, 0, &[BATCH])?]);
    memory_of("cnn", convolutions, &mut batch)
}

fn convolutions() -> Result<Training> {
    let net = ConvNet { image: [1, 28, 28], channels: vec![32, 64], hidden: 128, classes: 10 };
    let parts = net.parts();
    let step = TrainingStep { parts: &parts, dtype: DType::F32, rule: &Adam::PUBLISHED, rate: RATE };
    let batch = || Dim::symbol("batch");
    let types = [
        ("images", Type::new(DType::F32, Shape::new([batch(), 1.into(), 28.into(), 28.into()]))),
        ("labels", Type::new(DType::I64, Shape::new([batch()]))),
    ];
    let function = step.function(&types, |g, values, x| {
        let scores = net.scores(g, values, x[0])?;
        mean_cross_entropy(g, scores, x[1])
    })?;
    Training::new(&function, step.first_state(1)?)
}

/// Rows from `first` on, where they lie.
fn rows(of: &Tensor, first: usize, shape: &[usize]) -> Result<Tensor> {
    let row = of.shape()[1..].iter().product::<usize>() * of.dtype().size_bytes();
    Tensor::try_new(of.dtype(), shape, of.buffer().slice_with_length(first * row, shape[0] * row))
}

/// Steps of a GPT over characters.
pub fn gpt(options: &Options) -> Result<()> {
    let (mut training, mut batch) = (transformer()?, tokens());
    let seconds = median_seconds(|| (0..TOKEN_STEPS).try_for_each(|_| training.step(batch()?)))?;
    say("gpt training", (TOKEN_STEPS * ROWS_OF_TOKENS * CONTEXT) as f64 / seconds, "tokens/s");
    training.list_kernels(options, batch)
}

/// Memory of its training step.
pub fn gpt_memory(_: &Options) -> Result<()> {
    memory_of("gpt", transformer, &mut tokens())
}

fn transformer() -> Result<Training> {
    let parts = gpt_net().parts();
    Training::new(&gpt_step()?, gpt_training(&parts).first_state(1)?)
}

/// Batches of a text that is made up.
fn tokens() -> impl FnMut() -> Result<Vec<Tensor>> {
    let mut random = Random::new(5);
    let text: Vec<i64> = (0..200_000).map(|_| random.below(TOKENS) as i64).collect();
    move || {
        let (mut seen, mut next) = (Vec::new(), Vec::new());
        for _ in 0..ROWS_OF_TOKENS {
            let at = random.below(text.len() - CONTEXT - 1);
            seen.extend_from_slice(&text[at..at + CONTEXT]);
            next.extend_from_slice(&text[at + 1..=at + CONTEXT]);
        }
        let shape = [ROWS_OF_TOKENS, CONTEXT];
        Ok(vec![Tensor::from_vec(&shape, seen)?, Tensor::from_vec(&shape, next)?])
    }
}

fn gpt_net() -> Gpt {
    Gpt { vocabulary: TOKENS, context: CONTEXT, width: 128, heads: 4, layers: 4 }
}

fn gpt_training(parts: &[Part]) -> TrainingStep<'_> {
    const RULE: AdamW = AdamW { adam: Adam::PUBLISHED, weight_decay: Setting::Known(0.01) };
    TrainingStep { parts, dtype: DType::F32, rule: &RULE, rate: RATE }
}

/// The step of the GPT, as its users record it.
pub fn gpt_step() -> Result<Function> {
    let (net, parts) = (gpt_net(), gpt_net().parts());
    let tokens = || Type::new(DType::I64, Shape::new([Dim::symbol("batch"), CONTEXT.into()]));
    gpt_training(&parts).function(&[("tokens", tokens()), ("next", tokens())], |g, values, x| {
        let scores = net.scores(g, values, x[0])?;
        mean_cross_entropy(g, scores, x[1])
    })
}

fn mean_cross_entropy(g: &mut Graph, scores: NodeId, labels: NodeId) -> Result<NodeId> {
    let losses = g.cross_entropy(scores, labels)?;
    g.mean_all(losses)
}

/// A step of a tiny network, as the peers take one: what a process loads and starts once is not what the network takes.
fn warm_up() -> Result<()> {
    let mut training = perceptron([8; 4])?;
    let images = Tensor::from_vec(&[8, 8], vec![0.5f32; 64])?;
    training.step(vec![images, Tensor::from_vec(&[8], vec![1i64; 8])?, Tensor::from_vec(&[2], vec![0i64, 7])?])
}

/// What a network takes, compiled and trained for some steps, above what the process held before.
fn memory_of(name: &str, make: impl Fn() -> Result<Training>, batch: &mut dyn FnMut() -> Result<Vec<Tensor>>) -> Result<()> {
    const STEPS: usize = 20;
    warm_up()?;
    let start = Resident::now();
    let mut training = make()?;
    for _ in 0..STEPS {
        training.step(batch()?)?;
    }
    say(&format!("{name} memory"), start.peak_above_mb(), "MB");
    Ok(())
}

/// A training under way: its state goes from step to step in place.
struct Training {
    program: Program,
    state: Vec<Tensor>,
    scratch: Scratch,
}

impl Training {
    fn new(function: &Function, state: Vec<Tensor>) -> Result<Self> {
        Ok(Training { program: compile(function)?, state, scratch: Scratch::new() })
    }

    fn step(&mut self, batch: Vec<Tensor>) -> Result<()> {
        let mut arguments = std::mem::take(&mut self.state);
        arguments.extend(batch);
        self.state = self.program.run_owned(arguments, &mut self.scratch, Threads::Pool)?;
        self.state.pop(); // the loss
        Ok(())
    }

    /// What each kernel of a step takes at its fastest, on one thread.
    fn list_kernels(&mut self, options: &Options, mut batch: impl FnMut() -> Result<Vec<Tensor>>) -> Result<()> {
        if !options.kernels {
            return Ok(());
        }
        let fastest = self.fastest(Threads::One, &mut batch)?;
        let on_all = self.fastest(Threads::Pool, &mut batch)?;
        let total: Duration = fastest.iter().sum();
        let (one, all) = (1e3 * total.as_secs_f64(), 1e3 * on_all.iter().sum::<Duration>().as_secs_f64());
        println!("# {one:.3} ms a step on one thread, {all:.3} on all; each kernel on one and on all:");
        let mut order: Vec<usize> = (0..fastest.len()).collect();
        order.sort_by_key(|&kernel| std::cmp::Reverse(fastest[kernel]));
        for kernel in order {
            let line = self.program.kernels()[kernel].to_string();
            let writes: Vec<String> = self.program.kernels()[kernel]
                .writes()
                .iter()
                .map(|b| self.program.schedule().buffers[b.index()].shape.to_string())
                .collect();
            let (ms, share) = (1e3 * fastest[kernel].as_secs_f64(), fastest[kernel].div_duration_f64(total));
            let first = line.lines().next().unwrap_or_default();
            let all = 1e3 * on_all[kernel].as_secs_f64();
            println!("# {ms:>8.3} {all:>8.3} ms {:>5.1} %  {kernel}: {} = {first}", 100.0 * share, writes.join(" "));
        }
        Ok(())
    }

    /// What each kernel takes at its fastest.
    fn fastest(&mut self, threads: Threads, batch: &mut impl FnMut() -> Result<Vec<Tensor>>) -> Result<Vec<Duration>> {
        let mut fastest = vec![Duration::MAX; self.program.kernels().len()];
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            let mut arguments = std::mem::take(&mut self.state);
            arguments.extend(batch()?);
            let seen = &mut |kernel: usize, time: Duration| fastest[kernel] = fastest[kernel].min(time);
            self.state = self.program.run_timed(arguments, &mut self.scratch, threads, seen)?;
            self.state.pop();
        }
        Ok(fastest)
    }
}
