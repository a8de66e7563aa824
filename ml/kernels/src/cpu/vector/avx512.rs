//! Vectors of 512 bits.

use std::arch::x86_64::*;

use super::{Vector, instructions};

macro_rules! vector {
    (
        $vector:ty, $element:ident, $lanes:literal, $mask:ty;
        $splat:ident $load:ident $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $fmadd:ident $and:ident $or:ident $xor:ident;
        $load_part:ident $store:ident $store_part:ident $stream:ident $max:ident $min:ident $pick:ident $compare:ident;
        $to_bits:ident $of_bits:ident $spread:ident $mask_of:ident
    ) => {
        impl Vector for $vector {
            type Element = $element;
            const LANES: usize = $lanes;

            instructions! {
                splat($splat: x: $element);
                load($load: from: *const $element);
                add($add: a: Self, b: Self);
                sub($sub: a: Self, b: Self);
                mul($mul: a: Self, b: Self);
                div($div: a: Self, b: Self);
                sqrt($sqrt: a: Self);
                multiply_add($fmadd: a: Self, b: Self, sum: Self);
                and($and: a: Self, b: Self);
                or($or: a: Self, b: Self);
                xor($xor: a: Self, b: Self);
            }

            #[inline(always)]
            unsafe fn load_part(from: *const $element, count: usize) -> Self {
                unsafe { $load_part(first(count) as $mask, from) }
            }

            #[inline(always)]
            unsafe fn load_bools(from: *const u8, count: usize) -> Self {
                unsafe {
                    let bytes = _mm_maskz_loadu_epi8(first(count.min($lanes)), from.cast());
                    $of_bits($spread(_mm_test_epi8_mask(bytes, bytes) as $mask))
                }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn store_part(self, to: *mut $element, count: usize) {
                unsafe { $store_part(to, first(count) as $mask, self) }
            }

            #[inline(always)]
            unsafe fn store_bools(self, to: *mut u8, count: usize) {
                unsafe {
                    let bytes = _mm_maskz_set1_epi8($mask_of($to_bits(self)) as __mmask16, 1);
                    _mm_mask_storeu_epi8(to.cast(), first(count.min($lanes)), bytes);
                }
            }

            #[inline(always)]
            unsafe fn stream(self, to: *mut $element) {
                unsafe { $stream(to, self) }
            }

            #[inline(always)]
            unsafe fn larger(self, other: Self) -> Self {
                // The instruction gives the second wherever a NaN is met.
                unsafe { $pick($max(self, other), $compare::<_CMP_UNORD_Q>(self, self), self) }
            }

            #[inline(always)]
            unsafe fn smaller(self, other: Self) -> Self {
                unsafe { $pick($min(self, other), $compare::<_CMP_UNORD_Q>(self, self), self) }
            }

            #[inline(always)]
            unsafe fn eq(self, other: Self) -> Self {
                unsafe { $of_bits($spread($compare::<_CMP_EQ_OQ>(self, other))) }
            }

            #[inline(always)]
            unsafe fn lt(self, other: Self) -> Self {
                unsafe { $of_bits($spread($compare::<_CMP_LT_OQ>(self, other))) }
            }

            #[inline(always)]
            unsafe fn le(self, other: Self) -> Self {
                unsafe { $of_bits($spread($compare::<_CMP_LE_OQ>(self, other))) }
            }

            #[inline(always)]
            unsafe fn choose(self, a: Self, b: Self) -> Self {
                unsafe { $pick(b, $mask_of($to_bits(self)), a) }
            }
        }
    };
}

vector! {
    __m512, f32, 16, __mmask16;
    _mm512_set1_ps _mm512_loadu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_sqrt_ps
    _mm512_fmadd_ps _mm512_and_ps _mm512_or_ps _mm512_xor_ps;
    _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps _mm512_stream_ps
    _mm512_max_ps _mm512_min_ps _mm512_mask_mov_ps _mm512_cmp_ps_mask;
    _mm512_castps_si512 _mm512_castsi512_ps _mm512_movm_epi32 _mm512_movepi32_mask
}

vector! {
    __m512d, f64, 8, __mmask8;
    _mm512_set1_pd _mm512_loadu_pd _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_sqrt_pd
    _mm512_fmadd_pd _mm512_and_pd _mm512_or_pd _mm512_xor_pd;
    _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd _mm512_stream_pd
    _mm512_max_pd _mm512_min_pd _mm512_mask_mov_pd _mm512_cmp_pd_mask;
    _mm512_castpd_si512 _mm512_castsi512_pd _mm512_movm_epi64 _mm512_movepi64_mask
}

/// A mask of the first `count` lanes.
#[inline(always)]
fn first(count: usize) -> __mmask16 {
    if count >= 16 { !0 } else { (1 << count) - 1 }
}
