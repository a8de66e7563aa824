//! Conversions between element types over blocks.

use gradframe_ml_core::DType;
use half::{bf16, f16};

use super::bytes::{Plain, typed, typed_mut};
use super::simd::unary;

/// `dst[i] = src[i]` in another type. Floats truncate toward zero and saturate in integers (NaN: 0), integers wrap.
pub fn cast(from: DType, to: DType, src: &[u8], dst: &mut [u8]) {
    match (from, to) {
        (DType::F32, DType::BF16) => return unary(typed(src), typed_mut(dst), rounded),
        (DType::BF16, DType::F32) => return unary(typed(src), typed_mut(dst), widened),
        _ => {}
    }
    match from {
        DType::Bool | DType::U8 => to_any::<u8>(to, src, dst),
        DType::I8 => to_any::<i8>(to, src, dst),
        DType::I16 => to_any::<i16>(to, src, dst),
        DType::I32 => to_any::<i32>(to, src, dst),
        DType::I64 => to_any::<i64>(to, src, dst),
        DType::U16 => to_any::<u16>(to, src, dst),
        DType::U32 => to_any::<u32>(to, src, dst),
        DType::U64 => to_any::<u64>(to, src, dst),
        DType::F16 => to_any::<f16>(to, src, dst),
        DType::BF16 => to_any::<bf16>(to, src, dst),
        DType::F32 => to_any::<f32>(to, src, dst),
        DType::F64 => to_any::<f64>(to, src, dst),
    }
}

/// To the nearest, ties to even, as `half` does it; a NaN stays one.
#[inline(always)]
fn rounded(x: f32) -> u16 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    let upper = if x.is_nan() { bits | 0x40_0000 } else { nearest };
    (upper >> 16) as u16
}

/// A bf16 is the upper half of an f32.
#[inline(always)]
fn widened(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

fn to_any<S: Numeric>(to: DType, src: &[u8], dst: &mut [u8]) {
    let src = typed::<S>(src);
    match to {
        DType::Bool => unary(src, dst, |x| x.is_true() as u8),
        DType::I8 => unary(src, typed_mut::<i8>(dst), |x| x.to_i8()),
        DType::I16 => unary(src, typed_mut::<i16>(dst), |x| x.to_i16()),
        DType::I32 => unary(src, typed_mut::<i32>(dst), |x| x.to_i32()),
        DType::I64 => unary(src, typed_mut::<i64>(dst), |x| x.to_i64()),
        DType::U8 => unary(src, dst, |x| x.to_u8()),
        DType::U16 => unary(src, typed_mut::<u16>(dst), |x| x.to_u16()),
        DType::U32 => unary(src, typed_mut::<u32>(dst), |x| x.to_u32()),
        DType::U64 => unary(src, typed_mut::<u64>(dst), |x| x.to_u64()),
        DType::F16 => unary(src, typed_mut::<f16>(dst), |x| f16::from_f64(x.to_f64())),
        DType::BF16 => unary(src, typed_mut::<bf16>(dst), |x| bf16::from_f64(x.to_f64())),
        DType::F32 => unary(src, typed_mut::<f32>(dst), |x| x.to_f32()),
        DType::F64 => unary(src, typed_mut::<f64>(dst), |x| x.to_f64()),
    }
}

/// A number that converts to all others as `as` does.
trait Numeric: Plain {
    fn is_true(self) -> bool;
    fn to_i8(self) -> i8;
    fn to_i16(self) -> i16;
    fn to_i32(self) -> i32;
    fn to_i64(self) -> i64;
    fn to_u8(self) -> u8;
    fn to_u16(self) -> u16;
    fn to_u32(self) -> u32;
    fn to_u64(self) -> u64;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
}

macro_rules! convert {
    ($through:expr; $($method:ident $to:ty),*) => {
        $(#[inline(always)]
        fn $method(self) -> $to {
            ($through)(self) as $to
        })*
    };
}

macro_rules! numeric {
    ($($t:ty, $through:expr;)*) => { $(impl Numeric for $t {
        #[inline(always)]
        fn is_true(self) -> bool {
            ($through)(self) != Default::default()
        }
        convert! { $through; to_i8 i8, to_i16 i16, to_i32 i32, to_i64 i64, to_u8 u8, to_u16 u16, to_u32 u32, to_u64 u64,
            to_f32 f32, to_f64 f64 }
    })* };
}

numeric! {
    i8, std::convert::identity::<i8>;
    i16, std::convert::identity::<i16>;
    i32, std::convert::identity::<i32>;
    i64, std::convert::identity::<i64>;
    u8, std::convert::identity::<u8>;
    u16, std::convert::identity::<u16>;
    u32, std::convert::identity::<u32>;
    u64, std::convert::identity::<u64>;
    f32, std::convert::identity::<f32>;
    f64, std::convert::identity::<f64>;
    f16, f16::to_f32;
    bf16, bf16::to_f32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_as_by_the_crate() {
        let special =
            [0u32, 1, 0x3f80_8000, 0x3f81_8000, 0x3f80_7fff, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0001, 0xffc0_0000, 0x007f_ffff];
        let spread = (0..100_000u32).map(|i| i.wrapping_mul(2_654_435_761));
        for bits in special.into_iter().chain(spread) {
            let x = f32::from_bits(bits);
            assert_eq!(rounded(x), bf16::from_f32(x).to_bits(), "{bits:x}");
            let (half, ours) = (bf16::from_bits((bits >> 16) as u16), widened((bits >> 16) as u16));
            assert!(half.to_f32() == ours || (half.is_nan() && ours.is_nan()), "{bits:x}");
        }
    }
}
