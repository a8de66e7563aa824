//! The places that put lines in order: each element becomes a whole number of the same order, and those are sorted by
//! their digits, the last one first. That keeps equal elements as they were.

use gradframe_ml_core::{DType, Result};
use half::{bf16, f16};

mod long;

use super::bytes::{Plain, typed, typed_mut};
use super::tasks;
use super::{Env, product};
use crate::schedule::Sort;

/// Lines shorter than this are sorted by comparing: counting digits would take longer.
const DIGITS_MIN: usize = 512;
/// Places of a long line that one task writes.
const LINES_PER_TASK: usize = 1 << 16;
/// Bits of a digit: its counts stay in the first-level cache.
const DIGIT_BITS: u32 = 11;

/// Runs the kernel.
pub fn run(kernel: &Sort, env: &Env, output: &mut [u8]) -> Result<()> {
    match env.schedule.buffers[kernel.values.index()].dtype {
        DType::Bool | DType::U8 => run_typed::<u8>(kernel, env, output),
        DType::I8 => run_typed::<i8>(kernel, env, output),
        DType::I16 => run_typed::<i16>(kernel, env, output),
        DType::I32 => run_typed::<i32>(kernel, env, output),
        DType::I64 => run_typed::<i64>(kernel, env, output),
        DType::U16 => run_typed::<u16>(kernel, env, output),
        DType::U32 => run_typed::<u32>(kernel, env, output),
        DType::U64 => run_typed::<u64>(kernel, env, output),
        DType::F16 => run_typed::<f16>(kernel, env, output),
        DType::BF16 => run_typed::<bf16>(kernel, env, output),
        DType::F32 => run_typed::<f32>(kernel, env, output),
        DType::F64 => run_typed::<f64>(kernel, env, output),
    }
}

/// A type whose elements have keys of the same order.
trait Ordered: Plain {
    /// Bits that a key uses.
    const BITS: u32;
    /// A number that is larger just where the element is; equal elements have equal ones, a NaN the largest.
    fn key(self) -> u64;
}

macro_rules! integers {
    ($($t:ty, $bits:literal, $flip:expr;)*) => { $(impl Ordered for $t {
        const BITS: u32 = $bits;
        #[inline(always)]
        fn key(self) -> u64 {
            // Signed: the sign bit turned, so that negative numbers come first.
            ((self as u64) & (u64::MAX >> (64 - $bits))) ^ $flip
        }
    })* };
}

integers! {
    u8, 8, 0; u16, 16, 0; u32, 32, 0; u64, 64, 0;
    i8, 8, 1 << 7; i16, 16, 1 << 15; i32, 32, 1 << 31; i64, 64, 1 << 63;
}

macro_rules! floats {
    ($($t:ty, $bits:literal, $zero:expr;)*) => { $(impl Ordered for $t {
        const BITS: u32 = $bits;
        #[inline(always)]
        fn key(self) -> u64 {
            const ALL: u64 = u64::MAX >> (64 - $bits);
            const SIGN: u64 = 1 << ($bits - 1);
            if self.is_nan() {
                return ALL;
            }
            let bits = if self == $zero { 0 } else { self.to_bits() as u64 }; // -0 is 0
            if bits & SIGN == 0 { bits | SIGN } else { !bits & ALL }
        }
    })* };
}

floats! { f16, 16, f16::ZERO; bf16, 16, bf16::ZERO; f32, 32, 0.0; f64, 64, 0.0; }

fn run_typed<T: Ordered>(kernel: &Sort, env: &Env, output: &mut [u8]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    if T::BITS <= 32 && u32::try_from(shape[kernel.axis]).is_ok() {
        sort_all::<T, Packed>(kernel, env, &shape, output)
    } else {
        sort_all::<T, Pair>(kernel, env, &shape, output)
    }
}

fn sort_all<T: Ordered, E: Entry>(kernel: &Sort, env: &Env, shape: &[usize], output: &mut [u8]) -> Result<()> {
    let (size, inner) = (shape[kernel.axis], product(&shape[kernel.axis + 1..]));
    let plane = size * inner;
    if output.is_empty() {
        return Ok(());
    }
    let values = typed::<T>(env.bytes(kernel.values.index()));
    let turned = if kernel.descending { u64::MAX >> (64 - T::BITS) } else { 0 };
    let output = typed_mut::<i64>(output);
    if size >= long::LONG_MIN {
        return sort_long::<T, E>(values, [size, inner], turned, env, output);
    }
    let planes_per_task = tasks::share(env.workers, output.len() / plane, tasks::TASK_BYTES_MIN / (16 * plane));
    tasks::for_each_chunk(env.workers, output, planes_per_task * plane, |task, output| {
        let mut line = Line::<E>::default();
        for (i, output) in output.chunks_mut(plane).enumerate() {
            let start = (task * planes_per_task + i) * plane;
            for column in 0..inner {
                let element = |k: usize| values[start + column + k * inner].key() ^ turned;
                line.sort((0..size).map(element), T::BITS);
                line.pairs.iter().enumerate().for_each(|(k, pair)| output[column + k * inner] = pair.place() as i64);
            }
        }
        Ok(())
    })
}

/// Lines one after the other, all threads at each.
fn sort_long<T: Ordered, E: Entry>(
    values: &[T],
    [size, inner]: [usize; 2],
    turned: u64,
    env: &Env,
    output: &mut [i64],
) -> Result<()> {
    for (plane, output) in output.chunks_mut(size * inner).enumerate() {
        for column in 0..inner {
            let start = plane * size * inner + column;
            let keys = |k: usize| values[start + k * inner].key() ^ turned;
            let entries = long::sorted::<E>(keys, size, T::BITS, env.workers)?;
            tasks::for_each_chunk(env.workers, output, LINES_PER_TASK * inner, |task, output| {
                let entries = entries[task * LINES_PER_TASK..].iter();
                output.chunks_mut(inner).zip(entries).for_each(|(o, entry)| o[column] = entry.place() as i64);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// A key and where it came from.
trait Entry: Copy + Default + Send + Sync {
    fn new(key: u64, place: usize) -> Self;
    fn key(&self) -> u64;
    fn place(&self) -> usize;
}

/// Any key.
#[derive(Clone, Copy, Default)]
struct Pair {
    key: u64,
    place: usize,
}

impl Entry for Pair {
    fn new(key: u64, place: usize) -> Self {
        Pair { key, place }
    }

    fn key(&self) -> u64 {
        self.key
    }

    fn place(&self) -> usize {
        self.place
    }
}

/// A key of at most 32 bits above a place below 2^32.
#[derive(Clone, Copy, Default)]
struct Packed(u64);

impl Entry for Packed {
    fn new(key: u64, place: usize) -> Self {
        Packed(key << 32 | place as u64)
    }

    fn key(&self) -> u64 {
        self.0 >> 32
    }

    fn place(&self) -> usize {
        self.0 as u32 as usize
    }
}

/// One line on its way into order, with memory for the next.
#[derive(Default)]
struct Line<E> {
    pairs: Vec<E>,
    moved: Vec<E>,
}

impl<E: Entry> Line<E> {
    fn sort(&mut self, keys: impl Iterator<Item = u64>, bits: u32) {
        self.pairs.clear();
        self.pairs.extend(keys.enumerate().map(|(place, key)| E::new(key, place)));
        if self.pairs.len() < DIGITS_MIN {
            return self.pairs.sort_by_key(E::key);
        }
        self.moved.clear();
        self.moved.resize(self.pairs.len(), E::default());
        (0..bits).step_by(DIGIT_BITS as usize).for_each(|shift| self.by_digit(shift));
    }

    fn by_digit(&mut self, shift: u32) {
        let digit = |pair: &E| (pair.key() >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        let mut starts = [0usize; 1 << DIGIT_BITS];
        self.pairs.iter().for_each(|pair| starts[digit(pair)] += 1);
        if starts.contains(&self.pairs.len()) {
            return; // all the same: nothing moves
        }
        let mut next = 0;
        for start in &mut starts {
            (*start, next) = (next, next + *start);
        }
        for pair in &self.pairs {
            let start = &mut starts[digit(pair)];
            self.moved[*start] = *pair;
            *start += 1;
        }
        std::mem::swap(&mut self.pairs, &mut self.moved);
    }
}
