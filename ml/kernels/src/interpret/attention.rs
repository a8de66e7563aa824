//! Attention by heads, in f64.

use gradframe_ml_core::graph::Heads;
use gradframe_ml_core::{DType, Result, Shape};

use super::Memory;
use super::kernels::operand;
use super::number::Number;
use crate::schedule::{Attention, AttentionCotangents, BufferId, Load};

/// An array of four axes.
struct Array {
    sizes: Vec<usize>,
    numbers: Vec<f64>,
}

impl Array {
    fn read((load, shape): &(Load, Shape), memory: &Memory) -> Result<Self> {
        let sizes = shape.eval(memory.sizes)?;
        let numbers = operand(load, &sizes, memory)?.iter().map(|number| number.to_f64()).collect();
        Ok(Array { sizes, numbers })
    }

    /// [B, rows, H, D] of zeros for [B, H, rows, D].
    fn turned(&self) -> Self {
        let sizes = [0, 2, 1, 3].map(|axis| self.sizes[axis]).to_vec();
        Array { numbers: vec![0.0; sizes.iter().product()], sizes }
    }

    fn at(&self, index: [usize; 4]) -> usize {
        index.iter().zip(&self.sizes).fold(0, |at, (i, size)| at * size + i)
    }

    /// A row of [B, H, rows, D].
    fn row(&self, batch: usize, head: usize, row: usize) -> &[f64] {
        let at = self.at([batch, head, row, 0]);
        &self.numbers[at..at + self.sizes[3]]
    }

    /// A row of [B, rows, H, D].
    fn turned_row(&mut self, batch: usize, head: usize, row: usize) -> &mut [f64] {
        let (at, width) = (self.at([batch, row, head, 0]), self.sizes[3]);
        &mut self.numbers[at..at + width]
    }

    fn write(&self, buffer: BufferId, memory: &mut Memory) -> Result<()> {
        let dtype = memory.schedule.buffers[buffer.index()].dtype;
        let numbers: Vec<Number> = self.numbers.iter().map(|&number| Number::Double(number).cast(dtype)).collect();
        memory.set(buffer, &numbers)
    }
}

/// The weights that a query gives to the keys that it sees, the first ones, and the logarithm to base 2 of what they were divided by.
fn weights(heads: Heads, q: &Array, k: &Array, at: [usize; 3]) -> (Vec<f64>, f64) {
    let [batch, head, row] = at;
    let (queries, keys) = (q.sizes[2], k.sizes[2]);
    let seen = if heads.causal { (row + keys + 1).saturating_sub(queries).min(keys) } else { keys };
    let query = q.row(batch, head, row);
    let score = |key| heads.scale() * dot(query, k.row(batch, head, key));
    let scores: Vec<f64> = (0..seen).map(score).collect();
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
    let weights = scores.iter().map(|score| (score - largest).exp() / total).collect();
    (weights, (largest + total.ln()) / std::f64::consts::LN_2)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(sums: &mut [f64], factor: f64, row: &[f64]) {
    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += factor * x);
}

/// Each query of each head.
fn queries(q: &Array) -> impl Iterator<Item = [usize; 3]> + use<> {
    let [batches, heads, rows] = [0, 1, 2].map(|axis| q.sizes[axis]);
    (0..batches * heads * rows).map(move |n| [n / rows / heads, n / rows % heads, n % rows])
}

/// The value.
pub fn value(kernel: &Attention, memory: &mut Memory) -> Result<()> {
    let [q, k, v] = kernel.operands.each_ref().map(|operand| Array::read(operand, memory));
    let (q, k, v) = (q?, k?, v?);
    let (mut value, mut divisors) = (q.turned(), Vec::new());
    for at @ [batch, head, row] in queries(&q) {
        let (weights, divisor) = weights(kernel.heads, &q, &k, at);
        divisors.push(Number::Double(divisor).cast(DType::F32));
        for (key, weight) in weights.iter().enumerate() {
            add(value.turned_row(batch, head, row), *weight, v.row(batch, head, key));
        }
    }
    memory.set(kernel.divisors, &divisors)?;
    value.write(kernel.output, memory)
}

/// The cotangents of its operands.
pub fn cotangents(kernel: &AttentionCotangents, memory: &mut Memory) -> Result<()> {
    let [q, k, v] = kernel.operands.each_ref().map(|operand| Array::read(operand, memory));
    let (q, k, v) = (q?, k?, v?);
    let mut given = Array::read(&kernel.cotangent, memory)?;
    let [mut of_q, mut of_k, mut of_v] = [q.turned(), k.turned(), v.turned()];
    for at @ [batch, head, row] in queries(&q) {
        let (weights, _) = weights(kernel.heads, &q, &k, at);
        let given = given.turned_row(batch, head, row).to_vec();
        let of_weights: Vec<f64> = (0..weights.len()).map(|key| dot(&given, v.row(batch, head, key))).collect();
        let mean = dot(&weights, &of_weights);
        for (key, weight) in weights.iter().enumerate() {
            let slope = kernel.heads.scale() * weight * (of_weights[key] - mean);
            add(of_q.turned_row(batch, head, row), slope, k.row(batch, head, key));
            add(of_k.turned_row(batch, head, key), slope, q.row(batch, head, row));
            add(of_v.turned_row(batch, head, key), *weight, &given);
        }
    }
    [of_q, of_k, of_v].iter().zip(kernel.outputs).try_for_each(|(array, buffer)| array.write(buffer, memory))
}
