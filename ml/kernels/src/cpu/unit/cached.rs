//! The unit executor where registers are few: each instruction goes over a unit that lies in the first-level cache, and leaves it there
//! for the next.
//!
//! Sixteen registers hold no more than four vectors of an instruction's operands and result; choosing the next instruction would then take longer
//! than the instruction.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::mem::MaybeUninit;

use super::super::vector::{Element, Vector};
use super::x86::{elements, fetch};
use super::{Code, From, Inner, Op, Outer, SLOT_BYTES, To};

/// Memory of a unit's last result, and of up to three operands that are bools, as lanes. What is read was written before: of rows, a run
/// goes over so few elements that zeros would cost as much as an instruction.
#[repr(C, align(64))]
struct Memory([MaybeUninit<[u8; SLOT_BYTES]>; 4]);

/// Vectors of a function that is computed one lane at a time, together.
const TOGETHER: usize = 2;

/// Runs the instructions over elements `from .. to`; `ahead` are addresses of first elements that are read from memory.
///
/// # Safety
/// The processor has the instruction set of `V`. Each address is valid for elements `from .. to`, each slot for [`SLOT_BYTES`]. No memory that is
/// written overlaps other memory, unless it is the same elements and each is read before it is written.
#[inline(always)]
pub unsafe fn run<V: Vector>(ops: &[Op], (from, to): (usize, usize), ahead: &[*const u8]) {
    let (mut at, size, mut memory) = (from, size_of::<V::Element>(), Memory([MaybeUninit::uninit(); 4]));
    unsafe {
        while at < to {
            let count = (to - at).min(SLOT_BYTES / size);
            for &address in ahead {
                fetch(address.wrapping_add(at * size), SLOT_BYTES);
            }
            let whole = count / V::LANES;
            if whole == const { SLOT_BYTES / size_of::<V>() } {
                unit::<V, false>(ops, &mut memory, at, (const { SLOT_BYTES / size_of::<V>() }, V::LANES));
            } else if whole > 0 {
                unit::<V, false>(ops, &mut memory, at, (whole, V::LANES));
            }
            if count % V::LANES > 0 {
                unit::<V, true>(ops, &mut memory, at + whole * V::LANES, (1, count % V::LANES));
            }
            at += count;
        }
    }
}

/// `vectors` vectors of `lanes` lanes each from element `at` on; a part of one if `PART`.
#[inline(always)]
unsafe fn unit<V: Vector, const PART: bool>(ops: &[Op], memory: &mut Memory, at: usize, (vectors, lanes): (usize, usize)) {
    let [own, bools @ ..] = &mut memory.0;
    let own = own.as_mut_ptr().cast::<V::Element>();
    let mut last = own.cast_const();
    for op in ops {
        let mut operands = [last; 3];
        for i in 0..3 {
            operands[i] = match op.operands[i] {
                From::Last => last,
                From::Slot(from) => from.cast(),
                // SAFETY: the function's own condition.
                From::Memory(from) => unsafe { from.cast::<V::Element>().add(at) },
                From::Bools(from) => {
                    let widened = bools[i].as_mut_ptr().cast::<V::Element>();
                    for n in 0..vectors {
                        // SAFETY: the function's own condition; so many vectors are a unit at most.
                        unsafe { V::load_bools(from.add(at + n * V::LANES), lanes).store(widened.add(n * V::LANES)) };
                    }
                    widened.cast_const()
                }
            };
        }
        // SAFETY: the function's own condition.
        unsafe {
            let to = match (op.slot, op.to) {
                (Some(slot), _) => slot.cast(),
                (None, To::Memory(to)) => to.cast::<V::Element>().add(at),
                (None, _) => own,
            };
            // A part of a vector is computed elsewhere: there may be less than a vector of memory.
            let target = if PART { own } else { to };
            compute::<V, PART>(op.code, operands, target, (vectors, lanes));
            last = target;
            put::<V, PART>(op, last, at, (vectors, lanes));
        }
    }
}

/// Takes a result from where it was computed to where others expect it.
#[inline(always)]
unsafe fn put<V: Vector, const PART: bool>(op: &Op, result: *const V::Element, at: usize, (vectors, lanes): (usize, usize)) {
    let vector = |i: usize| result.wrapping_add(i * V::LANES);
    unsafe {
        if let (Some(slot), true) = (op.slot, PART) {
            V::load(result).store(slot.cast());
        }
        match op.to {
            To::Nowhere => {}
            To::Memory(to) | To::Streamed(to) if PART => V::load(result).store_part(to.cast::<V::Element>().add(at), lanes),
            To::Memory(to) => {
                if op.slot.is_some() {
                    for i in 0..vectors {
                        V::load(vector(i)).store(to.cast::<V::Element>().add(at + i * V::LANES));
                    }
                }
            }
            To::Streamed(to) => {
                for i in 0..vectors {
                    V::load(vector(i)).stream(to.cast::<V::Element>().add(at + i * V::LANES));
                }
            }
            To::Bools(to) => {
                for i in 0..vectors {
                    V::load(vector(i)).store_bools(to.add(at + i * V::LANES), lanes);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn compute<V: Vector, const PART: bool>(
    code: Code,
    [a, b, c]: [*const V::Element; 3],
    to: *mut V::Element,
    (vectors, lanes): (usize, usize),
) {
    let number = |x: f32| V::Element::of(x);
    unsafe {
        let [sign, all, one] = [V::splat(number(-0.0)), V::splat(V::Element::all_bits()), V::splat(number(1.0))];
        macro_rules! read {
            ($from:ident, $i:ident) => {
                if PART { V::load_part($from, lanes) } else { V::load($from.add($i * V::LANES)) }
            };
        }
        macro_rules! one {
            (|$x:ident| $f:expr) => {
                for i in 0..vectors {
                    let $x = read!(a, i);
                    $f.store(to.add(i * V::LANES));
                }
            };
        }
        macro_rules! two {
            ($f:expr) => {
                for i in 0..vectors {
                    $f(read!(a, i), read!(b, i)).store(to.add(i * V::LANES));
                }
            };
        }
        macro_rules! three {
            (|$x:ident, $y:ident, $z:ident| $f:expr) => {
                for i in 0..vectors {
                    let ($x, $y, $z) = (read!(a, i), read!(b, i), read!(c, i));
                    $f.store(to.add(i * V::LANES));
                }
            };
        }
        macro_rules! both {
            ($inner:expr, $outer:ident) => {
                match $outer {
                    Outer::Add => three!(|x, y, z| V::add($inner(x, y), z)),
                    Outer::Sub => three!(|x, y, z| V::sub($inner(x, y), z)),
                    Outer::From => three!(|x, y, z| V::sub(z, $inner(x, y))),
                    Outer::Mul => three!(|x, y, z| V::mul($inner(x, y), z)),
                }
            };
        }
        macro_rules! by_elements {
            ($f:expr) => {{
                let mut i = 0;
                while !PART && i + TOGETHER <= vectors {
                    let mut values = [V::splat(number(0.0)); TOGETHER];
                    for n in 0..TOGETHER {
                        values[n] = V::load(a.add((i + n) * V::LANES));
                    }
                    let values = elements(values, $f);
                    for n in 0..TOGETHER {
                        values[n].store(to.add((i + n) * V::LANES));
                    }
                    i += TOGETHER;
                }
                while i < vectors {
                    elements([read!(a, i)], $f)[0].store(to.add(i * V::LANES));
                    i += 1;
                }
            }};
        }
        match code {
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
            Code::Not => one!(|x| V::xor(x, all)),
            Code::Neg => one!(|x| V::xor(x, sign)),
            Code::Abs => one!(|x| V::and(x, V::xor(all, sign))),
            Code::Sqrt => one!(|x| V::sqrt(x)),
            Code::Rsqrt => one!(|x| V::div(one, V::sqrt(x))),
            Code::Number => one!(|x| V::and(x, one)),
            Code::Exp => by_elements!(V::Element::exp),
            Code::Expm1 => by_elements!(V::Element::expm1),
            Code::Log => by_elements!(V::Element::log),
            Code::Log1p => by_elements!(V::Element::log1p),
            Code::Tanh => by_elements!(V::Element::tanh),
            Code::Erf => by_elements!(V::Element::erf),
            Code::Select => three!(|condition, x, y| condition.choose(x, y)),
            Code::Two(Inner::Add, outer) => both!(V::add, outer),
            Code::Two(Inner::Sub, outer) => both!(V::sub, outer),
            Code::Two(Inner::Mul, outer) => both!(V::mul, outer),
        }
    }
}
