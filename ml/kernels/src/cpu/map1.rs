//! Functions of one operand over blocks.

use gradframe_ml_core::graph::Fn1;
use gradframe_ml_core::ops::special;
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{typed, typed_mut};
use super::math::{double, erf, single};
use super::simd::unary;

/// `dst[i] = f(src[i])` for elements of `dtype`, one of those that are computed in.
/// Errors: `Internal` for a function that the type does not have.
pub fn map1(f: Fn1, dtype: DType, src: &[u8], dst: &mut [u8]) -> Result<()> {
    match dtype {
        DType::F32 if is_predicate(f) => predicate_f32(f, typed(src), dst),
        DType::F64 if is_predicate(f) => predicate_f64(f, typed(src), dst),
        DType::F32 if f == Fn1::Erf => unary(
            typed(src),
            typed_mut(dst),
            #[inline(always)]
            |x: f32| erf::erf(x),
        ),
        DType::F32 => of_f32(f, typed(src), typed_mut(dst)),
        DType::F64 => of_f64(f, typed(src), typed_mut(dst)),
        DType::I64 => return of_i64(f, typed(src), typed_mut(dst)),
        DType::U64 => return of_u64(f, typed(src), typed_mut(dst)),
        _ if f == Fn1::Not => unary(src, dst, |x| x ^ 1),
        _ => return Err(unknown(f, dtype)),
    }
    Ok(())
}

fn unknown(f: Fn1, dtype: DType) -> Error {
    Error::internal(f.name(), format!("is not computed in {dtype}"))
}

fn is_predicate(f: Fn1) -> bool {
    matches!(f, Fn1::IsNan | Fn1::IsFinite)
}

macro_rules! float_functions {
    ($of:ident, $predicate:ident, $float:ident, $fast:ident) => {
        fn $predicate(f: Fn1, src: &[$float], dst: &mut [u8]) {
            match f {
                Fn1::IsNan => unary(src, dst, |x| x.is_nan() as u8),
                _ => unary(src, dst, |x| x.is_finite() as u8),
            }
        }

        fn $of(f: Fn1, src: &[$float], dst: &mut [$float]) {
            match f {
                Fn1::Neg => unary(src, dst, |x| -x),
                Fn1::Abs => unary(src, dst, |x| x.abs()),
                Fn1::Sign => unary(src, dst, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
                Fn1::Exp => unary(
                    src,
                    dst,
                    #[inline(always)]
                    |x| $fast::exp(x),
                ),
                Fn1::Expm1 => unary(
                    src,
                    dst,
                    #[inline(always)]
                    |x| $fast::expm1(x),
                ),
                Fn1::Log => unary(
                    src,
                    dst,
                    #[inline(always)]
                    |x| $fast::log(x),
                ),
                Fn1::Log1p => unary(
                    src,
                    dst,
                    #[inline(always)]
                    |x| $fast::log1p(x),
                ),
                Fn1::Tanh => unary(
                    src,
                    dst,
                    #[inline(always)]
                    |x| $fast::tanh(x),
                ),
                Fn1::Sqrt => unary(src, dst, |x| x.sqrt()),
                Fn1::Rsqrt => unary(src, dst, |x| 1.0 / x.sqrt()),
                Fn1::Floor => unary(src, dst, |x| x.floor()),
                Fn1::Ceil => unary(src, dst, |x| x.ceil()),
                Fn1::Round => unary(src, dst, |x| x.round_ties_even()),
                Fn1::Trunc => unary(src, dst, |x| x.trunc()),
                f => dst.iter_mut().zip(src).for_each(|(d, &x)| *d = slow(f, x as f64) as $float),
            }
        }
    };
}

float_functions!(of_f32, predicate_f32, f32, single);
float_functions!(of_f64, predicate_f64, f64, double);

/// The functions that are computed one element at a time.
fn slow(f: Fn1, x: f64) -> f64 {
    match f {
        Fn1::Sin => x.sin(),
        Fn1::Cos => x.cos(),
        Fn1::Tan => x.tan(),
        Fn1::Asin => x.asin(),
        Fn1::Acos => x.acos(),
        Fn1::Atan => x.atan(),
        Fn1::Sinh => x.sinh(),
        Fn1::Cosh => x.cosh(),
        Fn1::Erf => libm::erf(x),
        Fn1::Erfc => libm::erfc(x),
        Fn1::Erfcx => special::erfcx(x),
        Fn1::I0e => special::bessel_ie(0, x),
        Fn1::I1e => special::bessel_ie(1, x),
        Fn1::K0e => special::bessel_ke(0, x),
        Fn1::K1e => special::bessel_ke(1, x),
        Fn1::J0 => libm::j0(x),
        Fn1::J1 => libm::j1(x),
        Fn1::Y0 => libm::y0(x),
        Fn1::Y1 => libm::y1(x),
        Fn1::Lgamma => libm::lgamma(x),
        Fn1::Digamma => statrs::function::gamma::digamma(x),
        _ => f64::NAN, // refused by the type rule
    }
}

fn of_i64(f: Fn1, src: &[i64], dst: &mut [i64]) -> Result<()> {
    match f {
        Fn1::Neg => unary(src, dst, |x| x.wrapping_neg()),
        Fn1::Abs => unary(src, dst, |x| x.wrapping_abs()),
        Fn1::Sign => unary(src, dst, |x| x.signum()),
        Fn1::Not => unary(src, dst, |x| !x),
        f => return Err(unknown(f, DType::I64)),
    }
    Ok(())
}

fn of_u64(f: Fn1, src: &[u64], dst: &mut [u64]) -> Result<()> {
    match f {
        Fn1::Neg => unary(src, dst, |x| x.wrapping_neg()),
        Fn1::Abs => dst.copy_from_slice(src),
        Fn1::Sign => unary(src, dst, |x| (x != 0) as u64),
        Fn1::Not => unary(src, dst, |x| !x),
        f => return Err(unknown(f, DType::U64)),
    }
    Ok(())
}
