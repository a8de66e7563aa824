//! Scalar functions of numbers, by the standard library.

use gradframe_ml_core::graph::{Fn1, Fn2, ReduceOp};
use gradframe_ml_core::ops::special;
use gradframe_ml_core::{DType, Error, Result};

use super::number::Number::{self, Bool, Double, Signed, Single, Unsigned};

/// `f(x)`. Errors: `Internal` for a function that the type does not have.
pub fn map1(f: Fn1, x: Number) -> Result<Number> {
    Ok(match (f, x) {
        (Fn1::IsNan, x) => Bool(x.to_f64().is_nan()),
        (Fn1::IsFinite, x) => Bool(x.to_f64().is_finite()),
        (Fn1::Not, Bool(x)) => Bool(!x),
        (Fn1::Not, Signed(x)) => Signed(!x),
        (Fn1::Not, Unsigned(x)) => Unsigned(!x),
        (Fn1::Neg, Signed(x)) => Signed(x.wrapping_neg()),
        (Fn1::Neg, Unsigned(x)) => Unsigned(x.wrapping_neg()),
        (Fn1::Abs, Signed(x)) => Signed(x.wrapping_abs()),
        (Fn1::Abs, Unsigned(x)) => Unsigned(x),
        (Fn1::Sign, Signed(x)) => Signed(x.signum()),
        (Fn1::Sign, Unsigned(x)) => Unsigned((x != 0) as u64),
        (f, Single(x)) => Single(of_float(f, x as f64) as f32),
        (f, Double(x)) => Double(of_float(f, x)),
        (f, x) => return Err(Error::internal(f.name(), format!("is not computed of {x:?}"))),
    })
}

fn of_float(f: Fn1, x: f64) -> f64 {
    match f {
        Fn1::Neg => -x,
        Fn1::Abs => x.abs(),
        Fn1::Sign if x == 0.0 || x.is_nan() => x,
        Fn1::Sign => x.signum(),
        Fn1::Exp => x.exp(),
        Fn1::Expm1 => x.exp_m1(),
        Fn1::Log => x.ln(),
        Fn1::Log1p => x.ln_1p(),
        Fn1::Sqrt => x.sqrt(),
        Fn1::Rsqrt => 1.0 / x.sqrt(),
        Fn1::Sin => x.sin(),
        Fn1::Cos => x.cos(),
        Fn1::Tan => x.tan(),
        Fn1::Asin => x.asin(),
        Fn1::Acos => x.acos(),
        Fn1::Atan => x.atan(),
        Fn1::Sinh => x.sinh(),
        Fn1::Cosh => x.cosh(),
        Fn1::Tanh => x.tanh(),
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
        Fn1::Floor => x.floor(),
        Fn1::Ceil => x.ceil(),
        Fn1::Round => x.round_ties_even(),
        Fn1::Trunc => x.trunc(),
        Fn1::Not | Fn1::IsNan | Fn1::IsFinite => f64::NAN, // answered by map1
    }
}

/// `f(a, b)`. Errors: `Internal` for a function that the type does not have.
pub fn map2(f: Fn2, a: Number, b: Number) -> Result<Number> {
    if f.is_comparison() {
        return Ok(Bool(compare(f, a, b)));
    }
    let known = match (a, b) {
        (Bool(a), Bool(b)) => of_bools(f, a, b).map(Bool),
        (Signed(a), Signed(b)) => of_integers(f, a as i128, b as i128, shifted_signed(a)).map(|x| Signed(x as i64)),
        (Unsigned(a), Unsigned(b)) => of_integers(f, a as i128, b as i128, shifted_unsigned(a)).map(|x| Unsigned(x as u64)),
        // Rounded once from f64: for + - * / and sqrt that is what computing in f32 gives (Figueroa 1995).
        (Single(a), Single(b)) => of_floats(f, a as f64, b as f64).map(|x| Single(x as f32)),
        (Double(a), Double(b)) => of_floats(f, a, b).map(Double),
        _ => None,
    };
    known.ok_or_else(|| Error::internal(f.name(), format!("is not computed of {a:?} and {b:?}")))
}

fn compare(f: Fn2, a: Number, b: Number) -> bool {
    let ordering = match (a, b) {
        (Single(_) | Double(_), _) => a.to_f64().partial_cmp(&b.to_f64()),
        _ => Some(a.to_wide().cmp(&b.to_wide())),
    };
    match f {
        Fn2::Eq => ordering.is_some_and(|o| o.is_eq()),
        Fn2::Ne => !ordering.is_some_and(|o| o.is_eq()),
        Fn2::Lt => ordering.is_some_and(|o| o.is_lt()),
        Fn2::Le => ordering.is_some_and(|o| o.is_le()),
        Fn2::Gt => ordering.is_some_and(|o| o.is_gt()),
        _ => ordering.is_some_and(|o| o.is_ge()),
    }
}

fn of_bools(f: Fn2, a: bool, b: bool) -> Option<bool> {
    match f {
        Fn2::And | Fn2::Min => Some(a & b),
        Fn2::Or | Fn2::Max => Some(a | b),
        Fn2::Xor => Some(a ^ b),
        _ => None,
    }
}

fn of_floats(f: Fn2, a: f64, b: f64) -> Option<f64> {
    Some(match f {
        Fn2::Add => a + b,
        Fn2::Sub => a - b,
        Fn2::Mul => a * b,
        Fn2::Div => a / b,
        Fn2::Rem => a % b,
        Fn2::Pow => a.powf(b),
        Fn2::Atan2 => a.atan2(b),
        Fn2::Zeta => special::zeta(a, b),
        Fn2::Igamma => special::igamma(a, b),
        Fn2::Igammac => special::igammac(a, b),
        Fn2::Max | Fn2::Min if a.is_nan() || b.is_nan() => f64::NAN,
        Fn2::Max => a.max(b),
        Fn2::Min => a.min(b),
        _ => return None,
    })
}

/// Exact; the caller wraps to 64 bits.
fn of_integers(f: Fn2, a: i128, b: i128, shifted: impl Fn(Fn2, i128) -> i128) -> Option<i128> {
    Some(match f {
        Fn2::Add => a + b,
        Fn2::Sub => a - b,
        Fn2::Mul => a.wrapping_mul(b),
        Fn2::Div | Fn2::Rem if b == 0 => 0,
        Fn2::Div => a / b,
        Fn2::Rem => a % b,
        Fn2::Pow => power(a, b),
        Fn2::Gcd => special::gcd(a, b),
        Fn2::Max => a.max(b),
        Fn2::Min => a.min(b),
        Fn2::And => a & b,
        Fn2::Or => a | b,
        Fn2::Xor => a ^ b,
        Fn2::Shl | Fn2::Shr => shifted(f, b),
        _ => return None,
    })
}

/// Shifts by 64 bits or more leave only the sign; a negative distance is one of those.
fn shifted_signed(a: i64) -> impl Fn(Fn2, i128) -> i128 {
    move |f, b| match (f, (0..64).contains(&b)) {
        (Fn2::Shl, true) => (a << b) as i128,
        (Fn2::Shl, false) => 0,
        (_, true) => (a >> b) as i128,
        (_, false) => (a >> 63) as i128,
    }
}

fn shifted_unsigned(a: u64) -> impl Fn(Fn2, i128) -> i128 {
    move |f, b| match (f, (0..64).contains(&b)) {
        (Fn2::Shl, true) => (a << b) as i128,
        (Fn2::Shr, true) => (a >> b) as i128,
        _ => 0,
    }
}

/// `a^b` modulo 2^128; with a negative exponent the whole part of the quotient, and 0 for a base of 0.
fn power(a: i128, b: i128) -> i128 {
    match (a, b) {
        (1, _) => 1,
        (-1, b) => 1 - 2 * (b & 1),
        (_, b) if b < 0 => 0,
        _ => {
            let (mut result, mut base, mut rest) = (1i128, a, b);
            while rest > 0 {
                if rest & 1 == 1 {
                    result = result.wrapping_mul(base);
                }
                (base, rest) = (base.wrapping_mul(base), rest >> 1);
            }
            result
        }
    }
}

/// A fold's state in the type that it is folded in: floats in f64, i64 and u64 in their own, bool in u64.
pub fn widened(x: Number) -> Number {
    match x {
        Single(x) => Double(x as f64),
        Bool(x) => Unsigned(x as u64),
        other => other,
    }
}

/// What a fold over nothing gives, for results of this type; in the type that it is folded in.
pub fn neutral(op: ReduceOp, dtype: DType) -> Number {
    let of_type = |x: i128| match dtype {
        DType::U64 | DType::Bool => Unsigned(x as u64),
        float if float.is_float() => Double(x as f64),
        _ => Signed(x as i64),
    };
    match op {
        ReduceOp::Sum | ReduceOp::Any => of_type(0),
        ReduceOp::Prod | ReduceOp::All => of_type(1),
        ReduceOp::Max | ReduceOp::Min if dtype.is_float() => {
            Double(if op == ReduceOp::Max { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        ReduceOp::Max => of_type(range(dtype).0),
        ReduceOp::Min => of_type(range(dtype).1),
    }
}

fn range(dtype: DType) -> (i128, i128) {
    let bits = 8 * dtype.size_bytes() as u32;
    match dtype {
        DType::Bool => (0, 1),
        signed if signed.is_signed() => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        _ => (0, (1 << bits) - 1),
    }
}

/// A fold's state after one more number, widened.
pub fn folded(op: ReduceOp, state: Number, x: Number) -> Result<Number> {
    let f = match op {
        ReduceOp::Sum => Fn2::Add,
        ReduceOp::Prod => Fn2::Mul,
        ReduceOp::Max | ReduceOp::Any => Fn2::Max,
        ReduceOp::Min | ReduceOp::All => Fn2::Min,
    };
    map2(f, state, x)
}

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];

/// Threefry-2x32-20 of a counter under a key, as `Kind::Threefry` defines it. Source: Salmon et al. 2011.
pub fn threefry(key: u64, counter: u64) -> u64 {
    let key = [(key >> 32) as u32, key as u32];
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD1_1BDA];
    let mut x = [((counter >> 32) as u32).wrapping_add(keys[0]), (counter as u32).wrapping_add(keys[1])];
    for round in 1..=20 {
        x[0] = x[0].wrapping_add(x[1]);
        x[1] = x[1].rotate_left(ROTATIONS[(round - 1) % 8]) ^ x[0];
        if round % 4 == 0 {
            let injection = round / 4;
            x[0] = x[0].wrapping_add(keys[injection % 3]);
            x[1] = x[1].wrapping_add(keys[(injection + 1) % 3]).wrapping_add(injection as u32);
        }
    }
    (x[0] as u64) << 32 | x[1] as u64
}
