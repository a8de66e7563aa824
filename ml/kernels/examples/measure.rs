//! How fast the kernels are: bytes and operations a second, to be held against the machine's floor.
//! Run: `cargo run --release -p gradframe-ml-kernels --example measure`

use std::time::Instant;

use gradframe_ml_core::graph::{DotDims, NodeId, Type};
use gradframe_ml_core::{DType, Function, Graph, Result, Shape, Tensor};
use gradframe_ml_kernels::compile;

fn main() -> Result<()> {
    let n = 4 << 20;
    report("x * 2 + y, f64", &[&[n], &[n]], 24.0 * n as f64, "GB/s", |g, x| {
        let two = g.scalar(DType::F64, 2.0)?;
        let double = g.mul(x[0], two)?;
        g.add(double, x[1])
    })?;
    report("exp, f64", &[&[n]], 16.0 * n as f64, "GB/s", |g, x| g.exp(x[0]))?;
    report("sum, f64", &[&[n]], 8.0 * n as f64, "GB/s", |g, x| g.sum(x[0], &[0]))?;
    report("softmax of 4096 x 1024, f64", &[&[4096, 1024]], 16.0 * (4096 * 1024) as f64, "GB/s", |g, x| g.softmax(x[0], 1))?;
    report("matrix times vector, 1M x 28, f64", &[&[1 << 20, 28], &[28]], 8.0 * (28 << 20) as f64, "GB/s", |g, x| {
        g.dot(x[0], x[1], contract(1, 0))
    })?;
    report("transposed times vector, 1M x 28, f64", &[&[1 << 20, 28], &[1 << 20]], 8.0 * (28 << 20) as f64, "GB/s", |g, x| {
        g.dot(x[0], x[1], contract(0, 0))
    })?;
    report("matrix product 1024, f64", &[&[1024, 1024], &[1024, 1024]], 2.0 * 1024f64.powi(3), "GFLOP/s", |g, x| {
        g.matmul(x[0], x[1])
    })
}

fn contract(left: usize, right: usize) -> DotDims {
    DotDims { batch: Default::default(), contract: [(left, right)].into_iter().collect() }
}

fn report(
    name: &str,
    shapes: &[&[usize]],
    work: f64,
    unit: &str,
    build: impl Fn(&mut Graph, &[NodeId]) -> Result<NodeId>,
) -> Result<()> {
    let mut g = Graph::new();
    let inputs: Vec<NodeId> = shapes.iter().map(|s| g.input("x", Type::new(DType::F64, Shape::fixed(s)))).collect();
    let output = build(&mut g, &inputs)?;
    let program = compile(&Function::new(g, vec![output])?)?;
    let ones = |s: &&[usize]| Tensor::from_vec(s, vec![0.5f64; s.iter().product()]);
    let arguments: Vec<Tensor> = shapes.iter().map(ones).collect::<Result<_>>()?;
    program.run(&arguments)?;
    let mut seconds = vec![];
    for _ in 0..7 {
        let start = Instant::now();
        program.run(&arguments)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("{name:40} | {:10.2} | {unit}", work / seconds[3] / 1e9);
    Ok(())
}
