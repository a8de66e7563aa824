//! Prints how fast the kernels run against what the machine can do: `cargo run -p gradframe-ml-kernels --example bench_core`.

use std::hint::black_box;
use std::time::Instant;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::{Scratch, Threads, compile};

/// Rows of the arrays: far more than the caches hold.
const ROWS: usize = 1 << 19;
const COLUMNS: usize = 32;
const REPEATS: usize = 9;

fn main() -> Result<()> {
    let bytes = (ROWS * COLUMNS * 8) as f64;
    let copied = median_seconds(copy());
    println!("{:<34} {:>8.1} GB/s (floor)", "copy (read + write)", 2.0 * bytes / copied / 1e9);
    let source = vec![1.0f64; ROWS * COLUMNS];
    let copied = median_seconds(|| drop(black_box(black_box(&source).clone())));
    println!("{:<34} {:>8.1} GB/s (floor of what returns an array)", "copy into new memory", 2.0 * bytes / copied / 1e9);
    for threads in [Threads::One, Threads::Pool] {
        println!("threads: {threads:?}");
        bandwidth("x * y + exp(x)", threads, 3.0 * bytes, |g, x| {
            let product = g.mul(x[0], x[1])?;
            let e = g.exp(x[0])?;
            g.add(product, e)
        })?;
        bandwidth("x * y + x", threads, 3.0 * bytes, |g, x| {
            let product = g.mul(x[0], x[1])?;
            g.add(product, x[0])
        })?;
        bandwidth("tanh x", threads, 2.0 * bytes, |g, x| g.tanh(x[0]))?;
        bandwidth("log1p(exp x)", threads, 2.0 * bytes, |g, x| {
            let e = g.exp(x[0])?;
            g.log1p(e)
        })?;
        bandwidth("softmax over rows of 32", threads, 2.0 * bytes, |g, x| g.softmax(x[0], 1))?;
        bandwidth("sum of all", threads, bytes, |g, x| g.sum(x[0], &[0, 1]))?;
        bandwidth("sum of columns", threads, bytes, |g, x| g.sum(x[0], &[0]))?;
        bandwidth("X w", threads, bytes, |g, x| g.matmul(x[0], x[2]))?;
        bandwidth("X' r", threads, bytes, |g, x| {
            let turned = g.transpose(x[0])?;
            g.matmul(turned, x[3])
        })?;
        training(threads, 2.0 * bytes)?;
        products(threads)?;
    }
    Ok(())
}

fn copy() -> impl FnMut() {
    let source = vec![1.0f64; ROWS * COLUMNS];
    let mut target = source.clone();
    move || {
        target.copy_from_slice(black_box(&source));
        black_box(&mut target);
    }
}

fn bandwidth(name: &str, threads: Threads, bytes: f64, build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>) -> Result<()> {
    let n = || Dim::symbol("N");
    let ty = |dims: Vec<Dim>| Type::new(DType::F64, Shape::new(dims));
    let mut g = Graph::new();
    let matrix = || ty(vec![n(), COLUMNS.into()]);
    let x = [g.input("x", matrix()), g.input("y", matrix()), g.input("w", ty(vec![COLUMNS.into()])), g.input("r", ty(vec![n()]))];
    let output = build(&mut g, &x)?;
    let seconds = timed(&Function::new(g, vec![output])?, &arguments()?, threads)?;
    println!("  {name:<32} {:>8.1} GB/s", bytes / seconds / 1e9);
    Ok(())
}

fn arguments() -> Result<Vec<Tensor>> {
    let tensor = |shape: &[usize]| {
        let count = shape.iter().product::<usize>();
        Tensor::from_vec(shape, (0..count).map(|i| (i % 1013) as f64 / 500.0 - 1.0).collect::<Vec<f64>>())
    };
    Ok(vec![tensor(&[ROWS, COLUMNS])?, tensor(&[ROWS, COLUMNS])?, tensor(&[COLUMNS])?, tensor(&[ROWS])?])
}

/// Loss and gradient of logistic regression: the matrix is read twice.
fn training(threads: Threads, bytes: f64) -> Result<()> {
    let ty = |dims: Vec<Dim>| Type::new(DType::F64, Shape::new(dims));
    let mut g = Graph::new();
    let w = g.input("w", ty(vec![COLUMNS.into()]));
    let x = g.input("x", ty(vec![Dim::symbol("N"), COLUMNS.into()]));
    let y = g.input("y", ty(vec![Dim::symbol("N")]));
    let score = g.matmul(x, w)?;
    let margin = g.mul(score, y)?;
    let row_loss = g.softplus(margin)?;
    let loss = g.sum_all(row_loss)?;
    let step = value_and_grad(&Function::new(g, vec![loss])?, &[0])?;
    let [x, _, w, r] = <[Tensor; 4]>::try_from(arguments()?).expect("four arguments");
    let seconds = timed(&step, &[w, x, r], threads)?;
    println!(
        "  {:<32} {:>8.1} GB/s {:>8.1} Mrows/s",
        "logistic loss and gradient",
        bytes / seconds / 1e9,
        ROWS as f64 / seconds / 1e6
    );
    Ok(())
}

fn products(threads: Threads) -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let mut g = Graph::new();
        let ty = Type::new(dtype, Shape::fixed(&[1024, 1024]));
        let (a, b) = (g.input("a", ty.clone()), g.input("b", ty));
        let product = g.matmul(a, b)?;
        let argument = match dtype {
            DType::F32 => Tensor::from_vec(&[1024, 1024], vec![0.5f32; 1 << 20])?,
            _ => Tensor::from_vec(&[1024, 1024], vec![0.5f64; 1 << 20])?,
        };
        let seconds = timed(&Function::new(g, vec![product])?, &[argument.clone(), argument], threads)?;
        println!("  {:<32} {:>8.1} GFLOP/s", format!("product of 1024 x 1024 {dtype}"), 2.0 * 1024f64.powi(3) / seconds / 1e9);
    }
    Ok(())
}

fn timed(function: &Function, inputs: &[Tensor], threads: Threads) -> Result<f64> {
    let program = compile(function)?;
    let mut scratch = Scratch::new();
    program.run_with(inputs, &mut scratch, threads)?;
    Ok(median_seconds(|| {
        black_box(program.run_with(inputs, &mut scratch, threads)).ok();
    }))
}

fn median_seconds(mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[REPEATS / 2]
}
