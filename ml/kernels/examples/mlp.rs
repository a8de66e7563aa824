//! One epoch of a multilayer perceptron on MNIST, 784-256-128-10, ReLU, cross entropy, Adam, batches of 128, float32:
//! forward, backward and update are one program, and the state goes from step to step in place.
//!
//! `cargo run --release -p gradframe-ml-kernels --example mlp -- FOLDER [--epochs 5] [--kernels]`, where FOLDER holds
//! `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, unpacked. Without a folder the images are made up.
//! Prints `mlp mnist epoch | gradframe | seconds | s`, the median epoch; `--kernels` lists where the time goes.

use std::time::{Duration, Instant};
use std::{env, fs, process};

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Program, Scratch, Threads, compile};

const LAYERS: [(usize, usize); 3] = [(784, 256), (256, 128), (128, 10)];
const BATCH: usize = 128;
const ROWS: usize = 60_000;
/// Weights and biases.
const PARAMETERS: usize = 2 * LAYERS.len();
/// Parameters, first and second moments, step number.
const STATE: usize = 3 * PARAMETERS + 1;

fn main() -> Result<()> {
    let options = Options::parse();
    let (images, labels) = options.folder.as_deref().map_or_else(made_up, read)?;
    let start = Instant::now();
    let program = compile(&step()?)?;
    eprintln!("# compiled in {:.1} ms: {} kernels", 1e3 * start.elapsed().as_secs_f64(), program.kernels().len());
    if options.kernels {
        eprintln!("{program}");
    }
    let mut training = Training {
        program,
        images,
        labels,
        state: initial()?,
        scratch: Scratch::new(),
        order: Order::new(),
        threads: Threads::Pool,
    };
    training.epoch(None)?; // warms up
    let mut seconds = Vec::new();
    for _ in 0..options.epochs {
        let start = Instant::now();
        let loss = training.epoch(None)?;
        seconds.push(start.elapsed().as_secs_f64());
        eprintln!("# epoch {:.3} s, mean loss {loss:.4}", seconds[seconds.len() - 1]);
    }
    seconds.sort_by(f64::total_cmp);
    println!("mlp mnist epoch | gradframe | {:.4} | s", seconds[seconds.len() / 2]);
    println!("mlp mnist epoch, fastest | gradframe | {:.4} | s", seconds[0]);
    if options.kernels { training.list_kernels() } else { Ok(()) }
}

struct Options {
    folder: Option<String>,
    epochs: usize,
    kernels: bool,
}

impl Options {
    fn parse() -> Self {
        let mut options = Options { folder: None, epochs: 5, kernels: false };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--kernels" => options.kernels = true,
                "--epochs" => options.epochs = words.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0).unwrap_or_else(usage),
                _ if !word.starts_with('-') => options.folder = Some(word),
                _ => usage(),
            }
        }
        options
    }
}

fn usage<T>() -> T {
    eprintln!("usage: mlp [FOLDER] [--epochs N] [--kernels]");
    process::exit(2)
}

struct Training {
    program: Program,
    images: Tensor,
    labels: Tensor,
    state: Vec<Tensor>,
    scratch: Scratch,
    order: Order,
    threads: Threads,
}

impl Training {
    /// The mean loss of an epoch; `seen` is told how long each kernel took.
    fn epoch(&mut self, mut seen: Option<&mut (dyn FnMut(usize, Duration) + Send)>) -> Result<f64> {
        let rows = self.order.shuffled();
        let mut total = 0.0;
        let batches = rows.chunks_exact(BATCH);
        let count = batches.len();
        for batch in batches {
            let mut arguments = std::mem::take(&mut self.state);
            arguments.extend([self.images.clone(), self.labels.clone(), Tensor::from_vec(&[BATCH], batch.to_vec())?]);
            let mut results = match &mut seen {
                Some(seen) => self.program.run_timed(arguments, &mut self.scratch, self.threads, *seen)?,
                None => self.program.run_owned(arguments, &mut self.scratch, self.threads)?,
            };
            total += results.pop().map_or(0.0, |loss| loss.to_f64()[0]);
            self.state = results;
        }
        Ok(total / count as f64)
    }

    /// What each kernel takes of an epoch on one thread, were it always as fast as at its fastest: a figure that other
    /// work on the machine hardly moves.
    fn list_kernels(mut self) -> Result<()> {
        let mut fastest = vec![Duration::MAX; self.program.kernels().len()];
        self.threads = Threads::One;
        self.epoch(Some(&mut |kernel, time| fastest[kernel] = fastest[kernel].min(time)))?;
        let steps = (ROWS / BATCH) as u32;
        let total: Duration = fastest.iter().sum();
        println!("mlp mnist epoch, one thread, fastest kernels | gradframe | {:.4} | s", (total * steps).as_secs_f64());
        let mut order: Vec<usize> = (0..fastest.len()).collect();
        order.sort_by_key(|&kernel| std::cmp::Reverse(fastest[kernel]));
        for kernel in order {
            let line = self.program.kernels()[kernel].to_string();
            let (ms, share) = (1e3 * (fastest[kernel] * steps).as_secs_f64(), fastest[kernel].div_duration_f64(total));
            println!("{ms:>8.2} ms {:>5.1} %  {kernel}: {}", 100.0 * share, line.lines().next().unwrap_or_default());
        }
        Ok(())
    }
}

/// One step: state, all images and labels, the rows of the batch -> state, mean loss.
fn step() -> Result<Function> {
    let mut g = Graph::new();
    let f32s = |dims: Vec<Dim>| Type::new(DType::F32, Shape::new(dims));
    let mut state = Vec::new();
    for name in ["", "m_", "v_"] {
        for (layer, (inputs, outputs)) in LAYERS.into_iter().enumerate() {
            state.push(g.input(&format!("{name}w{layer}"), f32s(vec![inputs.into(), outputs.into()])));
            state.push(g.input(&format!("{name}b{layer}"), f32s(vec![outputs.into()])));
        }
    }
    let step = g.input("step", f32s(vec![]));
    let rows = Dim::symbol("rows");
    let images = g.input("images", f32s(vec![rows.clone(), LAYERS[0].0.into()]));
    let labels = g.input("labels", Type::new(DType::I64, Shape::new([rows])));
    let batch = g.input("batch", Type::new(DType::I64, Shape::new([Dim::symbol("batch")])));
    let (x, y) = (g.gather(images, batch, 0)?, g.gather(labels, batch, 0)?);
    let loss = mean_loss(&mut g, &state[..PARAMETERS], x, y)?;
    let (loss, gradients) = g.value_and_gradients(loss, &state[..PARAMETERS])?;
    let mut outputs = adam(&mut g, &state, &gradients, step)?;
    outputs.push(loss);
    Function::new(g, outputs)
}

fn mean_loss(g: &mut Graph, parameters: &[NodeId], x: NodeId, y: NodeId) -> Result<NodeId> {
    let mut hidden = x; // [batch, inputs]
    for (layer, weights) in parameters.chunks(2).enumerate() {
        let product = g.matmul(hidden, weights[0])?;
        let sum = g.add(product, weights[1])?;
        hidden = if layer + 1 < LAYERS.len() { g.relu(sum)? } else { sum };
    }
    let logs = g.log_softmax(hidden, 1)?; // [batch, classes]
    let marks = g.one_hot(y, &Dim::fixed(LAYERS[2].1), DType::F32)?;
    let picked = g.mul(logs, marks)?;
    let by_row = g.sum(picked, &[1])?;
    let mean = g.mean_all(by_row)?;
    g.neg(mean)
}

/// Source: Kingma and Ba 2015, algorithm 1.
fn adam(g: &mut Graph, state: &[NodeId], gradients: &[NodeId], step: NodeId) -> Result<Vec<NodeId>> {
    let number = |g: &mut Graph, value: f64| g.scalar(DType::F32, value);
    let (one, rate, epsilon) = (number(g, 1.0)?, number(g, 1e-3)?, number(g, 1e-8)?);
    let next = g.add(step, one)?;
    let mut corrections = Vec::new();
    for beta in [0.9, 0.999] {
        let beta = number(g, beta)?;
        let power = g.pow(beta, next)?;
        let left = g.sub(one, power)?;
        corrections.push(g.div(one, left)?);
    }
    let scale = g.mul(rate, corrections[0])?;
    let mut outputs = [Vec::new(), Vec::new(), Vec::new()];
    for (i, &gradient) in gradients.iter().enumerate() {
        let (p, m, v) = (state[i], state[PARAMETERS + i], state[2 * PARAMETERS + i]);
        let m = moving_mean(g, m, gradient, 0.9)?;
        let square = g.mul(gradient, gradient)?;
        let v = moving_mean(g, v, square, 0.999)?;
        let unbiased = g.mul(v, corrections[1])?;
        let root = g.sqrt(unbiased)?;
        let below = g.add(root, epsilon)?;
        let above = g.mul(m, scale)?;
        let change = g.div(above, below)?;
        let p = g.sub(p, change)?;
        [p, m, v].into_iter().zip(&mut outputs).for_each(|(o, outputs)| outputs.push(o));
    }
    Ok(outputs.into_iter().flatten().chain([next]).collect())
}

fn moving_mean(g: &mut Graph, mean: NodeId, value: NodeId, kept: f64) -> Result<NodeId> {
    let (kept, taken) = (g.scalar(DType::F32, kept)?, g.scalar(DType::F32, 1.0 - kept)?);
    let (old, new) = (g.mul(mean, kept)?, g.mul(value, taken)?);
    g.add(old, new)
}

/// Weights by He's rule, everything else zero.
fn initial() -> Result<Vec<Tensor>> {
    let mut state = Vec::with_capacity(STATE);
    let mut random = Order::new();
    for part in 0..3 {
        for (inputs, outputs) in LAYERS {
            let spread = (6.0 / inputs as f64).sqrt();
            let mut weight = || if part == 0 { (spread * (2.0 * random.uniform() - 1.0)) as f32 } else { 0.0 };
            state.push(Tensor::from_vec(&[inputs, outputs], (0..inputs * outputs).map(|_| weight()).collect())?);
            state.push(Tensor::from_vec(&[outputs], vec![0f32; outputs])?);
        }
    }
    state.push(Tensor::scalar(0f32));
    Ok(state)
}

/// A shuffled order of rows, by xorshift.
struct Order(u64);

impl Order {
    fn new() -> Self {
        Order(0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn shuffled(&mut self) -> Vec<i64> {
        let mut rows: Vec<i64> = (0..ROWS as i64).collect();
        for i in (1..ROWS).rev() {
            rows.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
        rows
    }
}

fn read(folder: &str) -> Result<(Tensor, Tensor)> {
    let bytes = |name: &str, header: usize| {
        let path = format!("{folder}/{name}");
        let bytes = fs::read(&path).unwrap_or_else(|e| {
            eprintln!("mlp: {path}: {e}");
            process::exit(1)
        });
        bytes.into_iter().skip(header)
    };
    let images = bytes("train-images-idx3-ubyte", 16).map(|b| f32::from(b) / 255.0).collect();
    let labels = bytes("train-labels-idx1-ubyte", 8).map(i64::from).collect();
    Ok((Tensor::from_vec(&[ROWS, LAYERS[0].0], images)?, Tensor::from_vec(&[ROWS], labels)?))
}

fn made_up() -> Result<(Tensor, Tensor)> {
    let mut random = Order::new();
    let images = (0..ROWS * LAYERS[0].0).map(|_| (random.uniform() - 0.8).max(0.0) as f32).collect();
    let labels = (0..ROWS as i64).map(|i| i % 10).collect();
    Ok((Tensor::from_vec(&[ROWS, LAYERS[0].0], images)?, Tensor::from_vec(&[ROWS], labels)?))
}
