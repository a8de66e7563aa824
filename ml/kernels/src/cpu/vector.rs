//! Vectors of f32 as the processor has them, for code that keeps values in its registers from one instruction of a chain to
//! the next. Each function is the one that `map1`, `map2` and `blocks` compute, rounded alike, so all have the same bits.
//!
//! A bool is a lane of all bits or none.

use std::arch::x86_64::*;

/// One register's worth of f32.
///
/// # Safety
/// All functions: the processor has the instruction set of the type. Pointers: see each.
pub trait Vector: Copy {
    /// Lanes.
    const LANES: usize;
    /// The same number in each lane.
    unsafe fn splat(x: f32) -> Self;
    /// Reads all lanes from `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// Reads the first `count` lanes; zeros elsewhere.
    unsafe fn load_part(from: *const f32, count: usize) -> Self;
    /// Reads `count` bools of a byte each.
    unsafe fn load_bools(from: *const u8, count: usize) -> Self;
    /// Writes all lanes to `to`.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `count` lanes.
    unsafe fn store_part(self, to: *mut f32, count: usize);
    /// Writes `count` bools of a byte each.
    unsafe fn store_bools(self, to: *mut u8, count: usize);
    /// Writes all lanes past the caches; `to` is aligned to the vector.
    unsafe fn stream(self, to: *mut f32);
    /// Sum.
    unsafe fn add(a: Self, b: Self) -> Self;
    /// Difference.
    unsafe fn sub(a: Self, b: Self) -> Self;
    /// Product.
    unsafe fn mul(a: Self, b: Self) -> Self;
    /// Quotient.
    unsafe fn div(a: Self, b: Self) -> Self;
    /// Square root.
    unsafe fn sqrt(a: Self) -> Self;
    /// The larger; the first if it is NaN, else the second where neither is larger.
    unsafe fn larger(self, other: Self) -> Self;
    /// The smaller; the first if it is NaN, else the second where neither is smaller.
    unsafe fn smaller(self, other: Self) -> Self;
    /// Bits in both.
    unsafe fn and(a: Self, b: Self) -> Self;
    /// Bits in one or the other.
    unsafe fn or(a: Self, b: Self) -> Self;
    /// Bits in one alone.
    unsafe fn xor(a: Self, b: Self) -> Self;
    /// True where equal.
    unsafe fn eq(self, other: Self) -> Self;
    /// True where less.
    unsafe fn lt(self, other: Self) -> Self;
    /// True where less or equal.
    unsafe fn le(self, other: Self) -> Self;
    /// `a` where this bool is true, else `b`.
    unsafe fn choose(self, a: Self, b: Self) -> Self;
}

/// Functions that are one instruction.
macro_rules! instructions {
    ($($name:ident($instruction:ident: $($operand:ident: $ty:ty),*) -> Self;)*) => { $(
        #[inline(always)]
        unsafe fn $name($($operand: $ty),*) -> Self {
            unsafe { $instruction($($operand),*) }
        }
    )* };
}

impl Vector for __m512 {
    const LANES: usize = 16;

    instructions! {
        splat(_mm512_set1_ps: x: f32) -> Self;
        load(_mm512_loadu_ps: from: *const f32) -> Self;
        add(_mm512_add_ps: a: Self, b: Self) -> Self;
        sub(_mm512_sub_ps: a: Self, b: Self) -> Self;
        mul(_mm512_mul_ps: a: Self, b: Self) -> Self;
        div(_mm512_div_ps: a: Self, b: Self) -> Self;
        sqrt(_mm512_sqrt_ps: a: Self) -> Self;
        and(_mm512_and_ps: a: Self, b: Self) -> Self;
        or(_mm512_or_ps: a: Self, b: Self) -> Self;
        xor(_mm512_xor_ps: a: Self, b: Self) -> Self;
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps(first(count), from) }
    }

    #[inline(always)]
    unsafe fn load_bools(from: *const u8, count: usize) -> Self {
        unsafe {
            let bytes = _mm_maskz_loadu_epi8(first(count), from.cast());
            _mm512_castsi512_ps(_mm512_movm_epi32(_mm_test_epi8_mask(bytes, bytes)))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(to, first(count), self) }
    }

    #[inline(always)]
    unsafe fn store_bools(self, to: *mut u8, count: usize) {
        unsafe {
            let bytes = _mm_maskz_set1_epi8(_mm512_movepi32_mask(_mm512_castps_si512(self)), 1);
            _mm_mask_storeu_epi8(to.cast(), first(count), bytes);
        }
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        unsafe { _mm512_stream_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        // The instruction gives the second wherever a NaN is met.
        unsafe { _mm512_mask_mov_ps(_mm512_max_ps(self, other), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self), self) }
    }

    #[inline(always)]
    unsafe fn smaller(self, other: Self) -> Self {
        unsafe { _mm512_mask_mov_ps(_mm512_min_ps(self, other), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self), self) }
    }

    #[inline(always)]
    unsafe fn eq(self, other: Self) -> Self {
        unsafe { spread(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self, other)) }
    }

    #[inline(always)]
    unsafe fn lt(self, other: Self) -> Self {
        unsafe { spread(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self, other)) }
    }

    #[inline(always)]
    unsafe fn le(self, other: Self) -> Self {
        unsafe { spread(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(self, other)) }
    }

    #[inline(always)]
    unsafe fn choose(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_mask_mov_ps(b, _mm512_movepi32_mask(_mm512_castps_si512(self)), a) }
    }
}

/// A mask of the first `count` lanes.
#[inline(always)]
fn first(count: usize) -> __mmask16 {
    if count >= 16 { !0 } else { (1 << count) - 1 }
}

/// A mask as a bool a lane.
#[inline(always)]
unsafe fn spread(mask: __mmask16) -> __m512 {
    unsafe { _mm512_castsi512_ps(_mm512_movm_epi32(mask)) }
}

impl Vector for __m256 {
    const LANES: usize = 8;

    instructions! {
        splat(_mm256_set1_ps: x: f32) -> Self;
        load(_mm256_loadu_ps: from: *const f32) -> Self;
        add(_mm256_add_ps: a: Self, b: Self) -> Self;
        sub(_mm256_sub_ps: a: Self, b: Self) -> Self;
        mul(_mm256_mul_ps: a: Self, b: Self) -> Self;
        div(_mm256_div_ps: a: Self, b: Self) -> Self;
        sqrt(_mm256_sqrt_ps: a: Self) -> Self;
        and(_mm256_and_ps: a: Self, b: Self) -> Self;
        or(_mm256_or_ps: a: Self, b: Self) -> Self;
        xor(_mm256_xor_ps: a: Self, b: Self) -> Self;
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        let mut lanes = [0f32; 8];
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count.min(8));
            _mm256_loadu_ps(lanes.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn load_bools(from: *const u8, count: usize) -> Self {
        let mut bytes = [0u8; 8];
        unsafe {
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), count.min(8));
            let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes.as_ptr().cast()));
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(lanes, _mm256_setzero_si256()))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        let mut lanes = [0f32; 8];
        unsafe {
            _mm256_storeu_ps(lanes.as_mut_ptr(), self);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count.min(8));
        }
    }

    #[inline(always)]
    unsafe fn store_bools(self, to: *mut u8, count: usize) {
        let mask = unsafe { _mm256_movemask_ps(self) };
        for lane in 0..count.min(8) {
            unsafe { *to.add(lane) = (mask >> lane) as u8 & 1 };
        }
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        unsafe { _mm256_stream_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        unsafe { _mm256_blendv_ps(_mm256_max_ps(self, other), self, _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self)) }
    }

    #[inline(always)]
    unsafe fn smaller(self, other: Self) -> Self {
        unsafe { _mm256_blendv_ps(_mm256_min_ps(self, other), self, _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self)) }
    }

    #[inline(always)]
    unsafe fn eq(self, other: Self) -> Self {
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn lt(self, other: Self) -> Self {
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn le(self, other: Self) -> Self {
        unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn choose(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_blendv_ps(b, a, self) }
    }
}
