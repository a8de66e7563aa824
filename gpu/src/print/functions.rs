//! Scalar functions as C expressions. Each operand is a name or a literal.

use gradframe_ml_core::graph::{Fn1, Fn2};
use gradframe_ml_core::{DType, Error, Result};

/// `f(x)` for an operand of a type that is computed in. Errors: `Internal` for a function that the type does not have.
pub fn map1(f: Fn1, dtype: DType, x: &str) -> Result<String> {
    match dtype {
        DType::F32 => Ok(of_float(f, x, "f")),
        DType::F64 => Ok(of_float(f, x, "")),
        DType::Bool if f == Fn1::Not => Ok(format!("!{x}")),
        DType::I64 | DType::U64 => of_integer(f, x).ok_or_else(|| unknown(f.name(), dtype)),
        _ => Err(unknown(f.name(), dtype)),
    }
}

fn unknown(function: &str, dtype: DType) -> Error {
    Error::internal(function, format!("is not computed in {dtype}"))
}

fn of_float(f: Fn1, x: &str, suffix: &str) -> String {
    match f {
        Fn1::Neg => format!("-{x}"),
        Fn1::Abs => format!("absolute({x})"),
        Fn1::Sign => format!("sign({x})"),
        Fn1::IsNan => format!("is_nan({x})"),
        Fn1::IsFinite => format!("is_finite({x})"),
        Fn1::Rsqrt => format!("1 / sqrt{suffix}({x})"),
        // By way of double: CUDA's own single precision forms differ by more than the rounding.
        Fn1::J0 | Fn1::J1 | Fn1::Y0 | Fn1::Y1 if suffix == "f" => format!("(float){}((double){x})", f.name()),
        Fn1::Erfcx => format!("scaled_erfc{suffix}({x})"), // CUDA has an erfcx, hosts have none
        Fn1::Round => format!("rint{suffix}({x})"),        // half to even
        f => format!("{}{suffix}({x})", f.name()),         // named as in C
    }
}

fn of_integer(f: Fn1, x: &str) -> Option<String> {
    Some(match f {
        Fn1::Neg => format!("negated({x})"),
        Fn1::Abs => format!("absolute({x})"),
        Fn1::Sign => format!("sign({x})"),
        Fn1::Not => format!("~{x}"),
        _ => return None,
    })
}

/// `f(a, b)` for operands of a type that is computed in. Errors: `Internal` for a function that the type does not have.
pub fn map2(f: Fn2, dtype: DType, a: &str, b: &str) -> Result<String> {
    if let Some(operator) = comparison(f) {
        return Ok(format!("{a} {operator} {b}"));
    }
    match dtype {
        DType::F32 => of_floats(f, a, b, "f"),
        DType::F64 => of_floats(f, a, b, ""),
        DType::Bool => of_bools(f, a, b),
        DType::I64 | DType::U64 => of_integers(f, a, b),
        _ => None,
    }
    .ok_or_else(|| unknown(f.name(), dtype))
}

fn comparison(f: Fn2) -> Option<&'static str> {
    Some(match f {
        Fn2::Eq => "==",
        Fn2::Ne => "!=",
        Fn2::Lt => "<",
        Fn2::Le => "<=",
        Fn2::Gt => ">",
        Fn2::Ge => ">=",
        _ => return None,
    })
}

fn of_floats(f: Fn2, a: &str, b: &str, suffix: &str) -> Option<String> {
    Some(match f {
        Fn2::Add => format!("{a} + {b}"),
        Fn2::Sub => format!("{a} - {b}"),
        Fn2::Mul => format!("{a} * {b}"),
        Fn2::Div => format!("{a} / {b}"),
        Fn2::Rem => format!("fmod{suffix}({a}, {b})"),
        Fn2::Pow => format!("pow{suffix}({a}, {b})"),
        Fn2::Atan2 => format!("atan2{suffix}({a}, {b})"),
        Fn2::Zeta | Fn2::Igamma | Fn2::Igammac => format!("{}{suffix}({a}, {b})", f.name()),
        Fn2::Max => format!("larger({a}, {b})"),
        Fn2::Min => format!("smaller({a}, {b})"),
        _ => return None,
    })
}

fn of_bools(f: Fn2, a: &str, b: &str) -> Option<String> {
    Some(match f {
        Fn2::And | Fn2::Min => format!("{a} && {b}"),
        Fn2::Or | Fn2::Max => format!("{a} || {b}"),
        Fn2::Xor => format!("{a} != {b}"),
        _ => return None,
    })
}

fn of_integers(f: Fn2, a: &str, b: &str) -> Option<String> {
    Some(match f {
        Fn2::Add => format!("sum({a}, {b})"),
        Fn2::Sub => format!("difference({a}, {b})"),
        Fn2::Mul => format!("product({a}, {b})"),
        Fn2::Div => format!("quotient({a}, {b})"),
        Fn2::Rem => format!("remainder_of({a}, {b})"),
        Fn2::Pow => format!("power({a}, {b})"),
        Fn2::Gcd => format!("common_divisor({a}, {b})"),
        Fn2::Max => format!("larger({a}, {b})"),
        Fn2::Min => format!("smaller({a}, {b})"),
        Fn2::And => format!("{a} & {b}"),
        Fn2::Or => format!("{a} | {b}"),
        Fn2::Xor => format!("{a} ^ {b}"),
        Fn2::Shl => format!("shifted_left({a}, {b})"),
        Fn2::Shr => format!("shifted_right({a}, {b})"),
        _ => return None,
    })
}
