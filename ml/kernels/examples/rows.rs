//! How long rows, reductions, chains, scans and sorts take against a plain copy of the same bytes, float32:
//! `cargo run --release -p gradframe-ml-kernels --example rows [-- --pool]`.
//!
//! Prints `task | gradframe | milliseconds | ms | share of copy`: the fastest of several runs. On one thread it is the
//! time that the thread spent on a processor, so that other work on the machine hardly moves it; with `--pool` it is the
//! time that passed, on all threads. The share is what a copy that reads and writes as many bytes would take.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::grad;
use gradframe_ml_core::{DType, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads, compile};

const ROWS: usize = 8192;
const COLUMNS: usize = 1024;
const ELEMENTS: usize = ROWS * COLUMNS;
const CHAIN_ELEMENTS: usize = 16 << 20;
const SORTED: usize = 10_000_000;
const REPEATS: usize = 5;
const BATCH: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let threads = if std::env::args().any(|a| a == "--pool") { Threads::Pool } else { Threads::One };
    let bench = Bench { threads, seconds_per_byte: copy_seconds_per_byte()? };
    println!("copy | memcpy | {:.1} | GB/s", 1e-9 / bench.seconds_per_byte);
    bench.rows()?;
    bench.reductions()?;
    bench.chain()?;
    bench.orders()
}

struct Bench {
    threads: Threads,
    /// Of a copy, for each byte read or written.
    seconds_per_byte: f64,
}

type Build = fn(&mut Graph, NodeId) -> Result<NodeId>;

impl Bench {
    fn rows(&self) -> Result<()> {
        let cases: [(&str, Build); 4] = [
            ("softmax", |g, x| g.softmax(x, 1)),
            ("log_softmax", |g, x| g.log_softmax(x, 1)),
            ("layer norm", |g, x| g.layer_norm(x, 1, None, None, 1e-5)),
            ("rms norm", |g, x| g.rms_norm(x, 1, None, 1e-5)),
        ];
        for (name, build) in cases {
            let forward = function(&[ROWS, COLUMNS], build)?;
            self.say(&format!("{name} [8192, 1024]"), &forward, &[matrix(1)?], 8 * ELEMENTS)?;
            let backward = gradient(build)?;
            self.say(&format!("{name} gradient"), &backward, &[matrix(1)?, matrix(2)?], 12 * ELEMENTS)?;
        }
        let (loss, arguments) = cross_entropy()?;
        self.say("cross entropy [8192, 1024]", &loss, &arguments, 4 * ELEMENTS)?;
        self.say("cross entropy gradient", &grad(&loss, &[0])?, &arguments, 8 * ELEMENTS)
    }

    fn reductions(&self) -> Result<()> {
        for (name, axes) in [("rows", &[1][..]), ("columns", &[0]), ("all", &[0, 1])] {
            let sum = function(&[ROWS, COLUMNS], |g, x| g.sum(x, axes))?;
            self.say(&format!("sum of {name} [8192, 1024]"), &sum, &[matrix(1)?], 4 * ELEMENTS)?;
            let most = function(&[ROWS, COLUMNS], |g, x| g.max_over(x, axes))?;
            self.say(&format!("max of {name} [8192, 1024]"), &most, &[matrix(1)?], 4 * ELEMENTS)?;
        }
        let middle = function(&[64, 128, 1024], |g, x| g.sum(x, &[1]))?;
        let x = matrix(1)?.reshaped(&[64, 128, 1024])?;
        self.say("sum of the middle axis [64, 128, 1024]", &middle, &[x], 4 * ELEMENTS)
    }

    /// Ten operations: (((x * a + b) * x - c) max d) ...
    fn chain(&self) -> Result<()> {
        let chain = function(&[CHAIN_ELEMENTS], |g, x| {
            let mut y = x;
            for i in 0..5 {
                let (factor, shift) = (g.scalar_like(x, 0.9 + 0.01 * f64::from(i))?, g.scalar_like(x, 0.1)?);
                y = g.mul(y, factor)?;
                y = if i % 2 == 0 { g.add(y, shift)? } else { g.sub(y, x)? };
            }
            Ok(y)
        })?;
        self.say("chain of ten over 16 M", &chain, &[numbers(&[CHAIN_ELEMENTS], 3)?], 8 * CHAIN_ELEMENTS)
    }

    fn orders(&self) -> Result<()> {
        let x = [numbers(&[SORTED], 4)?];
        self.say("cumulative sum of 10 M", &function(&[SORTED], |g, x| g.cumsum(x, 0))?, &x, 8 * SORTED)?;
        self.say("argsort of 10 M", &function(&[SORTED], |g, x| g.argsort(x, 0, false))?, &x, 12 * SORTED)?;
        self.say("sort of 10 M", &function(&[SORTED], |g, x| g.sort(x, 0, false))?, &x, 8 * SORTED)
    }

    fn say(&self, task: &str, function: &Function, arguments: &[Tensor], bytes: usize) -> Result<()> {
        let program = compile(function)?;
        if std::env::args().any(|a| a == "--kernels") {
            println!("{program}");
        }
        let mut scratch = Scratch::new();
        let fastest = fastest(self.threads, || {
            let results = black_box(program.run_with(arguments, &mut scratch, self.threads)?);
            results.into_iter().for_each(|r| scratch.recycle(r));
            Ok(())
        })?;
        let seconds = fastest.as_secs_f64();
        let share = self.seconds_per_byte * bytes as f64 / seconds;
        println!(
            "{task} | gradframe | {:.2} | ms | {:.0} % of copy, {} kernels",
            1e3 * seconds,
            100.0 * share,
            program.kernels().len()
        );
        Ok(())
    }
}

fn function(shape: &[usize], build: impl Fn(&mut Graph, NodeId) -> Result<NodeId>) -> Result<Function> {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F32, Shape::fixed(shape)));
    let y = build(&mut g, x)?;
    Function::new(g, vec![y])
}

/// The gradient of `sum(f(x) * w)` in x.
fn gradient(build: Build) -> Result<Function> {
    let mut g = Graph::new();
    let ty = Type::new(DType::F32, Shape::fixed(&[ROWS, COLUMNS]));
    let (x, w) = (g.input("x", ty.clone()), g.input("w", ty));
    let y = build(&mut g, x)?;
    let product = g.mul(y, w)?;
    let total = g.sum_all(product)?;
    grad(&Function::new(g, vec![total])?, &[0])
}

fn cross_entropy() -> Result<(Function, Vec<Tensor>)> {
    let mut g = Graph::new();
    let x = g.input("x", Type::new(DType::F32, Shape::fixed(&[ROWS, COLUMNS])));
    let labels = g.input("labels", Type::new(DType::I64, Shape::fixed(&[ROWS])));
    let losses = g.cross_entropy(x, labels)?;
    let mean = g.mean_all(losses)?;
    let classes = (0..ROWS as i64).map(|i| i * 7919 % COLUMNS as i64).collect();
    Ok((Function::new(g, vec![mean])?, vec![matrix(1)?, Tensor::from_vec(&[ROWS], classes)?]))
}

fn matrix(seed: u64) -> Result<Tensor> {
    numbers(&[ROWS, COLUMNS], seed)
}

fn numbers(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 22) as f32 - 2.0
    };
    Tensor::from_vec(shape, (0..shape.iter().product()).map(|_| next()).collect())
}

/// Time on a processor where the system tells it, else time that passed.
enum Clock {
    Thread(Duration),
    Wall(Instant),
}

impl Clock {
    fn start(threads: Threads) -> Self {
        match on_processor() {
            Some(time) if threads == Threads::One => Clock::Thread(time),
            _ => Clock::Wall(Instant::now()),
        }
    }

    fn elapsed(&self) -> Duration {
        match self {
            Clock::Thread(start) => on_processor().unwrap_or_default().saturating_sub(*start),
            Clock::Wall(start) => start.elapsed(),
        }
    }
}

/// How long this thread has run, on Linux.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The fastest of a few means over `BATCH`: the system counts a thread's time in steps of some milliseconds.
fn fastest(threads: Threads, mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    work()?; // warms up
    let mut fastest = Duration::MAX;
    for _ in 0..REPEATS {
        let (start, mut runs) = (Clock::start(threads), 0);
        while runs == 0 || start.elapsed() < BATCH {
            work()?;
            runs += 1;
        }
        fastest = fastest.min(start.elapsed() / runs);
    }
    Ok(fastest)
}

fn copy_seconds_per_byte() -> Result<f64> {
    let source = vec![1.0f32; CHAIN_ELEMENTS];
    let mut target = source.clone();
    let copied = fastest(Threads::One, || {
        target.copy_from_slice(black_box(&source));
        black_box(&mut target);
        Ok(())
    })?;
    Ok(copied.as_secs_f64() / (8 * CHAIN_ELEMENTS) as f64)
}
