//! Random numbers: pure functions of a key, a single u64.
//!
//! A number is the Threefry cipher of its position under the key: the same on every back end and thread count, and any
//! part of a stream can be made without the rest. Use a key once; `split` makes new ones.

mod counts;
mod distributions;
mod gamma;

pub use counts::{geometric, poisson};
pub use distributions::*;
pub use gamma::{beta, dirichlet, gamma};

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

/// Counters with these bits set make keys; numbers use counters below, so that they never meet.
const SPLIT: f64 = (1u64 << 63) as f64;
const FOLD: f64 = (1u64 << 62) as f64;

/// The key of a seed, as a constant. To draw anew without compiling anew, pass the key as an argument instead.
pub fn key(g: &mut Graph, seed: u64) -> NodeId {
    g.constant(crate::Tensor::scalar(seed))
}

/// `count` new keys, shape `[count]`, independent of each other and of the key's own numbers.
/// Errors: `DType` if the key is not u64.
pub fn split(g: &mut Graph, key: NodeId, count: &Dim) -> Result<NodeId> {
    let numbers = g.iota(DType::U64, &Shape::new([count.clone()]), 0)?;
    let domain = g.scalar(DType::U64, SPLIT)?;
    let counters = g.or(numbers, domain)?;
    g.threefry(key, counters)
}

/// A new key from a key and a number, shape [] u64 below 2^62: the step of a loop, the index of a layer.
/// Errors: `DType` if either is not u64.
pub fn fold_in(g: &mut Graph, key: NodeId, number: NodeId) -> Result<NodeId> {
    let domain = g.scalar(DType::U64, FOLD)?;
    let counter = g.or(number, domain)?;
    g.threefry(key, counter)
}

/// 64 random bits for each element, u64. Errors: `DType` if the key is not u64.
pub fn bits(g: &mut Graph, key: NodeId, shape: &Shape) -> Result<NodeId> {
    let no_count = || Error::not_implemented("random", format!("the number of elements in {shape}"));
    let count = shape.elements().ok_or_else(no_count)?;
    let flat = g.iota(DType::U64, &Shape::new([count]), 0)?;
    let counters = g.reshape(flat, shape)?;
    g.threefry(key, counters)
}

/// Numbers in [0, 1), evenly spread over the multiples of 2^-53 (f64) or 2^-24 (f32).
/// Errors: `DType` if `dtype` is neither.
pub fn uniform(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let kept = match dtype {
        DType::F64 => 53,
        DType::F32 => 24,
        other => return Err(Error::dtype("uniform", format!("expected f32 or f64, got {other}"))),
    };
    let bits = bits(g, key, shape)?;
    let dropped = g.scalar(DType::U64, f64::from(64 - kept))?;
    let integers = g.shr(bits, dropped)?;
    let numbers = g.cast(integers, dtype)?;
    let unit = g.scalar(dtype, 0.5f64.powi(kept))?;
    g.mul(numbers, unit)
}

/// Numbers of mean 0 and variance 1, normally distributed. Errors: `DType` if `dtype` is neither f32 nor f64.
/// Source: Box and Muller 1958.
pub fn normal(g: &mut Graph, key: NodeId, dtype: DType, shape: &Shape) -> Result<NodeId> {
    let keys = split(g, key, &Dim::fixed(2))?;
    let (first, second) = (nth(g, keys, 0)?, nth(g, keys, 1)?);
    let (u, v) = (uniform(g, first, dtype, shape)?, uniform(g, second, dtype, shape)?);
    let radius = {
        let negated = g.neg(u)?;
        let log = g.log1p(negated)?; // log(1 - u): u is never 1
        let minus_two = g.scalar(dtype, -2.0)?;
        let square = g.mul(minus_two, log)?;
        g.sqrt(square)?
    };
    let turn = g.scalar(dtype, std::f64::consts::TAU)?;
    let angle = g.mul(turn, v)?;
    let cosine = g.cos(angle)?;
    g.mul(radius, cosine)
}

/// The key at a place of an array of keys, shape [].
pub fn nth(g: &mut Graph, keys: NodeId, place: usize) -> Result<NodeId> {
    let one = g.slice_axis(keys, 0, place, Dim::fixed(place + 1))?;
    g.reshape(one, &Shape::scalar())
}
