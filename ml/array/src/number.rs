//! Single numbers of the host language, whose type is weak: they take that of the arrays beside them.

use gradframe_ml_core::complex::ComplexType;
use gradframe_ml_core::{DType, Error, Result, Tensor};
use half::{bf16, f16};

use crate::element::Element;

/// A number without an element type of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// True or false.
    Bool(bool),
    /// An integer; i128 holds every integer type.
    Int(i128),
    /// A float.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
}

impl Number {
    /// The type it has when it stands alone.
    pub const fn own(&self) -> Element {
        match self {
            Number::Bool(_) => Element::BOOL,
            Number::Int(_) => Element::INT,
            Number::Float(_) => Element::FLOAT,
            Number::Complex(..) => Element::COMPLEX,
        }
    }

    /// The number as a tensor of shape `[]`, complex ones `[2]`.
    /// Errors: `DType` for an integer that the type does not hold, or a number of another kind.
    pub fn tensor(self, op: &str, element: Element) -> Result<Tensor> {
        match (element, self) {
            (Element::Complex(ty), number) => number.pair(op, ty),
            (Element::Real(DType::Bool), Number::Bool(b)) => Tensor::from_bools(&[], &[b]),
            (Element::Real(dtype), Number::Float(x)) if dtype.is_float() => float(dtype, x),
            (Element::Real(dtype), Number::Int(n)) if dtype.is_float() => float(dtype, n as f64),
            (Element::Real(dtype), Number::Bool(b)) if dtype.is_float() => float(dtype, f64::from(u8::from(b))),
            (Element::Real(dtype), Number::Int(n)) if dtype.is_integer() => integer(op, dtype, n),
            (Element::Real(dtype), Number::Bool(b)) if dtype.is_integer() => integer(op, dtype, i128::from(b)),
            (element, number) => Err(Error::dtype(op, format!("a {} does not become {element}", number.kind()))),
        }
    }

    fn pair(self, op: &str, ty: ComplexType) -> Result<Tensor> {
        let (re, im) = match self {
            Number::Bool(b) => (f64::from(u8::from(b)), 0.0),
            Number::Int(n) => (n as f64, 0.0),
            Number::Float(x) => (x, 0.0),
            Number::Complex(re, im) => (re, im),
        };
        match ty.part() {
            DType::F32 => Tensor::from_vec(&[2], vec![re as f32, im as f32]),
            DType::F64 => Tensor::from_vec(&[2], vec![re, im]),
            other => Err(Error::dtype(op, format!("no arrays of pairs of {other}"))),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Number::Bool(_) => "bool",
            Number::Int(_) => "integer",
            Number::Float(_) => "float",
            Number::Complex(..) => "complex number",
        }
    }
}

fn float(dtype: DType, x: f64) -> Result<Tensor> {
    match dtype {
        DType::F64 => Ok(Tensor::scalar(x)),
        DType::F32 => Ok(Tensor::scalar(x as f32)),
        DType::F16 => Ok(Tensor::scalar(f16::from_f64(x))),
        _ => {
            let bits = arrow_buffer::Buffer::from_vec(vec![bf16::from_f64(x).to_bits()]);
            Tensor::try_new(DType::BF16, &[], bits)
        }
    }
}

fn integer(op: &str, dtype: DType, n: i128) -> Result<Tensor> {
    macro_rules! checked {
        ($($variant:ident => $ty:ty),*) => {
            match dtype {
                $(DType::$variant => <$ty>::try_from(n).ok().map(Tensor::scalar),)*
                _ => None,
            }
        };
    }
    let tensor = checked!(I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32, U64 => u64);
    tensor.ok_or_else(|| {
        let what = format!("the integer {n} does not fit {}", Element::Real(dtype));
        Error::dtype(op, what).hint("cast the array to a wider type with astype")
    })
}
