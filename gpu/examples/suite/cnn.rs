//! A training step of a small convolutional network: 3 x 3 to 32 and to 64 channels, each with ReLU and the largest of 2 x 2, then
//! 128 and 10, cross entropy, Adam, 512 images of 28 x 28, float32.

use gradframe_gpu::blas::Precision;
use gradframe_ml_core::graph::{Type, Window};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Tensor};

use crate::adam::{Decay, adam};
use crate::tasks::{Fill, Given};
use crate::training::{Training, error};
use crate::{Suite, shape};

const IMAGES: usize = 512;
const CHECKED: usize = 16;
const SIDE: usize = 28;
const CLASSES: usize = 10;
const SHAPES: [&[usize]; 8] = [&[32, 1, 3, 3], &[32], &[64, 32, 3, 3], &[64], &[3136, 128], &[128], &[128, CLASSES], &[CLASSES]];
const TOLERANCE: f64 = 2e-5;

/// Checks the gradients of a few images, times a step, and prints a line; with `is_profiled`, a table of its kernels.
pub fn run(suite: &Suite, is_profiled: bool) -> Result<bool> {
    let weights = initial()?;
    let cast = |dtype: DType| -> Result<Vec<Tensor>> {
        let [x, y] = data(CHECKED)?;
        let weights = weights.iter().map(|w| w.cast(dtype)).collect::<Result<Vec<_>>>()?;
        Ok(weights.into_iter().chain([x.cast(dtype)?, y]).collect())
    };
    let (single, double) = (gradients(DType::F32)?, gradients(DType::F64)?);
    let error = error(&suite.device, (&single, &cast(DType::F32)?), (&double, &cast(DType::F64)?))?;
    let verdict = if error <= TOLERANCE { "" } else { " WRONG" };
    let zeros = || SHAPES.iter().map(|shape| Tensor::from_vec(shape, vec![0f32; shape.iter().product()]));
    let moments = zeros().chain(zeros()).collect::<Result<Vec<_>>>()?;
    let state: Vec<Tensor> = weights.into_iter().chain(moments).chain([Tensor::scalar(0f32)]).collect();
    let data = data(IMAGES)?;
    for (name, precision) in [("CNN step", Precision::Full), ("CNN step tf32", Precision::Tf32)] {
        let device = suite.device.with_precision(precision);
        let mut training = Training::new(&device, &step()?, &state, &data)?;
        let first = training.loss()?;
        let seconds = training.seconds()?;
        println!(
            "{name} | {error:.1e}{verdict} | {:.4} ms | {} kernels | loss {first:.2} to {:.4}",
            1e3 * seconds,
            training.kernels(),
            training.loss()?
        );
        if is_profiled {
            training.profile()?;
        }
    }
    Ok(error <= TOLERANCE)
}

/// State, images, labels -> state, mean loss.
pub fn step() -> Result<Function> {
    let mut g = Graph::new();
    let mut state = Vec::new();
    for name in ["", "m_", "v_"] {
        state.extend(inputs(&mut g, name, DType::F32));
    }
    let number = g.input("step", Type::new(DType::F32, shape(&[])));
    let (loss, gradients) = loss_and_gradients(&mut g, &state[..SHAPES.len()], DType::F32)?;
    let mut outputs = adam(&mut g, &state, &gradients, number, Decay(0.0))?;
    outputs.push(loss);
    Function::new(g, outputs)
}

fn gradients(dtype: DType) -> Result<Function> {
    let mut g = Graph::new();
    let weights = inputs(&mut g, "", dtype);
    let (loss, gradients) = loss_and_gradients(&mut g, &weights, dtype)?;
    Function::new(g, [loss].into_iter().chain(gradients).collect())
}

fn inputs(g: &mut Graph, prefix: &str, dtype: DType) -> Vec<NodeId> {
    let one = |(place, sizes): (usize, &&[usize])| {
        let dims: Vec<Dim> = sizes.iter().map(|&n| n.into()).collect();
        g.input(&format!("{prefix}p{place}"), Type::new(dtype, shape(&dims)))
    };
    SHAPES.iter().enumerate().map(one).collect()
}

fn loss_and_gradients(g: &mut Graph, weights: &[NodeId], dtype: DType) -> Result<(NodeId, Vec<NodeId>)> {
    let images = Dim::symbol("images");
    let x = g.input("x", Type::new(dtype, shape(&[images.clone(), 1.into(), SIDE.into(), SIDE.into()])));
    let y = g.input("y", Type::new(DType::I32, shape(std::slice::from_ref(&images))));
    let mut hidden = x;
    for pair in weights[..4].chunks(2) {
        hidden = convolved(g, hidden, pair[0], pair[1])?;
    }
    let flat = g.reshape(hidden, &shape(&[images, SHAPES[4][0].into()]))?;
    let product = g.matmul(flat, weights[4])?;
    let sum = g.add(product, weights[5])?;
    let active = g.relu(sum)?;
    let product = g.matmul(active, weights[6])?;
    let scores = g.add(product, weights[7])?;
    let by_image = g.cross_entropy(scores, y)?;
    let loss = g.mean_all(by_image)?;
    g.value_and_gradients(loss, weights)
}

fn convolved(g: &mut Graph, x: NodeId, weight: NodeId, bias: NodeId) -> Result<NodeId> {
    let window = Window { padding: 1, ..Window::of(3) };
    let product = g.conv(x, weight, &[window, window], 1)?;
    let channels = g.ty(bias).shape.dims()[0].clone();
    let bias = g.reshape(bias, &shape(&[channels, 1.into(), 1.into()]))?;
    let sum = g.add(product, bias)?;
    let active = g.relu(sum)?;
    g.max_pool(active, &[Window::apart(2); 2])
}

fn data(images: usize) -> Result<[Tensor; 2]> {
    let x = Given::new(&[1, SIDE, SIDE], Fill::Normal).on_host(images, DType::F32, 5)?;
    let y = Given::new(&[], Fill::Below(CLASSES as i64)).on_host(images, DType::F32, 6)?;
    Ok([x, y])
}

/// Weights of a spread that keeps the size of what goes through; biases are zero.
fn initial() -> Result<Vec<Tensor>> {
    let one = |(place, shape): (usize, &&[usize])| {
        let count: usize = shape.iter().product();
        if shape.len() == 1 {
            return Tensor::from_vec(shape, vec![0f32; count]);
        }
        let inputs = if shape.len() == 4 { count / shape[0] } else { shape[0] };
        let scale = (2.0 / inputs as f64).sqrt();
        let normal = Given::new(&[], Fill::Normal).on_host(count, DType::F32, place as u64 + 11)?;
        Tensor::from_vec(shape, normal.to_f64().iter().map(|w| (w * scale) as f32).collect())
    };
    SHAPES.iter().enumerate().map(one).collect()
}
