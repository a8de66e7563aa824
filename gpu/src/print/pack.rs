//! Elements side by side that one access moves: how many, and which loads can be moved so.

use gradframe_ml_core::graph::{Fn1, Fn2};
use gradframe_ml_core::{DType, Dim};
use gradframe_ml_kernels::schedule::{AxisMap, Chain, Instr, Load, Pair, Value};

/// Bytes that one access moves, at most.
const PACK_BYTES: usize = 16;

/// How the elements that a load reads at places side by side on the innermost axis lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Side by side, the first at a multiple of their number.
    Pack,
    /// It is one element.
    Same,
    /// Anywhere.
    Each,
}

/// How many elements one access moves of arrays whose elements have at most so many bytes.
pub fn lanes(element_bytes: usize) -> usize {
    PACK_BYTES / element_bytes.clamp(1, PACK_BYTES)
}

/// The innermost axis that is longer than 1.
pub fn innermost(dims: &[Dim]) -> Option<usize> {
    dims.iter().rposition(|d| !d.is_one())
}

/// The largest part of `lanes`, a power of two, that divides a multiple of `factor`.
pub fn shared(lanes: usize, factor: u64) -> usize {
    if factor == 0 { lanes } else { lanes.min(1 << factor.trailing_zeros().min(16)) }
}

/// A number that divides this size, whatever its symbols are.
pub fn factor(dim: &Dim) -> u64 {
    greatest_divisor(dim.coefficient().unsigned_abs(), dim.constant().unsigned_abs())
}

fn greatest_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

/// A number that divides the number of elements of these dimensions; only its powers of two are right beyond 2^32.
pub fn factor_of_count(dims: &[Dim]) -> u64 {
    dims.iter().map(factor).fold(1, u64::wrapping_mul)
}

/// How a load reaches `lanes` places on axis `last` of the domain, the first of them at a multiple of `lanes`.
pub fn reach(load: &Load, last: usize, lanes: usize) -> Reach {
    if !load.axes.iter().any(|map| map.uses(last)) {
        return Reach::Same;
    }
    let mut stride = 1u64; // of the axes behind; a number that divides it where it is symbolic
    for (map, dim) in load.axes.iter().zip(load.shape.dims()).rev() {
        let is_aligned = map.terms.iter().all(|&(axis, step)| axis == last || is_multiple(stride, step.unsigned_abs(), lanes));
        let is_next = !map.uses(last) || (stride == 1 && has_step(map, last, 1));
        if !is_aligned || !is_next || !is_multiple(stride, factor(&map.start), lanes) {
            return Reach::Each;
        }
        if !dim.is_one() {
            // An axis of one place more than 1 times a symbol: whatever it is, it is no stride of 1.
            stride = stride.wrapping_mul(factor(dim));
            stride = if stride == 1 { u64::MAX } else { stride };
        }
    }
    if load.padded { Reach::Each } else { Reach::Pack }
}

fn is_multiple(stride: u64, step: u64, lanes: usize) -> bool {
    stride.wrapping_mul(step).is_multiple_of(lanes as u64)
}

fn has_step(map: &AxisMap, axis: usize, step: i64) -> bool {
    map.terms.contains(&(axis, step))
}

/// Machine instructions for one element of a chain, roughly: what is written out for several elements stays short.
pub fn work(chain: &Chain) -> usize {
    let of = |value: &Value| match (&value.instr, value.dtype) {
        (Instr::Threefry(..), _) => 80, // on 32 bits
        (instr, DType::F64) => 4 * of_instr(instr),
        (instr, _) => of_instr(instr),
    };
    chain.values.iter().map(of).sum()
}

fn of_instr(instr: &Instr) -> usize {
    match instr {
        Instr::Map1(f, _) => of_map1(*f),
        Instr::Map2(f, ..) => of_map2(*f),
        Instr::Pair(Pair { inner, outer, .. }) => of_map2(*inner) + of_map2(*outer),
        Instr::Scalar(_) | Instr::Spread(_) => 0,
        _ => 1,
    }
}

fn of_map1(f: Fn1) -> usize {
    match f {
        Fn1::Neg | Fn1::Abs | Fn1::Not | Fn1::IsNan | Fn1::IsFinite | Fn1::Floor | Fn1::Ceil | Fn1::Round => 1,
        Fn1::Sign => 4,
        Fn1::Exp | Fn1::Log | Fn1::Sqrt | Fn1::Rsqrt | Fn1::Tanh | Fn1::Erf => 16,
        Fn1::Sin | Fn1::Cos | Fn1::Tan => 80,
        _ => 200,
    }
}

fn of_map2(f: Fn2) -> usize {
    match f {
        Fn2::Div => 12,
        Fn2::Rem | Fn2::Pow | Fn2::Atan2 | Fn2::Gcd => 100,
        Fn2::Zeta | Fn2::Igamma | Fn2::Igammac => 400,
        _ => 1,
    }
}
