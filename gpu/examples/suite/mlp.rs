//! A training step that stays on the device: 784-512-512-10, ReLU, cross entropy, Adam, 8,192 rows, float32.

use gradframe_gpu::device::{Device, DeviceTensor};
use gradframe_gpu::nvrtc::Width;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Tensor};
use gradframe_ml_kernels::Program;

use crate::tasks::{Fill, Given};
use crate::{compiled, median, shape};

const LAYERS: [(usize, usize); 3] = [(784, 512), (512, 512), (512, 10)];
const BATCH: usize = 8192;
const PARAMETERS: usize = 2 * LAYERS.len();
/// Steps that are compared with the processor's.
const COMPARED: usize = 3;

/// Compares some steps with the processor's, times one, and prints a line.
pub fn run(device: &Device) -> Result<()> {
    let program = compiled(&step()?)?;
    let loaded = device.load(&program, Width::Narrow)?;
    let data = [Given::new(&[LAYERS[0].0], Fill::Normal), Given::new(&[], Fill::Below(10))];
    let data = data.iter().map(|given| given.on_host(BATCH, DType::F32, 5)).collect::<Result<Vec<_>>>()?;
    let mut on_host = initial()?;
    let mut state = on_host.iter().map(|part| device.put(part)).collect::<Result<Vec<_>>>()?;
    let there = data.iter().map(|part| device.put(part)).collect::<Result<Vec<DeviceTensor>>>()?;
    let advance = |state: &mut Vec<DeviceTensor>| {
        let arguments = std::mem::take(state).into_iter().chain(there.iter().cloned()).collect();
        let mut results = loaded.run_owned(arguments)?;
        let loss = results.pop();
        *state = results;
        Ok(loss)
    };
    let mut error = 0f64;
    for _ in 0..COMPARED {
        let loss = advance(&mut state)?.map(|loss| device.get(&loss)).transpose()?;
        let mut theirs = program.run(&on_host.iter().chain(&data).cloned().collect::<Vec<_>>())?;
        let expected = theirs.pop();
        on_host = theirs;
        let number = |loss: &Option<Tensor>| loss.as_ref().map_or(f64::NAN, |loss| loss.to_f64()[0]);
        let off = (number(&loss) / number(&expected) - 1.0).abs();
        error = if off <= error { error } else { off }; // a NaN stays
    }
    let seconds = median(device, || advance(&mut state))?;
    let flop: usize = LAYERS.iter().map(|(a, b)| 6 * BATCH * a * b).sum();
    println!(
        "MLP step | {error:.1e} | {:.4} ms | {} kernels | {:.1} TFLOP/s",
        1e3 * seconds,
        program.kernels().len(),
        1e-12 * flop as f64 / seconds
    );
    Ok(())
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
fn step() -> Result<Function> {
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
    let mut outputs = adam(&mut g, &state, &gradients, number)?;
    outputs.push(loss);
    Function::new(g, outputs)
}

fn f32s(dims: &[Dim]) -> Type {
    Type::new(DType::F32, shape(dims))
}

/// Source: Kingma and Ba 2015, the end of section 2.
fn adam(g: &mut Graph, state: &[NodeId], gradients: &[NodeId], number: NodeId) -> Result<Vec<NodeId>> {
    let (one, rate) = (g.scalar(DType::F32, 1.0)?, g.scalar(DType::F32, 1e-3)?);
    let next = g.add(number, one)?;
    let mut left = Vec::new();
    for beta in [0.9, 0.999] {
        let beta = g.scalar(DType::F32, beta)?;
        let power = g.pow(beta, next)?;
        left.push(g.sub(one, power)?);
    }
    let root = g.sqrt(left[1])?;
    let scaled = g.mul(rate, root)?;
    let rate = g.div(scaled, left[0])?;
    let mut outputs = [Vec::new(), Vec::new(), Vec::new()];
    for (i, &gradient) in gradients.iter().enumerate() {
        let m = moved(g, state[PARAMETERS + i], gradient, 0.9)?;
        let square = g.mul(gradient, gradient)?;
        let v = moved(g, state[2 * PARAMETERS + i], square, 0.999)?;
        let spread = g.sqrt(v)?;
        let below = g.plus_number(spread, 1e-8)?;
        let above = g.mul(m, rate)?;
        let change = g.div(above, below)?;
        let parameter = g.sub(state[i], change)?;
        [parameter, m, v].into_iter().zip(&mut outputs).for_each(|(node, outputs)| outputs.push(node));
    }
    Ok(outputs.into_iter().flatten().chain([next]).collect())
}

fn moved(g: &mut Graph, mean: NodeId, value: NodeId, kept: f64) -> Result<NodeId> {
    let (old, new) = (g.scaled_by(mean, kept)?, g.scaled_by(value, 1.0 - kept)?);
    g.add(old, new)
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
