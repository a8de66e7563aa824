//! How words of four bytes are multiplied and added.

use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::mem::transmute;

use super::panels::Lanes;
use crate::cpu::vector::Vector;

/// How a word of the left is multiplied by a register's words of the right, and added.
pub trait Words {
    /// The register.
    type Register: Lanes;
    /// Rows of a block of the result: with two registers a row, as many as the processor has registers for.
    const ROWS: usize;
    /// Bytes of a word of the right, as it lies.
    const RIGHT_BYTES: usize = 4;
    /// True if a panel is copied even where its rows are contiguous, if it is read often enough: rows far apart fill few places of a
    /// first-level cache.
    const PACKS_OFTEN: bool = false;

    /// `sum + a b`, lane by lane. The processor has the instructions.
    unsafe fn multiply_add(a: Self::Register, b: Self::Register, sum: Self::Register) -> Self::Register;

    /// The word of the right that is so many words behind another.
    #[inline(always)]
    fn right_at(from: *const f32, words: usize) -> *const f32 {
        from.wrapping_byte_add(words * Self::RIGHT_BYTES)
    }

    /// The first `count` words of the right from there on, zeros in other lanes. They can be read; the processor has the instructions.
    #[inline(always)]
    unsafe fn right(from: *const f32, count: usize) -> Self::Register {
        unsafe {
            match count >= Self::Register::LANES {
                true => Self::Register::load(from),
                false => Self::Register::load_part(from, count),
            }
        }
    }
}

/// A word is an f32.
pub struct Singles<V>(PhantomData<V>);

impl Words for Singles<__m512> {
    type Register = __m512;
    const ROWS: usize = 8;
    const PACKS_OFTEN: bool = true;

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        unsafe { __m512::multiply_add(a, b, sum) }
    }
}

impl Words for Singles<__m256> {
    type Register = __m256;
    const ROWS: usize = 6;
    const PACKS_OFTEN: bool = true;

    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, sum: __m256) -> __m256 {
        unsafe { __m256::multiply_add(a, b, sum) }
    }
}

/// A word is two bf16.
pub struct Pairs;

impl Words for Pairs {
    type Register = __m512;
    const ROWS: usize = 8;

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: vectors of the same size, of which all bits are values.
        unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512, __m512bh>(a), transmute::<__m512, __m512bh>(b)) }
    }
}

/// A word is an f32; those of the right lie as bf16, and are widened in the register.
pub struct Widened<V>(PhantomData<V>);

impl Words for Widened<__m512> {
    type Register = __m512;
    const ROWS: usize = 8;
    const RIGHT_BYTES: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        unsafe { __m512::multiply_add(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn right(from: *const f32, count: usize) -> __m512 {
        let lanes = if count >= __m512::LANES { !0 } else { (1 << count) - 1 };
        unsafe {
            let halves = _mm256_maskz_loadu_epi16(lanes, from.cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
        }
    }
}

impl Words for Widened<__m256> {
    type Register = __m256;
    const ROWS: usize = 6;
    const RIGHT_BYTES: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, sum: __m256) -> __m256 {
        unsafe { __m256::multiply_add(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn right(from: *const f32, count: usize) -> __m256 {
        let mut halves = [0u16; __m256::LANES];
        unsafe {
            let halves = if count >= __m256::LANES {
                _mm_loadu_si128(from.cast())
            } else {
                std::ptr::copy_nonoverlapping(from.cast(), halves.as_mut_ptr(), count);
                _mm_loadu_si128(halves.as_ptr().cast())
            };
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
        }
    }
}
