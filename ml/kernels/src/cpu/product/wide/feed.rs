//! Rows of bf16 made ready to be multiplied.

use std::arch::x86_64::*;

use half::bf16;

use super::{LANES, PITCH, ROWS, UNIT};
use crate::cpu::product::turned::Lines;
use crate::cpu::vector::Vector;

/// A chunk as it lies.
#[derive(Clone, Copy)]
pub struct Piece {
    pub lines: Lines<bf16>,
    /// The rows that are there: the last one stands for those that are not.
    pub rows: usize,
    pub depth: usize,
}

/// What is made ready while a chunk is multiplied.
pub struct Feed {
    pub next: Piece,
    pub to: *mut f32,
    /// Where what is fetched begins.
    pub ahead: *const bf16,
    /// Units of each row that are ready.
    pub done: usize,
}

impl Feed {
    /// Where the next unit of all rows is, if all of it is there.
    #[inline(always)]
    pub fn unit(&self) -> Option<Unit> {
        let first = self.done * UNIT;
        let is_there = self.next.rows == ROWS && first + UNIT <= self.next.depth;
        match is_there {
            true => Some(Unit {
                from: self.next.lines.values.wrapping_add(first),
                to: self.to.wrapping_add(first),
                ahead: self.ahead.wrapping_add(first),
            }),
            false => None,
        }
    }

    /// What is left to do.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL. The chunk is inside its memory, `to` has room for it.
    #[inline(always)]
    pub unsafe fn rest(&mut self) {
        for first in (self.done * UNIT..self.next.depth).step_by(UNIT) {
            for row in 0..ROWS {
                let from = self.next.lines.moved(row.min(self.next.rows - 1)).values.wrapping_add(first);
                // SAFETY: the caller's condition.
                unsafe { widen(load(from, self.next.depth - first), self.to.add(row * PITCH + first)) };
            }
        }
    }
}

/// A unit of a row that is widened while others are multiplied.
#[derive(Clone, Copy)]
pub struct Unit {
    from: *const bf16,
    to: *mut f32,
    /// What is fetched.
    ahead: *const bf16,
}

impl Unit {
    /// Widens it, and gives that of the next row.
    ///
    /// # Safety
    /// As [`Feed::rest`].
    #[inline(always)]
    pub unsafe fn widen(self, row: isize) -> Self {
        // SAFETY: the caller's condition; the fetch is only a hint, also behind the end.
        unsafe {
            widen(load(self.from, UNIT), self.to);
            _mm_prefetch::<_MM_HINT_T0>(self.ahead.cast());
        }
        Unit { from: self.from.wrapping_offset(row), to: self.to.wrapping_add(PITCH), ahead: self.ahead.wrapping_offset(row) }
    }
}

/// The first `count` elements, zeros behind.
///
/// # Safety
/// The processor has AVX-512 F and BW. So many elements can be read.
#[inline(always)]
pub unsafe fn load(from: *const bf16, count: usize) -> __m512i {
    unsafe {
        match count >= UNIT {
            true => _mm512_loadu_si512(from.cast()),
            false => _mm512_maskz_loadu_epi16((1 << count) - 1, from.cast()),
        }
    }
}

/// Elements of even place, and those of odd place: a bf16 is the upper half of an f32.
///
/// # Safety
/// The processor has AVX-512 F.
#[inline(always)]
pub unsafe fn widened(elements: __m512i) -> (__m512, __m512) {
    unsafe {
        let upper = _mm512_and_si512(elements, _mm512_set1_epi32(0xffff_0000_u32.cast_signed()));
        (_mm512_castsi512_ps(_mm512_slli_epi32::<16>(elements)), _mm512_castsi512_ps(upper))
    }
}

/// Writes a unit, widened.
#[inline(always)]
unsafe fn widen(elements: __m512i, to: *mut f32) {
    // SAFETY: the caller's condition.
    unsafe {
        let (even, odd) = widened(elements);
        even.store(to);
        odd.store(to.add(LANES));
    }
}
