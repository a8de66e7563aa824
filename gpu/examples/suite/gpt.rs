//! A training step of a GPT (Radford et al. 2019): 12 layers, 12 heads, 768 wide, 50,304 tokens, context 1,024, 8 texts; weights,
//! norms, losses and AdamW in float32, what is multiplied in bfloat16, the scores by the table of tokens turned over.
//!
//! Checked first in a small size: the loss and gradients against float64 on the processor, which the very same graph without
//! its casts computes.

use gradframe_gpu::device::Device;
use gradframe_ml_core::graph::{Attention, DotDims, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Tensor};

use crate::adam::{Decay, adam};
use crate::training::{Training, error};
use crate::{Suite, shape};

const WEIGHT_DEVIATION: f64 = 0.02;
const EPSILON: f64 = 1e-5;
/// Bfloat16 has eight bits: some roundings one after the other.
const TOLERANCE: f64 = 3e-2;

/// What a network is made of, and what it is shown.
#[derive(Clone, Copy)]
struct Gpt {
    vocabulary: usize,
    context: usize,
    width: usize,
    heads: usize,
    layers: usize,
    texts: usize,
    /// Of weights and sums.
    dtype: DType,
    /// Of what is multiplied.
    low: DType,
}

const LARGE: Gpt =
    Gpt { vocabulary: 50_304, context: 1024, width: 768, heads: 12, layers: 12, texts: 8, dtype: DType::F32, low: DType::BF16 };
const SMALL: Gpt = Gpt { vocabulary: 320, context: 192, width: 128, heads: 2, layers: 2, texts: 2, ..LARGE };
const BLOCK: usize = 12;

/// Checks the small one, times the large one, and prints a line; with `is_profiled`, a table of its kernels.
pub fn run(suite: &Suite, is_profiled: bool) -> Result<bool> {
    let device = &suite.device;
    let error = SMALL.error(device)?;
    let verdict = if error <= TOLERANCE { "" } else { " WRONG" };
    let free = device.memory()?.0;
    let mut training = Training::new(device, &LARGE.step()?, &LARGE.state()?, &LARGE.data()?)?;
    let first = training.loss()?;
    let seconds = training.seconds()?;
    println!(
        "GPT step | {error:.1e}{verdict} | {:.3} ms | {} kernels | {:.1} TFLOP/s | {:.0} tokens/s | {:.1} GB | loss {first:.2} to {:.2}",
        1e3 * seconds,
        training.kernels(),
        1e-12 * LARGE.flop() / seconds,
        (LARGE.texts * LARGE.context) as f64 / seconds,
        1e-9 * free.saturating_sub(device.memory()?.0) as f64,
        training.loss()?
    );
    if is_profiled {
        training.profile()?;
    }
    Ok(error <= TOLERANCE)
}

/// The step that is timed.
pub fn step() -> Result<Function> {
    LARGE.step()
}

impl Gpt {
    /// The parameters' shapes: tables of tokens and positions, twelve a block, two of the last norm.
    fn shapes(&self) -> Vec<Vec<usize>> {
        let c = self.width;
        let mut shapes = vec![vec![self.vocabulary, c], vec![self.context, c]];
        for _ in 0..self.layers {
            let (attention, network) = ([vec![c, 3 * c], vec![3 * c], vec![c, c], vec![c]], [c, 4 * c]);
            shapes.extend([vec![c], vec![c]].into_iter().chain(attention));
            let [narrow, wide] = network;
            shapes.extend([vec![c], vec![c], vec![narrow, wide], vec![wide], vec![wide, narrow], vec![narrow]]);
        }
        shapes.extend([vec![c], vec![c]]);
        shapes
    }

    /// First weights: norms scale by 1 and shift by 0, biases are 0.
    fn parameters(&self) -> Result<Vec<Tensor>> {
        let pool = normals(1 << 18);
        let shapes = self.shapes();
        let scales = |place: usize| match place.checked_sub(2) {
            Some(place) if place < BLOCK * self.layers => [0, 6].contains(&(place % BLOCK)),
            Some(place) => place == BLOCK * self.layers,
            None => false,
        };
        let one = |(place, shape): (usize, &Vec<usize>)| {
            let count = shape.iter().product();
            let values = if shape.len() > 1 {
                let start = 7919 * place % pool.len();
                pool.iter().cycle().skip(start).take(count).copied().collect()
            } else {
                vec![if scales(place) { 1f32 } else { 0.0 }; count]
            };
            Tensor::from_vec(shape, values)
        };
        shapes.iter().enumerate().map(one).collect()
    }

    /// Parameters, both moments, the number of the step.
    fn state(&self) -> Result<Vec<Tensor>> {
        let mut state = self.parameters()?;
        for _ in 0..2 {
            for shape in self.shapes() {
                state.push(Tensor::from_vec(&shape, vec![0f32; shape.iter().product()])?);
            }
        }
        state.push(Tensor::scalar(0f32));
        Ok(state)
    }

    /// Tokens and those after them.
    fn data(&self) -> Result<[Tensor; 2]> {
        let count = self.texts * self.context;
        let mut number = 1u64;
        let mut next = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((number >> 33) % self.vocabulary as u64) as i32
        };
        let shape = [self.texts, self.context];
        let mut tokens = || Tensor::from_vec(&shape, (0..count).map(|_| next()).collect());
        Ok([tokens()?, tokens()?])
    }

    /// Of products, forward and backward; an attention that looks back alone counts half.
    fn flop(&self) -> f64 {
        let [tokens, width] = [self.texts * self.context, self.width].map(|n| n as f64);
        let products = 12.0 * width * width * self.layers as f64 + width * self.vocabulary as f64;
        let attention = 2.0 * width * self.context as f64 / 2.0 * self.layers as f64;
        6.0 * tokens * (products + attention)
    }

    /// The distance of the loss and of some gradients to those of float64 on the processor.
    fn error(&self, device: &Device) -> Result<f64> {
        let wide = Gpt { dtype: DType::F64, low: DType::F64, ..*self };
        let parameters = self.parameters()?;
        let data = self.data()?;
        let given = |dtype: DType| -> Result<Vec<Tensor>> {
            let cast = parameters.iter().map(|p| p.cast(dtype)).collect::<Result<Vec<_>>>()?;
            Ok(cast.into_iter().chain(data.iter().cloned()).collect())
        };
        let (single, double) = (self.gradients()?, wide.gradients()?);
        error(device, (&single, &given(DType::F32)?), (&double, &given(DType::F64)?))
    }

    /// Parameters, tokens, next tokens -> loss, and the gradients of the tables, the first block and the last norm.
    fn gradients(&self) -> Result<Function> {
        let mut g = Graph::new();
        let parameters = self.inputs(&mut g, "");
        let (loss, gradients) = self.loss_and_gradients(&mut g, &parameters)?;
        let checked = gradients.iter().take(2 + BLOCK).chain(gradients.last());
        let outputs = [loss].into_iter().chain(checked.copied()).collect();
        Function::new(g, outputs)
    }

    /// State, tokens, next tokens -> state, loss.
    fn step(&self) -> Result<Function> {
        let mut g = Graph::new();
        let mut state = Vec::new();
        for name in ["", "m_", "v_"] {
            state.extend(self.inputs(&mut g, name));
        }
        let number = g.input("step", Type::new(self.dtype, shape(&[])));
        let count = self.shapes().len();
        let (loss, gradients) = self.loss_and_gradients(&mut g, &state[..count])?;
        let mut outputs = adam(&mut g, &state, &gradients, number, Decay(0.1))?;
        outputs.push(loss);
        Function::new(g, outputs)
    }

    fn inputs(&self, g: &mut Graph, prefix: &str) -> Vec<NodeId> {
        let one = |(place, sizes): (usize, &Vec<usize>)| {
            let dims: Vec<Dim> = sizes.iter().map(|&n| n.into()).collect();
            g.input(&format!("{prefix}p{place}"), Type::new(self.dtype, shape(&dims)))
        };
        self.shapes().iter().enumerate().map(one).collect()
    }

    fn loss_and_gradients(&self, g: &mut Graph, parameters: &[NodeId]) -> Result<(NodeId, Vec<NodeId>)> {
        let text = Type::new(DType::I32, shape(&[self.texts.into(), self.context.into()]));
        let (tokens, next) = (g.input("tokens", text.clone()), g.input("next", text));
        let scores = self.scores(g, parameters, tokens)?;
        let scores = g.cast(scores, self.dtype)?;
        let by_token = g.cross_entropy(scores, next)?;
        let loss = g.mean_all(by_token)?;
        g.value_and_gradients(loss, parameters)
    }

    /// [B, T] -> [B, T, V].
    fn scores(&self, g: &mut Graph, parameters: &[NodeId], tokens: NodeId) -> Result<NodeId> {
        let token = g.gather(parameters[0], tokens, 0)?;
        let mut x = g.add(token, parameters[1])?; // [B, T, C]
        for block in parameters[2..].chunks_exact(BLOCK) {
            x = self.block(g, x, block)?;
        }
        let last = &parameters[parameters.len() - 2..];
        let normal = g.layer_norm(x, 1, Some(last[0]), Some(last[1]), EPSILON)?;
        let (normal, table) = (g.cast(normal, self.low)?, g.cast(parameters[0], self.low)?);
        let dims = DotDims { batch: Default::default(), contract: [(2, 1)].into_iter().collect() };
        g.dot(normal, table, dims)
    }

    fn block(&self, g: &mut Graph, x: NodeId, p: &[NodeId]) -> Result<NodeId> {
        let normal = g.layer_norm(x, 1, Some(p[0]), Some(p[1]), EPSILON)?;
        let all = self.linear(g, normal, p[2], p[3])?; // [B, T, 3 C]
        let seen = self.attention(g, all)?;
        let seen = self.linear(g, seen, p[4], p[5])?;
        let seen = g.cast(seen, self.dtype)?;
        let x = g.add(x, seen)?;
        let normal = g.layer_norm(x, 1, Some(p[6]), Some(p[7]), EPSILON)?;
        let up = self.linear(g, normal, p[8], p[9])?;
        let up = g.cast(up, self.dtype)?;
        let active = g.gelu(up)?;
        let down = self.linear(g, active, p[10], p[11])?;
        let down = g.cast(down, self.dtype)?;
        g.add(x, down)
    }

    /// [B, T, 3 C] -> [B, T, C].
    fn attention(&self, g: &mut Graph, all: NodeId) -> Result<NodeId> {
        let [texts, context, heads] = [self.texts, self.context, self.heads].map(Dim::fixed);
        let split = shape(&[texts.clone(), context.clone(), heads, (self.width / self.heads).into()]);
        let mut parts = Vec::with_capacity(3);
        for part in 0..3 {
            let own = g.slice_axis(all, 2, part * self.width, Dim::fixed((part + 1) * self.width))?;
            let by_head = g.reshape(own, &split)?;
            parts.push(g.permute(by_head, &[0, 2, 1, 3])?);
        }
        let seen = g.attention(parts[0], parts[1], parts[2], None, Attention { causal: true, scale: None })?;
        let joined = g.permute(seen, &[0, 2, 1, 3])?;
        g.reshape(joined, &shape(&[texts, context, self.width.into()]))
    }

    /// In low floats, as is what comes back; the sum is rounded once more.
    fn linear(&self, g: &mut Graph, x: NodeId, weight: NodeId, bias: NodeId) -> Result<NodeId> {
        let (x, weight) = (g.cast(x, self.low)?, g.cast(weight, self.low)?);
        let product = g.matmul(x, weight)?;
        let product = g.cast(product, self.dtype)?;
        let sum = g.add(product, bias)?;
        g.cast(sum, self.low)
    }
}

/// Made-up weights, the same in every run.
fn normals(count: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let mut normal = || (0..4).map(|_| uniform()).sum::<f64>() * 3f64.sqrt();
    (0..count).map(|_| (normal() * WEIGHT_DEVIATION) as f32).collect()
}
