//! The unit executor, for any vectors of x86-64.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::{__m256, __m512, _MM_HINT_T0, _mm_prefetch};

use super::super::math::{erf, single};
use super::super::vector::Vector;
use super::{Code, From, Op, SLOT, To};

/// Elements that are fetched ahead of those that are worked on.
const AHEAD: usize = 1024;

/// Runs the instructions over elements `from .. to`; `ahead` are addresses of first elements that are read from memory.
///
/// # Safety
/// The processor has the instruction set of `V`, which has at most `SLOT / N` lanes. Each address is valid for elements `from .. to`,
/// each slot for [`SLOT`] of them. No memory that is written overlaps other memory, unless it is the same elements and each is
/// read before it is written.
#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(ops: &[Op], (from, to): (usize, usize), ahead: &[*const f32]) {
    let (mut at, lanes) = (from, V::LANES);
    unsafe {
        while at + N * lanes <= to {
            for &address in ahead {
                fetch(address.wrapping_add(at + AHEAD), N * lanes);
            }
            unit::<V, N, false>(ops, at, N * lanes);
            at += N * lanes;
        }
        while at + 2 * lanes <= to {
            unit::<V, 2, false>(ops, at, 2 * lanes);
            at += 2 * lanes;
        }
        while at + lanes <= to {
            unit::<V, 1, false>(ops, at, lanes);
            at += lanes;
        }
        if at < to {
            unit::<V, 1, true>(ops, at, to - at);
        }
    }
}

#[inline(always)]
unsafe fn fetch(address: *const f32, count: usize) {
    for line in (0..count).step_by(16) {
        // SAFETY: a hint; no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(line).cast()) };
    }
}

/// `$f` of each of several vectors, written out where it stands: a closure would be a function without their instructions.
macro_rules! each {
    ($N:expr, $result:ident[$i:ident] = $f:expr) => {{
        let mut $i = 0;
        while $i < $N {
            $result[$i] = $f;
            $i += 1;
        }
        $result
    }};
}

/// One unit: elements `at .. at + count`.
#[inline(always)]
unsafe fn unit<V: Vector, const N: usize, const PART: bool>(ops: &[Op], at: usize, count: usize) {
    unsafe {
        let mut last = [V::splat(0.0); N];
        for op in ops {
            last = computed::<V, N, PART>(op, &last, at, count);
            if let Some(slot) = op.slot {
                for i in 0..N {
                    last[i].store(slot.add(i * V::LANES));
                }
            }
            put::<V, N, PART>(op.to, &last, at, count);
        }
    }
}

#[inline(always)]
unsafe fn put<V: Vector, const N: usize, const PART: bool>(to: To, values: &[V; N], at: usize, count: usize) {
    unsafe {
        match to {
            To::Nowhere => {}
            To::Memory(to) | To::Streamed(to) if PART => values[0].store_part(to.add(at), count),
            To::Memory(to) => {
                for i in 0..N {
                    values[i].store(to.add(at + i * V::LANES));
                }
            }
            To::Streamed(to) => {
                for i in 0..N {
                    values[i].stream(to.add(at + i * V::LANES));
                }
            }
            To::Bools(to) => {
                for i in 0..N {
                    values[i].store_bools(to.add(at + i * V::LANES), count - i * V::LANES);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn operand<V: Vector, const N: usize, const PART: bool>(from: From, last: &[V; N], at: usize, count: usize) -> [V; N] {
    unsafe {
        let mut values = *last;
        match from {
            From::Last => values,
            From::Memory(from) if PART => each!(N, values[i] = V::load_part(from.add(at), count)),
            From::Memory(from) => each!(N, values[i] = V::load(from.add(at + i * V::LANES))),
            From::Slot(from) => each!(N, values[i] = V::load(from.add(i * V::LANES))),
            From::Bools(from) => each!(N, values[i] = V::load_bools(from.add(at + i * V::LANES), count.min(V::LANES))),
        }
    }
}

#[inline(always)]
unsafe fn computed<V: Vector, const N: usize, const PART: bool>(op: &Op, last: &[V; N], at: usize, count: usize) -> [V; N] {
    unsafe {
        let mut a = operand::<V, N, PART>(op.operands[0], last, at, count);
        let [sign, all, one] = [V::splat(-0.0), V::splat(f32::from_bits(!0)), V::splat(1.0)];
        macro_rules! two {
            ($f:expr) => {{
                let b = operand::<V, N, PART>(op.operands[1], last, at, count);
                each!(N, a[i] = $f(a[i], b[i]))
            }};
        }
        match op.code {
            Code::Add => two!(V::add),
            Code::Sub => two!(V::sub),
            Code::Mul => two!(V::mul),
            Code::Div => two!(V::div),
            Code::Max => two!(V::larger),
            Code::Min => two!(V::smaller),
            Code::Eq => two!(V::eq),
            Code::Lt => two!(V::lt),
            Code::Le => two!(V::le),
            Code::And => two!(V::and),
            Code::Or => two!(V::or),
            Code::Xor => two!(V::xor),
            Code::Not => each!(N, a[i] = V::xor(a[i], all)),
            Code::Neg => each!(N, a[i] = V::xor(a[i], sign)),
            Code::Abs => each!(N, a[i] = V::and(a[i], V::xor(all, sign))),
            Code::Sqrt => each!(N, a[i] = V::sqrt(a[i])),
            Code::Rsqrt => each!(N, a[i] = V::div(one, V::sqrt(a[i]))),
            Code::Number => each!(N, a[i] = V::and(a[i], one)),
            Code::Exp => elements(a, single::exp),
            Code::Expm1 => elements(a, single::expm1),
            Code::Log => elements(a, single::log),
            Code::Log1p => elements(a, single::log1p),
            Code::Tanh => elements(a, single::tanh),
            Code::Erf => elements(a, erf::erf),
            Code::Select => {
                let b = operand::<V, N, PART>(op.operands[1], last, at, count);
                let c = operand::<V, N, PART>(op.operands[2], last, at, count);
                each!(N, a[i] = a[i].choose(b[i], c[i]))
            }
        }
    }
}

/// A function that is written for one element, of all.
#[inline(always)]
unsafe fn elements<V: Vector, const N: usize>(mut values: [V; N], f: impl Fn(f32) -> f32) -> [V; N] {
    let mut lanes = [0f32; SLOT];
    unsafe {
        for i in 0..N {
            values[i].store(lanes.as_mut_ptr().add(i * V::LANES));
        }
        for x in &mut lanes[..N * V::LANES] {
            *x = f(*x);
        }
        each!(N, values[i] = V::load(lanes.as_ptr().add(i * V::LANES)))
    }
}

/// As [`run`].
///
/// # Safety
/// The processor has these instructions; else as [`run`].
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
pub unsafe fn run_avx512(ops: &[Op], range: (usize, usize), ahead: &[*const f32]) {
    // SAFETY: the function's own condition.
    unsafe { run::<__m512, 8>(ops, range, ahead) }
}

/// As [`run`].
///
/// # Safety
/// The processor has these instructions; else as [`run`].
#[target_feature(enable = "avx2")]
pub unsafe fn run_avx2(ops: &[Op], range: (usize, usize), ahead: &[*const f32]) {
    // SAFETY: the function's own condition.
    unsafe { run::<__m256, 4>(ops, range, ahead) }
}
