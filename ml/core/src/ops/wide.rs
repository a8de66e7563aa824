//! Numbers of any element type in one of two wide forms, in which the reference evaluator computes.
//!
//! Floats are computed in f64 and rounded once, integers and bool in i128 and wrapped: that is at least as accurate as
//! computing in the type itself, and needs one piece of code for the 13 types.

use std::mem::size_of;

use arrow_buffer::{ArrowNativeType, Buffer};
use half::{bf16, f16};

use crate::dtype::DType;
use crate::error::Result;
use crate::tensor::Tensor;

/// The elements of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Wide {
    /// f16, bf16, f32, f64.
    Float(Vec<f64>),
    /// bool (0 or 1) and integers.
    Int(Vec<i128>),
}

/// Calls `$f::<T>` with the Rust type of an integer element type or bool's byte.
macro_rules! with_integer {
    ($dtype:expr, $f:ident, $($arg:expr),*) => {
        match $dtype {
            DType::I8 => $f::<i8>($($arg),*), DType::I16 => $f::<i16>($($arg),*),
            DType::I32 => $f::<i32>($($arg),*), DType::I64 => $f::<i64>($($arg),*),
            DType::U16 => $f::<u16>($($arg),*), DType::U32 => $f::<u32>($($arg),*),
            DType::U64 => $f::<u64>($($arg),*), _ => $f::<u8>($($arg),*),
        }
    };
}

/// An integer type that converts to and from i128.
trait Integer: ArrowNativeType {
    fn widen(self) -> i128;
    fn wrap(value: i128) -> Self;
    const RANGE: (i128, i128);
}

macro_rules! integers {
    ($($t:ty)*) => { $(impl Integer for $t {
        fn widen(self) -> i128 { self as i128 }
        fn wrap(value: i128) -> Self { value as $t }
        const RANGE: (i128, i128) = (<$t>::MIN as i128, <$t>::MAX as i128);
    })* };
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 }

/// The elements in wide form; exact.
pub fn decode(tensor: &Tensor) -> Wide {
    let data = tensor.buffer();
    match tensor.dtype() {
        DType::F64 => Wide::Float(data.typed_data::<f64>().to_vec()),
        DType::F32 => Wide::Float(data.typed_data::<f32>().iter().map(|&v| v as f64).collect()),
        DType::F16 => Wide::Float(data.typed_data::<f16>().iter().map(|v| v.to_f64()).collect()),
        DType::BF16 => Wide::Float(data.typed_data::<u16>().iter().map(|&b| bf16::from_bits(b).to_f64()).collect()),
        dtype => with_integer!(dtype, decode_integer, data),
    }
}

fn decode_integer<T: Integer>(data: &Buffer) -> Wide {
    Wide::Int(data.typed_data::<T>().iter().map(|v| v.widen()).collect())
}

/// Rounds to a float type; a float to an integer type truncates and saturates (NaN -> 0), an integer wraps;
/// to bool is `x != 0`. This is what `Cast` means.
/// Errors: `Shape` if the number of elements does not fit.
pub fn encode(dtype: DType, shape: &[usize], values: &Wide) -> Result<Tensor> {
    let data = match (dtype, values) {
        (DType::Bool, Wide::Float(v)) => collect(v, |v| (v != 0.0) as u8),
        (DType::Bool, Wide::Int(v)) => collect(v, |v| (v != 0) as u8),
        (DType::F64, Wide::Float(v)) => Buffer::from_slice_ref(v),
        (DType::F64, Wide::Int(v)) => collect(v, |v| v as f64),
        (DType::F32, Wide::Float(v)) => collect(v, |v| v as f32),
        (DType::F32, Wide::Int(v)) => collect(v, |v| v as f32),
        (DType::F16, Wide::Float(v)) => collect(v, f16::from_f64),
        (DType::F16, Wide::Int(v)) => collect(v, |v| f16::from_f64(v as f64)),
        (DType::BF16, Wide::Float(v)) => collect(v, |v| bf16::from_f64(v).to_bits()),
        (DType::BF16, Wide::Int(v)) => collect(v, |v| bf16::from_f64(v as f64).to_bits()),
        (dtype, Wide::Float(v)) => with_integer!(dtype, saturate, v),
        (dtype, Wide::Int(v)) => with_integer!(dtype, wrap, v),
    };
    Tensor::try_new(dtype, shape, data)
}

fn collect<S: Copy, T: ArrowNativeType>(values: &[S], convert: impl Fn(S) -> T) -> Buffer {
    Buffer::from_vec(values.iter().map(|&v| convert(v)).collect::<Vec<T>>())
}

fn saturate<T: Integer>(values: &[f64]) -> Buffer {
    collect(values, |v| T::wrap((v as i128).clamp(T::RANGE.0, T::RANGE.1)))
}

fn wrap<T: Integer>(values: &[i128]) -> Buffer {
    collect(values, T::wrap)
}

/// The lowest and highest value of a type; infinities for floats.
pub fn extremes(dtype: DType) -> (Wide, Wide) {
    if dtype.is_float() {
        return (Wide::Float(vec![f64::NEG_INFINITY]), Wide::Float(vec![f64::INFINITY]));
    }
    if dtype == DType::Bool {
        return (Wide::Int(vec![0]), Wide::Int(vec![1]));
    }
    let (low, high) = with_integer!(dtype, range,);
    (Wide::Int(vec![low]), Wide::Int(vec![high]))
}

fn range<T: Integer>() -> (i128, i128) {
    T::RANGE
}

/// The bits of an integer type: shifts by this many or more leave only the sign.
pub fn bits(dtype: DType) -> i128 {
    8 * if dtype == DType::Bool { size_of::<u8>() } else { dtype.size_bytes() } as i128
}

impl Wide {
    /// The values as text.
    pub fn display(&self) -> Box<dyn Iterator<Item = String> + '_> {
        match self {
            Wide::Float(v) => Box::new(v.iter().map(f64::to_string)),
            Wide::Int(v) => Box::new(v.iter().map(i128::to_string)),
        }
    }

    /// The values as floats; integers beyond 2^53 are rounded.
    pub fn to_floats(&self) -> Vec<f64> {
        match self {
            Wide::Float(v) => v.clone(),
            Wide::Int(v) => v.iter().map(|&v| v as f64).collect(),
        }
    }
}
