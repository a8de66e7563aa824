//! Vectors of 256 bits.

use std::arch::x86_64::*;

use super::{Vector, instructions};

/// A vector of all bits, then one of none: a mask of the first lanes begins as many lanes before the middle.
static FIRST: [u64; 8] = [!0, !0, !0, !0, 0, 0, 0, 0];

macro_rules! vector {
    (
        $vector:ty, $element:ident, $lanes:literal;
        $splat:ident $load:ident $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $fmadd:ident $and:ident $or:ident $xor:ident;
        $load_part:ident $store:ident $stream:ident $max:ident $min:ident $blend:ident $compare:ident;
        $widened:ident $above:ident $of_bits:ident $mask_of:ident
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
                if count >= $lanes {
                    return unsafe { $load(from) };
                }
                let missing = $lanes - count;
                unsafe { $load_part(from, _mm256_loadu_si256(FIRST.as_ptr().cast::<$element>().add(missing).cast())) }
            }

            #[inline(always)]
            unsafe fn load_bools(from: *const u8, count: usize) -> Self {
                let mut bytes = [0u8; 8];
                unsafe {
                    match count >= $lanes {
                        true => std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), $lanes),
                        false => std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), count),
                    }
                    let lanes = $widened(_mm_loadl_epi64(bytes.as_ptr().cast()));
                    $of_bits($above(lanes, _mm256_setzero_si256()))
                }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn store_part(self, to: *mut $element, count: usize) {
                if count >= $lanes {
                    return unsafe { $store(to, self) };
                }
                let mut lanes = [0.0; $lanes];
                unsafe {
                    $store(lanes.as_mut_ptr(), self);
                    std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
                }
            }

            #[inline(always)]
            unsafe fn store_bools(self, to: *mut u8, count: usize) {
                let bytes = bools(unsafe { $mask_of(self) });
                unsafe {
                    match count >= $lanes {
                        true => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, $lanes),
                        false => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, count),
                    }
                }
            }

            #[inline(always)]
            unsafe fn stream(self, to: *mut $element) {
                unsafe { $stream(to, self) }
            }

            #[inline(always)]
            unsafe fn larger(self, other: Self) -> Self {
                unsafe { $blend($max(self, other), self, $compare::<_CMP_UNORD_Q>(self, self)) }
            }

            #[inline(always)]
            unsafe fn smaller(self, other: Self) -> Self {
                unsafe { $blend($min(self, other), self, $compare::<_CMP_UNORD_Q>(self, self)) }
            }

            #[inline(always)]
            unsafe fn eq(self, other: Self) -> Self {
                unsafe { $compare::<_CMP_EQ_OQ>(self, other) }
            }

            #[inline(always)]
            unsafe fn lt(self, other: Self) -> Self {
                unsafe { $compare::<_CMP_LT_OQ>(self, other) }
            }

            #[inline(always)]
            unsafe fn le(self, other: Self) -> Self {
                unsafe { $compare::<_CMP_LE_OQ>(self, other) }
            }

            #[inline(always)]
            unsafe fn choose(self, a: Self, b: Self) -> Self {
                unsafe { $blend(b, a, self) }
            }
        }
    };
}

vector! {
    __m256, f32, 8;
    _mm256_set1_ps _mm256_loadu_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps _mm256_sqrt_ps
    _mm256_fmadd_ps _mm256_and_ps _mm256_or_ps _mm256_xor_ps;
    _mm256_maskload_ps _mm256_storeu_ps _mm256_stream_ps _mm256_max_ps _mm256_min_ps _mm256_blendv_ps _mm256_cmp_ps;
    _mm256_cvtepu8_epi32 _mm256_cmpgt_epi32 _mm256_castsi256_ps _mm256_movemask_ps
}

vector! {
    __m256d, f64, 4;
    _mm256_set1_pd _mm256_loadu_pd _mm256_add_pd _mm256_sub_pd _mm256_mul_pd _mm256_div_pd _mm256_sqrt_pd
    _mm256_fmadd_pd _mm256_and_pd _mm256_or_pd _mm256_xor_pd;
    _mm256_maskload_pd _mm256_storeu_pd _mm256_stream_pd _mm256_max_pd _mm256_min_pd _mm256_blendv_pd _mm256_cmp_pd;
    _mm256_cvtepu8_epi64 _mm256_cmpgt_epi64 _mm256_castsi256_pd _mm256_movemask_pd
}

/// A byte of 0 or 1 for each of eight bits.
#[inline(always)]
fn bools(bits: i32) -> [u8; 8] {
    let each = (bits as u8 as u64).wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201; // bit i in byte i
    (((each + 0x7f7f_7f7f_7f7f_7f7f) >> 7) & 0x0101_0101_0101_0101).to_le_bytes()
}
