//! Distributions of counts: Poisson's and the geometric one.

use super::{fold_in, uniform_open};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::random::pair;
use crate::shape::Shape;

/// Below this rate by inversion, from it on by rejection, whose constants hold there.
const LARGE_RATE: f64 = 10.0;
/// Terms of the distribution function: what is beyond has a probability below 2^-50 for rates up to [`LARGE_RATE`].
const TERMS: usize = 48;
/// Proposals a number: each is taken with probability above 3/4, so that one in 10^9 takes the last one unasked.
const PROPOSALS: usize = 16;

/// Poisson distributed numbers of mean `rate` >= 0 (f32 or f64, which broadcasts to `shape`), i64; -1 for any other rate.
/// Errors: `DType` unless `rate` is a float; `Shape` if it does not broadcast.
/// Source: inversion; from rate 10 on the transformed rejection (PTRS) of Hörmann 1993.
pub fn poisson(g: &mut Graph, key: NodeId, rate: NodeId, shape: &Shape) -> Result<NodeId> {
    let rate = g.broadcast_to(rate, shape)?;
    let rate = g.stop_gradient(rate)?;
    let rate = g.cast(rate, DType::F64)?; // logarithms of factorials do not leave enough of f32
    let (limit, zero) = (g.scalar(DType::F64, LARGE_RATE)?, g.scalar(DType::F64, 0.0)?);
    let (is_large, is_rate) = (g.ge(rate, limit)?, g.ge(rate, zero)?);
    let (first, second) = pair(g, key)?;
    let small = {
        let held = g.select(is_large, zero, rate)?;
        inverted(g, first, held, shape)?
    };
    let large = {
        let held = g.max(rate, limit)?;
        let held = g.select(is_rate, held, limit)?; // a NaN is none
        accepted(g, second, held, shape)?
    };
    let number = g.select(is_large, large, small)?;
    let outside = g.scalar(DType::F64, -1.0)?;
    let number = g.select(is_rate, number, outside)?;
    g.cast(number, DType::I64)
}

/// The number of values of the distribution function that are below a uniform number.
fn inverted(g: &mut Graph, key: NodeId, rate: NodeId, shape: &Shape) -> Result<NodeId> {
    let u = uniform_open(g, key, DType::F64, shape)?;
    let negated = g.neg(rate)?;
    let (term, count) = (g.exp(negated)?, g.full_like(rate, 0.0)?);
    let ends = g.repeat(TERMS, &[term, term, count], &[rate, u], |g, step, carried, constants| {
        let (one, time) = (g.scalar(DType::F64, 1.0)?, g.cast(step, DType::F64)?);
        let above = g.gt(constants[1], carried[1])?;
        let above = g.cast(above, DType::F64)?;
        let (place, count) = (g.add(time, one)?, g.add(carried[2], above)?);
        let ratio = g.div(constants[0], place)?;
        let term = g.mul(carried[0], ratio)?;
        Ok(vec![term, g.add(carried[1], term)?, count])
    })?;
    Ok(ends[2])
}

/// The first proposal that is accepted.
fn accepted(g: &mut Graph, key: NodeId, rate: NodeId, shape: &Shape) -> Result<NodeId> {
    let start = g.floor(rate)?;
    let open = g.eq(rate, rate)?;
    let ends = g.repeat(PROPOSALS, &[start, open], &[rate, key], |g, step, carried, constants| {
        let number = g.cast(step, DType::U64)?;
        let key = fold_in(g, constants[1], number)?;
        let (value, is_taken) = proposal(g, key, constants[0], shape)?;
        let now = g.and(carried[1], is_taken)?;
        let refused = g.not(is_taken)?;
        Ok(vec![g.select(now, value, carried[0])?, g.and(carried[1], refused)?])
    })?;
    Ok(ends[0])
}

/// A number and whether it is taken.
fn proposal(g: &mut Graph, key: NodeId, rate: NodeId, shape: &Shape) -> Result<(NodeId, NodeId)> {
    let (first, second) = pair(g, key)?;
    let (u, v) = (uniform_open(g, first, DType::F64, shape)?, uniform_open(g, second, DType::F64, shape)?);
    let root = g.sqrt(rate)?;
    let b = g.scaled_by(root, 2.53)?;
    let b = g.plus_number(b, 0.931)?;
    let a = g.scaled_by(b, 0.02483)?;
    let a = g.plus_number(a, -0.059)?;
    let u = g.plus_number(u, -0.5)?;
    let (size, half) = (g.abs(u)?, g.scalar(DType::F64, 0.5)?);
    let us = g.sub(half, size)?; // above 0: u is open
    let value = {
        let ratio = g.div(a, us)?;
        let twice = g.scaled_by(ratio, 2.0)?;
        let slope = g.add(twice, b)?;
        let moved = g.mul(slope, u)?;
        let centred = g.add(moved, rate)?;
        let shifted = g.plus_number(centred, 0.43)?;
        g.floor(shifted)?
    };
    let zero = g.scalar(DType::F64, 0.0)?;
    let is_count = g.ge(value, zero)?;
    let held = g.max(value, zero)?;
    let left = {
        let rest = g.plus_number(b, -3.4)?;
        let inverse = g.reciprocal(rest)?;
        let scaled = g.scaled_by(inverse, 1.1328)?;
        let alpha = g.plus_number(scaled, 1.1239)?;
        let square = g.square(us)?;
        let ratio = g.div(a, square)?;
        let width = g.add(ratio, b)?;
        let product = g.mul(v, alpha)?;
        let share = g.div(product, width)?;
        g.log(share)?
    };
    let right = {
        let (log, next) = (g.log(rate)?, g.plus_number(held, 1.0)?);
        let (power, factorial) = (g.mul(held, log)?, g.lgamma(next)?);
        let rest = g.sub(power, rate)?;
        g.sub(rest, factorial)?
    };
    let below = g.le(left, right)?;
    Ok((value, g.and(is_count, below)?))
}

/// The number of trials to the first success, i64 from 1 on, of probability `p` in (0, 1] each (f32 or f64, which broadcasts to
/// `shape`). Errors: `DType` unless `p` is f32 or f64; `Shape` if it does not broadcast.
/// Source: the exponential distribution, rounded up.
pub fn geometric(g: &mut Graph, key: NodeId, p: NodeId, shape: &Shape) -> Result<NodeId> {
    let dtype = g.ty(p).dtype;
    let u = uniform_open(g, key, dtype, shape)?;
    let negated = g.neg(p)?;
    let (chance, failure) = (g.log(u)?, g.log1p(negated)?);
    let trials = g.div(chance, failure)?;
    let up = g.ceil(trials)?;
    let one = g.scalar(dtype, 1.0)?;
    let held = g.max(up, one)?;
    g.cast(held, DType::I64)
}
