//! The unit executor, for any vectors of x86-64.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::{__m256, __m256d, __m512, __m512d, _MM_HINT_T0, _mm_prefetch};

use super::super::vector::{Element, Vector};
use super::{Code, From, Inner, Op, Outer, SLOT_BYTES, To, cached};

/// Bytes that are fetched ahead of those that are worked on.
const AHEAD_BYTES: usize = 4096;
/// Bytes of a line of the caches.
const LINE_BYTES: usize = 64;
/// Lanes of a slot, at most.
const SLOT_LANES: usize = SLOT_BYTES / 4;

/// Runs the instructions over elements `from .. to`; `ahead` are addresses of first elements that are read from memory.
///
/// # Safety
/// The processor has the instruction set of `V`, of which `N` are at most [`SLOT_BYTES`]. Each address is valid for elements `from .. to`,
/// each slot for as many bytes. No memory that is written overlaps other memory, unless it is the same elements and each is
/// read before it is written.
#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(ops: &[Op], (from, to): (usize, usize), ahead: &[*const u8]) {
    let (mut at, lanes) = (from, V::LANES);
    unsafe {
        while at + N * lanes <= to {
            for &address in ahead {
                fetch(address.wrapping_add(at * size_of::<V::Element>()), N * size_of::<V>());
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

/// Fetches so many bytes that come some way behind an address.
#[inline(always)]
pub fn fetch(address: *const u8, bytes: usize) {
    for line in (0..bytes).step_by(LINE_BYTES) {
        // SAFETY: a hint; no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.wrapping_add(AHEAD_BYTES + line).cast()) };
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
        let mut last = [V::splat(V::Element::of(0.0)); N];
        for op in ops {
            last = computed::<V, N, PART>(op, &last, at, count);
            if let Some(slot) = op.slot {
                for i in 0..N {
                    last[i].store(slot.cast::<V::Element>().add(i * V::LANES));
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
            To::Memory(to) | To::Streamed(to) if PART => values[0].store_part(to.cast::<V::Element>().add(at), count),
            To::Memory(to) => {
                for i in 0..N {
                    values[i].store(to.cast::<V::Element>().add(at + i * V::LANES));
                }
            }
            To::Streamed(to) => {
                for i in 0..N {
                    values[i].stream(to.cast::<V::Element>().add(at + i * V::LANES));
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
            From::Memory(from) if PART => each!(N, values[i] = V::load_part(from.cast::<V::Element>().add(at), count)),
            From::Memory(from) => each!(N, values[i] = V::load(from.cast::<V::Element>().add(at + i * V::LANES))),
            From::Slot(from) => each!(N, values[i] = V::load(from.cast::<V::Element>().add(i * V::LANES))),
            From::Bools(from) => each!(N, values[i] = V::load_bools(from.add(at + i * V::LANES), count.min(V::LANES))),
        }
    }
}

#[inline(always)]
unsafe fn computed<V: Vector, const N: usize, const PART: bool>(op: &Op, last: &[V; N], at: usize, count: usize) -> [V; N] {
    unsafe {
        let mut a = operand::<V, N, PART>(op.operands[0], last, at, count);
        let number = |x: f32| V::Element::of(x);
        let [sign, all, one] = [V::splat(number(-0.0)), V::splat(V::Element::all_bits()), V::splat(number(1.0))];
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
            Code::Exp => elements(a, V::Element::exp),
            Code::Expm1 => elements(a, V::Element::expm1),
            Code::Log => elements(a, V::Element::log),
            Code::Log1p => elements(a, V::Element::log1p),
            Code::Tanh => elements(a, V::Element::tanh),
            Code::Erf => elements(a, V::Element::erf),
            Code::Two(inner, outer) => {
                let a = match inner {
                    Inner::Add => two!(V::add),
                    Inner::Sub => two!(V::sub),
                    Inner::Mul => two!(V::mul),
                };
                let c = operand::<V, N, PART>(op.operands[2], last, at, count);
                let mut value = a;
                match outer {
                    Outer::Add => each!(N, value[i] = V::add(a[i], c[i])),
                    Outer::Sub => each!(N, value[i] = V::sub(a[i], c[i])),
                    Outer::From => each!(N, value[i] = V::sub(c[i], a[i])),
                    Outer::Mul => each!(N, value[i] = V::mul(a[i], c[i])),
                }
            }
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
pub unsafe fn elements<V: Vector, const N: usize>(mut values: [V; N], f: impl Fn(V::Element) -> V::Element) -> [V; N] {
    let mut lanes = [V::Element::of(0.0); SLOT_LANES];
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

/// An executor with these vectors.
macro_rules! runs {
    ($($name:ident: $run:expr, $features:literal;)*) => { $(
        /// As [`run`].
        ///
        /// # Safety
        /// The processor has these instructions; else as [`run`].
        #[target_feature(enable = $features)]
        pub unsafe fn $name(ops: &[Op], range: (usize, usize), ahead: &[*const u8]) {
            // SAFETY: the function's own condition.
            unsafe { $run(ops, range, ahead) }
        }
    )* };
}

runs! {
    singles_avx512: run::<__m512, 8>, "avx512f,avx512dq,avx512vl,avx512bw";
    doubles_avx512: run::<__m512d, 8>, "avx512f,avx512dq,avx512vl,avx512bw";
    singles_avx2: cached::run::<__m256>, "avx2";
    doubles_avx2: cached::run::<__m256d>, "avx2";
}
