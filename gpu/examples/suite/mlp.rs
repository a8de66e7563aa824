//! A training step that stays on the device: 784-512-512-10, ReLU, cross entropy, Adam, 8,192 rows, float32.

use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::adam::{Decay, adam};
use crate::tasks::{Fill, Given};
use crate::training::Training;
use crate::{Suite, compiled, median, shape};

const LAYERS: [(usize, usize); 3] = [(784, 512), (512, 512), (512, 10)];
const BATCH: usize = 8192;
const PARAMETERS: usize = 2 * LAYERS.len();
/// Steps that are compared with the processor's.
const COMPARED: usize = 3;
const TOLERANCE: f64 = 1e-5;

/// Compares some steps with the processor's, times one, and prints a line; with `is_profiled`, a table of its kernels.
pub fn run(suite: &Suite, is_profiled: bool) -> Result<bool> {
    let step = step()?;
    let data = [Given::new(&[LAYERS[0].0], Fill::Normal), Given::new(&[], Fill::Below(10))];
    let data = data.iter().map(|given| given.on_host(BATCH, DType::F32, 5)).collect::<Result<Vec<_>>>()?;
    let (mut on_host, program) = (initial()?, compiled(&step)?);
    let mut training = Training::new(&suite.device, &step, &on_host, &data)?;
    let mut error = 0f64;
    for _ in 0..COMPARED {
        let loss = training.loss()?;
        on_host = program.run(&on_host.iter().chain(&data).cloned().collect::<Vec<_>>())?;
        let expected = on_host.pop().map_or(f64::NAN, |loss| loss.to_f64()[0]);
        let off = (loss / expected - 1.0).abs();
        error = if off <= error { error } else { off }; // a NaN stays
    }
    let verdict = if error <= TOLERANCE { "" } else { " WRONG" };
    let seconds = training.seconds()?;
    let flop: usize = LAYERS.iter().map(|(a, b)| 6 * BATCH * a * b).sum();
    println!(
        "MLP step | {error:.1e}{verdict} | {:.4} ms | {} kernels | {:.1} TFLOP/s",
        1e3 * seconds,
        training.kernels(),
        1e-12 * flop as f64 / seconds
    );
    if is_profiled {
        training.profile()?;
    }
    Ok(error <= TOLERANCE)
}

/// Times a step whose kernels are small, and prints a line.
pub fn small(device: &Device, name: &str) -> Result<()> {
    let (program, state, batch) = training(128)?;
    let loaded = device.load(&program, Width::Narrow)?;
    let (mut state, batch) = (device.put_all(&state)?, device.put_all(&batch)?);
    let seconds = median(device, || {
        let mut results = loaded.run_owned(state.drain(..).chain(batch.iter().cloned()).collect())?;
        let loss = results.pop();
        state = results;
        Ok(loss)
    })?;
    let kernels = program.kernels().len();
    println!("MLP 128 {name} | - | {:.4} ms | {kernels} kernels | {} replayed", 1e3 * seconds, loaded.replayed());
    Ok(())
}

/// The program of a step, its first state and a batch.
pub fn training(rows: usize) -> Result<(Program, Vec<Tensor>, Vec<Tensor>)> {
    let data = [Given::new(&[LAYERS[0].0], Fill::Normal), Given::new(&[], Fill::Below(10))];
    let batch = data.iter().map(|given| given.on_host(rows, DType::F32, 5)).collect::<Result<_>>()?;
    Ok((compiled(&step()?)?, initial()?, batch))
}

/// State, rows, labels -> state, mean loss.
pub fn step() -> Result<Function> {
    let mut g = Graph::new();
    let mut state = Vec::new();
    for name in ["", "m_", "v_"] {
        for (layer, (inputs, outputs)) in LAYERS.into_iter().enumerate() {
            state.push(g.input(&format!("{name}w{layer}"), f32s(&[inputs.into(), outputs.into()])));
            state.push(g.input(&format!("{name}b{layer}"), f32s(&[outputs.into()])));
        }
    }
    let number = g.input("step", f32s(&[]));
    let x = g.input("x", f32s(&[Dim::symbol("batch"), LAYERS[0].0.into()]));
    let y = g.input("y", Type::new(DType::I32, shape(&[Dim::symbol("batch")])));
    let mut hidden = x; // [batch, inputs]
    for (layer, weights) in state[..PARAMETERS].chunks(2).enumerate() {
        let product = g.matmul(hidden, weights[0])?;
        let sum = g.add(product, weights[1])?;
        hidden = if layer + 1 < LAYERS.len() { g.relu(sum)? } else { sum };
    }
    let by_row = g.cross_entropy(hidden, y)?;
    let loss = g.mean_all(by_row)?;
    let (loss, gradients) = g.value_and_gradients(loss, &state[..PARAMETERS])?;
    let mut outputs = adam(&mut g, &state, &gradients, number, Decay(0.0))?;
    outputs.push(loss);
    Function::new(g, outputs)
}

fn f32s(dims: &[Dim]) -> Type {
    Type::new(DType::F32, shape(dims))
}

/// Weights of a spread that keeps the size of what goes through; everything else zero.
fn initial() -> Result<Vec<Tensor>> {
    let mut state = Vec::new();
    for part in 0..3 {
        for (layer, (inputs, outputs)) in LAYERS.into_iter().enumerate() {
            let scale = if part == 0 { (2.0 / inputs as f64).sqrt() } else { 0.0 };
            let normal = Given::new(&[outputs], Fill::Normal).on_host(inputs, DType::F32, layer as u64)?;
            let weights = normal.to_f64().iter().map(|w| (w * scale) as f32).collect();
            state.push(Tensor::from_vec(&[inputs, outputs], weights)?);
            state.push(Tensor::from_vec(&[outputs], vec![0f32; outputs])?);
        }
    }
    state.push(Tensor::scalar(0f32));
    Ok(state)
}
