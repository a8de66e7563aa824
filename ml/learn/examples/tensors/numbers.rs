//! Numbers that look random and are the same each time, and MNIST.

use std::fs;

use gradframe_ml_core::{Result, Tensor};

/// Xorshift. Source: Marsaglia 2003.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// In `0 .. count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// 0, 1 .. in any order.
    pub fn order(&mut self, count: usize) -> Vec<i64> {
        let mut rows: Vec<i64> = (0..count as i64).collect();
        (1..count).rev().for_each(|i| rows.swap(i, self.below(i + 1)));
        rows
    }
}

/// Floats in -2 .. 2.
pub fn floats(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut random = Random::new(seed);
    let count = shape.iter().product();
    Tensor::from_vec(shape, (0..count).map(|_| (random.next() >> 40) as f32 / (1u64 << 22) as f32 - 2.0).collect())
}

/// Images f32 [rows, 784] and labels i64 [rows] of MNIST's first `rows` training rows; made up without a folder.
pub fn mnist(folder: Option<&str>, rows: usize) -> Result<(Tensor, Tensor)> {
    let Some(folder) = folder else {
        let mut random = Random::new(7);
        let images = (0..rows * 784).map(|_| (random.below(1000) as f32 / 1000.0 - 0.8).max(0.0)).collect();
        return Ok((
            Tensor::from_vec(&[rows, 784], images)?,
            Tensor::from_vec(&[rows], (0..rows as i64).map(|i| i % 10).collect())?,
        ));
    };
    let bytes = |name: &str, header: usize, count: usize| {
        let path = format!("{folder}/{name}");
        let bytes = fs::read(&path).unwrap_or_else(|error| {
            eprintln!("tensors: {path}: {error}");
            std::process::exit(1)
        });
        bytes.into_iter().skip(header).take(count)
    };
    let images = bytes("train-images-idx3-ubyte", 16, rows * 784).map(|b| f32::from(b) / 255.0).collect();
    let labels = bytes("train-labels-idx1-ubyte", 8, rows).map(i64::from).collect();
    Ok((Tensor::from_vec(&[rows, 784], images)?, Tensor::from_vec(&[rows], labels)?))
}
