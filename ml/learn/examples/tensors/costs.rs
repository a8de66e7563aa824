//! What the library itself costs: recording, compiling, calling.

use std::time::Instant;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::transform::value_and_grad;
use gradframe_ml_core::{DType, Function, Graph, Result, Shape, Tensor};
use gradframe_ml_kernels::compile::compile_counted;
use gradframe_ml_kernels::{Scratch, Threads, compile};

use crate::Options;
use crate::networks::gpt_step;
use crate::timing::{median_seconds, say};

/// Operations that are recorded.
const RECORDED: usize = 100_000;
const CALLS: usize = 10_000;

/// All costs.
pub fn all(_: &Options) -> Result<()> {
    recording()?;
    let start = Instant::now();
    let step = gpt_step()?;
    say("recording a GPT step with its gradients", 1e3 * start.elapsed().as_secs_f64(), "ms");
    let seconds = median_seconds(|| compile(&step).map(drop))?;
    say("compiling a GPT step", 1e3 * seconds, "ms");
    for steps in [16, 64, 256] {
        let recurrence = recurrence(steps)?;
        let start = Instant::now();
        let (program, work) = compile_counted(&recurrence)?;
        say(&format!("compiling a recurrence of {steps} steps"), 1e3 * start.elapsed().as_secs_f64(), "ms");
        println!("# {} kernels, {work:?}", program.kernels().len());
    }
    calling()
}

/// Small operations, each of the one before.
fn recording() -> Result<()> {
    let seconds = median_seconds(|| {
        let mut g = Graph::new();
        let ty = Type::new(DType::F32, Shape::fixed(&[32, 64]));
        let (x, y) = (g.input("x", ty.clone()), g.input("y", ty));
        let mut z = x;
        for _ in 0..RECORDED / 2 {
            z = g.mul(z, y)?;
            z = g.add(z, x)?;
        }
        std::hint::black_box(z);
        Ok(())
    })?;
    say("recording an operation", 1e6 * seconds / RECORDED as f64, "us");
    Ok(())
}

/// A step whose kernels are next to nothing.
fn calling() -> Result<()> {
    let mut g = Graph::new();
    let ty = Type::new(DType::F32, Shape::fixed(&[8]));
    let (x, y) = (g.input("x", ty.clone()), g.input("y", ty));
    let sum = g.add(x, y)?;
    let root = g.sqrt(sum)?;
    let program = compile(&Function::new(g, vec![root])?)?;
    let x = Tensor::from_vec(&[8], vec![1f32; 8])?;
    let mut scratch = Scratch::new();
    let seconds = median_seconds(|| {
        for _ in 0..CALLS {
            let results = program.run_owned(vec![x.clone(), x.clone()], &mut scratch, Threads::Pool)?;
            results.into_iter().for_each(|result| scratch.recycle(result));
        }
        Ok(())
    })?;
    say("calling a compiled step", 1e6 * seconds / CALLS as f64, "us");
    Ok(())
}

/// A long short-term memory over `steps` steps, and its gradients.
fn recurrence(steps: usize) -> Result<Function> {
    let mut g = Graph::new();
    let ty = |shape: &[usize]| Type::new(DType::F32, Shape::fixed(shape));
    let (w, u) = (g.input("w", ty(&[128, 16])), g.input("u", ty(&[128, 32])));
    let x = g.input("x", ty(&[steps, 8, 16]));
    let weights = gradframe_ml_core::graph::CellWeights { input: w, state: u, input_bias: None, state_bias: None };
    let mut state = (g.zeros(&ty(&[8, 32]))?, g.zeros(&ty(&[8, 32]))?);
    for step in 0..steps {
        let now = g.slice_axis(x, 0, step, (step + 1).into())?;
        let now = g.reshape(now, &Shape::fixed(&[8, 16]))?;
        state = g.lstm_cell(now, state.0, state.1, &weights)?;
    }
    let total = g.sum_all(state.0)?;
    value_and_grad(&Function::new(g, vec![total])?, &[0, 1])
}
