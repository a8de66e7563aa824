//! What two element types have in common: one table, the Array API's, with weak numbers.
//!
//! Beyond the standard, which leaves it open, a float decides over an integer (int64 and float32 give float32), and
//! anything over bool. Signed integers and uint64 have no common type: that is an error, not a float.

use gradframe_ml_core::complex::ComplexType;
use gradframe_ml_core::{DType, Error, Result};

use crate::element::Element;
use crate::number::Number;

/// The type that holds both. Errors: `DType` naming both and the operation, if there is none.
pub fn promote(op: &str, a: Element, b: Element) -> Result<Element> {
    if a == b {
        return Ok(a);
    }
    match (a, b) {
        (Element::Real(x), Element::Real(y)) => real(x, y).map(Element::Real).ok_or_else(|| no_common(op, a, b)),
        (Element::Complex(x), Element::Complex(y)) => complex(x.part(), y.part()),
        (Element::Complex(x), Element::Real(y)) | (Element::Real(y), Element::Complex(x)) => {
            complex(x.part(), if y.is_float() { y } else { x.part() })
        }
    }
}

/// The type of a number beside arrays of a type: theirs, if its kind allows.
pub fn weak(number: &Number, beside: Element) -> Element {
    match number {
        Number::Bool(_) => beside,
        Number::Int(_) if beside == Element::BOOL => Element::INT,
        Number::Int(_) => beside,
        Number::Float(_) if beside.is_differentiable() => beside,
        Number::Float(_) => Element::FLOAT,
        Number::Complex(..) if beside.is_complex() => beside,
        Number::Complex(..) if beside == Element::Real(DType::F64) => Element::Complex(ComplexType::Complex128),
        Number::Complex(..) => Element::COMPLEX,
    }
}

fn no_common(op: &str, a: Element, b: Element) -> Error {
    Error::dtype(op, format!("{a} and {b} have no type that holds both")).hint("cast one with astype")
}

fn complex(a: DType, b: DType) -> Result<Element> {
    let part = real(a, b).unwrap_or(DType::F32);
    ComplexType::of(if part == DType::F64 { DType::F64 } else { DType::F32 }).map(Element::Complex)
}

fn real(a: DType, b: DType) -> Option<DType> {
    if a == b {
        return Some(a);
    }
    match (rank(a), rank(b)) {
        (Kind::Bool, _) => Some(b),
        (_, Kind::Bool) => Some(a),
        (Kind::Float, Kind::Float) if a.size_bytes() == b.size_bytes() => Some(DType::F32), // float16 and bfloat16
        (x, y) if x == y => Some(if a.size_bytes() > b.size_bytes() { a } else { b }),
        (Kind::Float, _) => Some(a),
        (_, Kind::Float) => Some(b),
        (Kind::Signed, _) => mixed(a, b),
        (_, _) => mixed(b, a),
    }
}

#[derive(PartialEq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

fn rank(dtype: DType) -> Kind {
    match dtype {
        DType::Bool => Kind::Bool,
        other if other.is_float() => Kind::Float,
        other if other.is_signed() => Kind::Signed,
        _ => Kind::Unsigned,
    }
}

/// The smallest signed type that holds a signed and an unsigned one.
fn mixed(signed: DType, unsigned: DType) -> Option<DType> {
    let bytes = signed.size_bytes().max(2 * unsigned.size_bytes());
    [DType::I8, DType::I16, DType::I32, DType::I64].into_iter().find(|d| d.size_bytes() == bytes)
}
